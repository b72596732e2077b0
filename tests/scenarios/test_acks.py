"""What each kind of acknowledgement, with and without idempotence, promises when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dekaf.errors import (
    DeliveryTimeoutError,
)
from dekaf.producer import ProducerOptions
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedProduce,
    Trigger,
)
from dekaf.types import Acks
from tests.certificates import Authority
from tests.scenarios.faces import SMALL_BATCHES, Face, MakeFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind, succeed_in_order


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


def test_without_acknowledgements_offsets_are_unknown(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, acks=Acks.NONE, **SMALL_BATCHES)
    ledger = Ledger(face, "t")

    ledger.produce(20)
    outcomes = ledger.outcomes()
    face.close()

    assert {outcome.metadata and outcome.metadata.has_offset for outcome in outcomes} == {False}
    cluster.wait_for_records("t", 20)
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)
    assert {request.acks for request in cluster.requests(ReceivedProduce)} == {0}


def test_without_acknowledgements_a_lost_connection_is_replaced(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, acks=Acks.NONE)
    face.produce("t", b"a", partition=0).result(10)
    cluster.wait_for_records("t", 1)

    for broker in cluster.brokers:
        broker.close_connections()

    eventually(lambda: _delivers_without_ack(face, cluster))  # what is sent before the end is noticed may be lost


@pytest.mark.parametrize(("acks", "hints"), [(Acks.NONE, True), (Acks.LEADER, False)])
def test_broker_that_closes_on_what_it_was_sent_without_acknowledgements_is_said_to_refuse_it(
    cluster: FakeCluster, make_face: MakeFace, caplog: pytest.LogCaptureFixture, acks: Acks, hints: bool
) -> None:
    """A closed connection is the only answer there is: the messages are gone, and nobody else tells."""
    refused = cluster.on(ApiKey.PRODUCE)
    if acks is Acks.NONE:
        refused.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    else:
        refused.close_before_append()
    face = make_face(cluster.bootstrap_servers, acks=acks)
    face.produce("t", b"a", partition=0).result(10)

    eventually(lambda: "closed the connection" in caplog.text)
    assert ("With acks='none' that is how it refuses messages" in caplog.text) is hints


@pytest.mark.parametrize(
    "options",
    [
        {"acks": Acks.LEADER},
        {"enable_idempotence": False},
        {"acks": Acks.LEADER, "max_in_flight_requests_per_connection": 1},
        {"max_in_flight_requests_per_connection": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "script",
    [
        lambda on: on.close_before_append(),
        lambda on: on.never_answer(append=False),
        lambda on: on.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, times=3),
        lambda on: on.omit_partition(),
    ],
    ids=["closed before append", "never answered nor stored", "not the leader", "omitted"],
)
def test_every_mode_delivers_at_least_once(
    cluster: FakeCluster, make_face: MakeFace, options: ProducerOptions, script: Callable[[Trigger], object]
) -> None:
    face = make_face(cluster.bootstrap_servers, **{**SMALL_BATCHES, "request_timeout_ms": 150, **options})
    ledger = Ledger(face, "t")

    script(cluster.on(ApiKey.PRODUCE, partition=0, nth=2))
    ledger.produce(40)
    outcomes = ledger.outcomes()
    face.close()

    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
    keep_promises(cluster, "t", outcomes, is_idempotent=False)
    leave_nothing_behind(face.status(), outcomes)


def test_one_request_in_flight_keeps_the_order_without_idempotence(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(
        cluster.bootstrap_servers,
        acks=Acks.LEADER,
        max_in_flight_requests_per_connection=1,
        **SMALL_BATCHES,
    )
    ledger = Ledger(face, "t")
    for nth in (2, 3, 5):
        cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.on(ApiKey.PRODUCE, partition=0, nth=7).close_before_append()

    ledger.produce(60)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_partition_goes_on_after_an_unanswered_batch_ran_out_of_time_without_idempotence(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(
        cluster.bootstrap_servers, acks=Acks.LEADER, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600
    )
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.produce(2)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).never_answer()
    ledger.produce(1)
    late = ledger.outcomes()[-1]
    ledger.produce(3)
    outcomes = ledger.outcomes()

    assert isinstance(late.error, DeliveryTimeoutError)
    assert [outcome.error for outcome in outcomes[-3:]] == [None, None, None]
    keep_promises(cluster, "t", outcomes, is_idempotent=False)


def _delivers_without_ack(face: Face, cluster: FakeCluster) -> bool:
    face.produce("t", b"again", partition=0).result(10)
    return len(cluster.log("t")) > 1


def test_without_acknowledgements_delivered_means_that_the_broker_gets_it_whenever_it_reads(
    make_face: MakeFace,
) -> None:
    """What a slow broker has not read when the producer is closed is in the log later all the same."""
    with FakeCluster(topics={"t": 1}, receive_buffer_bytes=8192) as cluster:
        face = make_face(cluster.bootstrap_servers, acks=Acks.NONE, linger_ms=0)
        face.produce("t", b"first").result(10)
        cluster.wait_for_records("t", 1)
        cluster.broker(1).pause_reading()
        handles = [face.produce("t", b"x" * 1000) for _ in range(4000)]

        report = face.close(1.0)
        delivered = sum(handle.exception(10) is None for handle in handles)
        cluster.broker(1).resume_reading()

        assert delivered + 1 >= report.delivered
        assert report.undelivered > 0
        cluster.wait_for_records("t", 1 + delivered)
        assert len(cluster.log("t")) == 1 + delivered


def test_without_acknowledgements_close_leaves_nothing_behind_in_the_buffers_of_tls(
    make_face: MakeFace, authority: Authority
) -> None:
    server = authority.server()
    tls = (server.certfile, server.keyfile)
    with FakeCluster(topics={"t": 1}, tls=tls, host="localhost", receive_buffer_bytes=8192) as cluster:
        options = {"security_protocol": "SSL", "ssl_cafile": str(authority.cafile), "linger_ms": 0}
        face = make_face(cluster.bootstrap_servers, acks=Acks.NONE, **options)
        handles = [face.produce("t", b"x" * 8000) for _ in range(1500)]

        report = face.close()

        assert report.ok
        assert [handle.exception(10) for handle in handles if handle.exception(10)] == []
        cluster.wait_for_records("t", 1500)
