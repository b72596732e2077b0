"""Whole producers against a cluster that misbehaves: no loss, no duplicate, no disorder, an outcome for everything."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from dekaf._protocol.api import SUPPORTED
from dekaf.errors import (
    BrokerConnectionError,
    ClusterAuthorizationError,
    DeliveryTimeoutError,
    InvalidProducerEpochError,
    InvalidRecordError,
    MalformedResponseError,
    NotEnoughReplicasError,
    OutOfOrderSequenceError,
    ProduceError,
    RecordTooLargeError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer import ProducerOptions
from dekaf.testing import (
    ALWAYS,
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedInitProducerId,
    ReceivedMetadata,
    ReceivedProduce,
    TopicSettings,
    Trigger,
)
from dekaf.types import Acks
from tests.scenarios.faces import Face, MakeFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind, succeed_in_order

Script = Callable[[Trigger], object]

# Five records to a batch, so that a few dozen records make several requests.
SMALL_BATCHES: ProducerOptions = {"batch_size": 160}
IMPATIENT: ProducerOptions = {"request_timeout_ms": 150}

# Whatever goes wrong in these ways, all messages arrive, once and in order.
SURVIVED: dict[str, tuple[Script, ProducerOptions]] = {
    "closed before append": (lambda on: on.close_before_append(), {}),
    "closed after append": (lambda on: on.close_after_append(), {}),
    "closed after append, twice": (lambda on: on.close_after_append(times=2), {}),
    "reset": (lambda on: on.reset(), {}),
    "half a frame": (lambda on: on.half_a_frame(), {}),
    "truncated": (lambda on: on.truncate(), {}),
    "another's number": (lambda on: on.wrong_correlation_id(), {}),
    "another protocol": (lambda on: on.garbage(), {}),
    "a TLS alert": (lambda on: on.garbage(b"\x15\x03\x01\x00\x02\x02\x46"), {}),
    "never answered": (lambda on: on.never_answer(), IMPATIENT),
    "never answered nor stored": (lambda on: on.never_answer(append=False), IMPATIENT),
    "left out of the answer": (lambda on: on.omit_partition(), {}),
    "a partition too many": (lambda on: on.add_partition("t", 1), {}),
    "an unknown topic too many": (lambda on: on.add_partition("nobody-asked", 0), {}),
    "throttled": (lambda on: on.throttle(30), {}),
    "delayed": (lambda on: on.delay(0.03), {}),
    "delayed beyond the request timeout": (lambda on: on.delay(0.4), IMPATIENT),
    "unknown topic for a moment": (lambda on: on.fail(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, times=3), {}),
    "unknown topic id": (lambda on: on.fail(ErrorCode.UNKNOWN_TOPIC_ID), {}),
    "no leader yet": (lambda on: on.fail(ErrorCode.LEADER_NOT_AVAILABLE), {}),
    "not the leader": (lambda on: on.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, times=3), {}),
    "not the leader, after append": (lambda on: on.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, after_append=True), {}),
    "a stale hint": (lambda on: on.hint_leader(2, 0), {}),
    "a hint at a broker nobody knows": (lambda on: on.hint_leader(99, 7), {}),
    "not replicated in time": (lambda on: on.fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True), {}),
    "too few replicas": (lambda on: on.fail(ErrorCode.NOT_ENOUGH_REPLICAS, times=3), {}),
    "too few replicas, after append": (
        lambda on: on.fail(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, after_append=True),
        {},
    ),
    "a failed disk": (lambda on: on.fail(ErrorCode.KAFKA_STORAGE_ERROR), {}),
    "a wrong checksum": (lambda on: on.fail(ErrorCode.CORRUPT_MESSAGE), {}),
    "out of order": (lambda on: on.fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER), {}),
    "out of order, twice": (lambda on: on.fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, times=2), {}),
    "unknown producer": (lambda on: on.fail(ErrorCode.UNKNOWN_PRODUCER_ID), {}),
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.parametrize("moment", ["with the first batch", "later", "with many in flight"])
@pytest.mark.parametrize(("script", "options"), SURVIVED.values(), ids=SURVIVED.keys())
def test_fault_is_survived(
    cluster: FakeCluster, make_face: MakeFace, script: Script, options: ProducerOptions, moment: str
) -> None:
    face = make_face(cluster.bootstrap_servers, **{**SMALL_BATCHES, **options})
    ledger = Ledger(face, "t")
    if moment != "with the first batch":
        ledger.produce(7)
        ledger.outcomes()

    script(cluster.on(ApiKey.PRODUCE, topic="t", partition=0, nth=3 if moment == "with many in flight" else 1))
    for _ in range(8):
        ledger.produce(5)
        ledger.produce(1, partition=1)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


# These end in an error for the batch concerned; the ones after it arrive.
REFUSED: dict[str, tuple[int, type[ProduceError], bool]] = {
    "too large": (ErrorCode.MESSAGE_TOO_LARGE, RecordTooLargeError, False),
    "not authorized": (ErrorCode.TOPIC_AUTHORIZATION_FAILED, TopicAuthorizationError, False),
    "invalid record": (ErrorCode.INVALID_RECORD, InvalidRecordError, False),
    "invalid epoch": (ErrorCode.INVALID_PRODUCER_EPOCH, InvalidProducerEpochError, False),
    "fenced": (ErrorCode.PRODUCER_FENCED, InvalidProducerEpochError, False),
    "server error": (ErrorCode.UNKNOWN_SERVER_ERROR, ProduceError, True),
    "a code nobody knows": (4711, ProduceError, True),
}


@pytest.mark.parametrize("acks", [Acks.ALL, Acks.LEADER])
@pytest.mark.parametrize(("code", "kind", "may_be_persisted"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_batch_fails_alone(
    cluster: FakeCluster, make_face: MakeFace, code: int, kind: type[ProduceError], may_be_persisted: bool, acks: Acks
) -> None:
    face = make_face(cluster.bootstrap_servers, acks=acks)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).fail(code)
    ledger.produce(1)
    failed = ledger.outcomes()[-1]
    ledger.produce(5)
    outcomes = ledger.outcomes()
    face.close()

    assert type(failed.error) is kind
    assert failed.error.code == code
    assert (failed.error.topic, failed.error.partition) == ("t", 0)
    assert failed.error.may_be_persisted is may_be_persisted
    assert [outcome.error for outcome in outcomes if outcome is not outcomes[3]].count(None) == len(outcomes) - 1
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


BATCHES_REFUSED = {name: row for name, row in REFUSED.items() if name != "too large"}  # that one is split


@pytest.mark.parametrize(("code", "kind", "may_be_persisted"), BATCHES_REFUSED.values(), ids=BATCHES_REFUSED.keys())
def test_refused_batch_does_not_harm_those_in_flight_behind_it(
    cluster: FakeCluster, make_face: MakeFace, code: int, kind: type[ProduceError], may_be_persisted: bool
) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    ledger.outcomes()

    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(code)
    for _ in range(6):
        ledger.produce(5)
        ledger.produce(2, partition=1)
    cluster.wait_until(lambda: held.waiting)
    held.release()
    outcomes = ledger.outcomes()
    face.close()

    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    assert {type(error) for error in failed} == {kind}
    assert {error.may_be_persisted for error in failed} == {may_be_persisted}
    if code not in (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED):
        assert len(failed) <= 7, failed  # one batch
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_record_errors_reach_the_records_they_are_about(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.create_topic("t", 1, TopicSettings(compacted=True))
        face = make_face(cluster.bootstrap_servers, max_in_flight_requests_per_connection=1)
        warm = face.produce("t", b"warm", key=b"k")
        warm.result(10)
        held = cluster.on(ApiKey.PRODUCE).hold(times=1)
        face.produce("t", b"busy", key=b"k")
        cluster.wait_until(lambda: held.waiting)

        handles = [face.produce("t", b"%d" % number, key=None if number == 1 else b"k") for number in range(3)]
        eventually(lambda: face.status().buffered_records == 4)
        held.release()
        errors = [handle.exception(10) for handle in handles]

        assert face.status().failed_total == 3
        assert all(type(error) is InvalidRecordError for error in errors), errors
        produce_errors = [error for error in errors if isinstance(error, ProduceError)]
        assert "needs keys" in str(produce_errors[1])
        assert [error.is_retriable for error in produce_errors] == [True, False, True]
        assert not any(error.may_be_persisted for error in produce_errors)


def test_duplicate_answer_is_a_success_without_an_offset(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.DUPLICATE_SEQUENCE_NUMBER, after_append=True)

    ledger.produce(2)
    outcomes = ledger.outcomes()
    ledger.produce(2)

    assert [outcome.metadata and outcome.metadata.offset for outcome in outcomes][:1] == [-1]
    succeed_in_order(cluster, "t", ledger.outcomes())


# Leaders.


@pytest.mark.parametrize("hints", [True, False], ids=["with hints", "without hints"])
def test_moved_leader_is_followed(cluster: FakeCluster, make_face: MakeFace, hints: bool) -> None:
    cluster.hint_leaders(enabled=hints)
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    for turn in range(6):
        ledger.produce(12)
        cluster.move_leader("t", 0, 1 + turn % 3)
        ledger.produce(12)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_records_wait_for_a_partition_without_a_leader(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(2)
    ledger.outcomes()

    cluster.move_leader("t", 0, None)
    ledger.produce(3)
    ledger.produce(3, partition=1)
    cluster.wait_until(lambda: len(cluster.log("t", 1)) == 3)
    seen = len(cluster.requests(ReceivedMetadata))
    cluster.wait_for_requests(ReceivedMetadata, seen + 2)
    cluster.move_leader("t", 0, 2)
    outcomes = ledger.outcomes()

    succeed_in_order(cluster, "t", outcomes)


def test_dead_broker_is_left_for_the_new_leader(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(10)
    ledger.outcomes()
    leader = cluster.leader("t", 0)
    assert leader is not None

    ledger.produce(20)
    cluster.stop_broker(leader)
    ledger.produce(20)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_broker_that_returns_on_another_port_is_found(make_face: MakeFace) -> None:
    with FakeCluster(nodes=2, topics={"t": 1}) as cluster:
        cluster.move_leader("t", 0, 2)
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(3)
        ledger.outcomes()

        cluster.stop_broker(2, elect=False)
        ledger.produce(3)
        cluster.start_broker(2, new_port=True)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("no\0name", 9092), ("x" * 300, 9092), ("", 9092)]
)
def test_address_that_cannot_be_is_a_broker_that_cannot_be_reached(
    make_face: MakeFace, monkeypatch: pytest.MonkeyPatch, host: str, port: int
) -> None:
    """The standard loop, unlike uvloop, raises other errors about these than about a refused connection."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with FakeCluster(topics={"t": 1}) as cluster:
        broker = cluster.broker(1)
        broker.advertise_address(host, port)
        face = make_face(cluster.bootstrap_servers, request_timeout_ms=150, delivery_timeout_ms=300)
        error = face.produce("t", b"a").exception(10)
        assert isinstance(error, DeliveryTimeoutError)
        assert isinstance(error.__cause__, BrokerConnectionError)

        broker.advertise_address(broker.host, broker.port)
        eventually(lambda: face.produce("t", b"b").exception(10) is None)

        assert face.status().engine_restarts == 0


def test_hint_at_a_broker_not_heard_of_before_is_followed_without_metadata(make_face: MakeFace) -> None:
    with FakeCluster(nodes=2, topics={"t": 1}) as cluster:
        cluster.move_leader("t", 0, 1)
        cluster.stop_broker(2)
        face = make_face(cluster.broker(1).address)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.outcomes()

        cluster.start_broker(2)
        cluster.move_leader("t", 0, 2)
        never = cluster.on(ApiKey.METADATA).never_answer(times=ALWAYS)
        ledger.produce(3)
        outcomes = ledger.outcomes()
        never.cancel()

        succeed_in_order(cluster, "t", outcomes)


@pytest.mark.mistake("KAFKA-13488", "librdkafka #4898", "franz-go #1364")
def test_recreated_topic_is_written_to_under_its_new_id(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(10)
    ledger.outcomes()

    cluster.create_topic("t", 2)
    new = Ledger(face, "t")
    new.produce(20)
    outcomes = new.outcomes()

    succeed_in_order(cluster, "t", outcomes)


def test_new_partitions_are_used_after_a_refresh(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=50)
        face.produce("t", b"a").result(10)
        cluster.add_partitions("t", 1)
        seen = len(cluster.requests(ReceivedMetadata))
        cluster.wait_for_requests(ReceivedMetadata, seen + 2)

        metadata = face.produce("t", b"b", partition=1).result(10)

        assert (metadata.partition, metadata.offset) == (1, 0)


# Acks and modes.


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
@pytest.mark.parametrize("name", ["closed before append", "never answered nor stored", "not the leader", "omitted"])
def test_every_mode_delivers_at_least_once(
    cluster: FakeCluster, make_face: MakeFace, options: ProducerOptions, name: str
) -> None:
    scripts: dict[str, tuple[Script, ProducerOptions]] = {
        **SURVIVED,
        "omitted": (lambda on: on.omit_partition(), {}),
    }
    script, more = scripts[name]
    face = make_face(cluster.bootstrap_servers, **{**SMALL_BATCHES, **more, **options})
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


# Time-outs.


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
def test_batch_that_runs_out_of_time_in_flight_says_that_it_may_be_persisted(
    cluster: FakeCluster, make_face: MakeFace, is_stored: bool
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600)
    ledger = Ledger(face, "t")
    ledger.produce(4)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).never_answer(append=is_stored)
    ledger.produce(2)
    failed = ledger.outcomes()[4:]
    eventually(lambda: face.status().buffered_bytes == 0)  # the request has run out of time as well
    ledger.produce(5)
    outcomes = ledger.outcomes()
    face.close()

    assert isinstance(failed[0].error, DeliveryTimeoutError)
    assert failed[0].error.may_be_persisted
    assert [outcome.error for outcome in outcomes[-5:]] == [None] * 5
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("KAFKA-19012")
def test_memory_of_a_batch_in_flight_stays_taken_until_its_request_is_over(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=900, delivery_timeout_ms=900)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    # The second attempt begins late, so the record's time is over before the request's.
    cluster.on(ApiKey.PRODUCE, partition=0).delay(0.5)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.NOT_ENOUGH_REPLICAS)
    held = cluster.on(ApiKey.PRODUCE, partition=0, nth=2).hold(times=1)

    handle = ledger.produce(1)[0]
    error = handle.exception(10)
    taken = face.status().buffered_bytes
    held.release()

    assert isinstance(error, DeliveryTimeoutError)
    assert held.hits == 1
    assert taken > 0
    eventually(lambda: face.status().buffered_bytes == 0)
    assert face.status().delivered_total == 1


@pytest.mark.parametrize(
    ("script", "cause", "says"),
    [
        (lambda on: on.truncate(times=ALWAYS), MalformedResponseError, "bytes are expected"),
        (lambda on: on.close_after_append(times=ALWAYS), BrokerConnectionError, "closed the connection"),
    ],
    ids=["malformed", "closed"],
)
def test_what_the_answers_were_lost_to_is_the_cause_of_the_time_out(
    cluster: FakeCluster, make_face: MakeFace, script: Script, cause: type[Exception], says: str
) -> None:
    """The connection may well be ready again when the time is over."""
    script(cluster.on(ApiKey.PRODUCE))
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=600, delivery_timeout_ms=650)
    errors = [face.produce("t", b"a").exception(10) for _ in range(3)]

    for error in errors:
        assert isinstance(error, DeliveryTimeoutError)
        assert error.may_be_persisted
        assert isinstance(error.__cause__, cause)
        assert says in str(error.__cause__)


def test_what_the_broker_refused_with_is_the_cause_of_the_time_out(cluster: FakeCluster, make_face: MakeFace) -> None:
    """While it waits for its next attempt: in an attempt whose answer is due, it might be written."""
    cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.NOT_ENOUGH_REPLICAS)
    face = make_face(
        cluster.bootstrap_servers,
        request_timeout_ms=600,
        delivery_timeout_ms=650,
        retry_backoff_ms=10_000,
        retry_backoff_max_ms=10_000,
    )
    error = face.produce("t", b"a").exception(10)

    assert isinstance(error, DeliveryTimeoutError)
    assert not error.may_be_persisted
    assert isinstance(error.__cause__, NotEnoughReplicasError)
    assert "NOT_ENOUGH_REPLICAS" in str(error)


def test_queued_record_that_runs_out_of_time_is_not_in_the_log(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    for broker in cluster.brokers:
        cluster.stop_broker(broker.node_id, elect=False)
    ledger.produce(3)
    failed = ledger.outcomes()[1:]
    for broker in cluster.brokers:
        cluster.start_broker(broker.node_id)
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    for outcome in failed:
        assert isinstance(outcome.error, DeliveryTimeoutError)
        assert isinstance(outcome.error.__cause__, BrokerConnectionError)
    assert [outcome.error for outcome in outcomes[-3:]] == [None] * 3
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_fresh_records_are_not_stuck_behind_a_retry_that_ran_out_of_time(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    """Without a single later event: nothing but the expiry itself may be needed to go on."""
    face = make_face(
        cluster.bootstrap_servers,
        linger_ms=0,
        request_timeout_ms=900,
        delivery_timeout_ms=900,
        retry_backoff_ms=10_000,
        retry_backoff_max_ms=10_000,
    )
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True)
    ledger.produce(1)
    eventually(lambda: face.status().retries_total == 1)
    time.sleep(0.4)  # not to wait for anything: what follows has to be so much younger than the retry
    ledger.produce(2)
    outcomes = ledger.outcomes()

    assert isinstance(outcomes[1].error, DeliveryTimeoutError)
    assert [outcome.error for outcome in outcomes[2:]] == [None, None]
    keep_promises(cluster, "t", outcomes)


def test_acknowledgement_after_the_time_out_changes_nothing_for_the_caller(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=150, delivery_timeout_ms=150)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).throttle(100)
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(4)
    outcomes = ledger.outcomes()
    face.close()

    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


# Producer ids.


def test_first_producer_id_may_take_a_while(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.on(ApiKey.INIT_PRODUCER_ID).fail(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, times=3)
    cluster.on(ApiKey.INIT_PRODUCER_ID, nth=4).close_before_append()
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")

    ledger.produce(3)

    succeed_in_order(cluster, "t", ledger.outcomes())
    assert len(cluster.requests(ReceivedInitProducerId)) == 5


def test_refused_producer_id_fails_what_waits_and_recovers_when_granted(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    refusal = cluster.on(ApiKey.INIT_PRODUCER_ID).fail_always(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")

    ledger.produce(2)
    refused = ledger.outcomes()
    refusal.cancel()
    ledger.produce(2)
    outcomes = ledger.outcomes()
    face.close()

    assert all(isinstance(outcome.error, ClusterAuthorizationError) for outcome in refused)
    assert all(outcome.error and not outcome.error.may_be_persisted for outcome in refused)
    keep_promises(cluster, "t", outcomes)
    assert [outcome.error for outcome in outcomes[-2:]] == [None, None]
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("platformatic/kafka #309")
def test_forgotten_producer_goes_on_without_loss(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(12)
    ledger.outcomes()

    cluster.forget_producers("t", 0)
    ledger.produce(40)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_head_that_may_have_been_written_is_not_numbered_anew(cluster: FakeCluster, make_face: MakeFace) -> None:
    """The broker lost its state: writing a batch again that may be there already could duplicate it."""
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).close_after_append()
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    ledger.produce(1)
    unsure = ledger.outcomes()[-1]
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    assert isinstance(unsure.error, OutOfOrderSequenceError)
    assert unsure.error.may_be_persisted
    assert [outcome.error for outcome in outcomes[-3:]] == [None] * 3
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("KAFKA-12152", "Dekaf/.NET #3342", "Dekaf/.NET #3346")
def test_epoch_bump_leaves_the_numbers_of_other_partitions_alone(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.move_leader("t", 1, cluster.leader("t", 0))
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(2)
    ledger.produce(2, partition=1)
    ledger.outcomes()
    held = cluster.on(ApiKey.PRODUCE, partition=1).hold(times=1)
    ledger.produce(12, partition=1)
    cluster.wait_until(lambda: held.waiting)

    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    ledger.produce(20)
    ledger.produce(12, partition=1)
    held.release()
    outcomes = ledger.outcomes()

    succeed_in_order(cluster, "t", outcomes)
    assert {record.producer_epoch for record in cluster.log("t", 0)} == {0, 1}
    for partition in (0, 1):
        assert _sequences_start_at_zero_per_epoch(cluster, partition)


@pytest.mark.mistake("librdkafka #3720")
def test_last_epoch_is_followed_by_another_producer_id(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.grant_producer_id(77, 32766)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    for _ in range(3):
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        ledger.produce(2)
        ledger.outcomes()

    succeed_in_order(cluster, "t", ledger.outcomes())
    identities = {(record.producer_id, record.producer_epoch) for record in cluster.log("t", 0)}
    assert (77, 32767) in identities
    assert len({producer_id for producer_id, _ in identities}) == 2


def test_fenced_producer_id_is_replaced(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_PRODUCER_EPOCH)
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(2)
    outcomes = ledger.outcomes()

    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert face.status().producer_id_resets == 1
    assert len({record.producer_id for record in cluster.log("t", 0)}) == 2
    keep_promises(cluster, "t", outcomes)


# Old brokers, and brokers that cannot do what is needed.


@pytest.mark.parametrize("kafka", ["2.1", "2.4", "2.8", "3.9", "4.0", "4.3", "4.4"])
def test_every_release_is_spoken_to(make_face: MakeFace, kafka: str) -> None:
    with FakeCluster(nodes=2, topics={"t": 2}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "t")
        for nth in (1, 3):
            cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        ledger.produce(20)
        ledger.produce(20, partition=1)
        cluster.move_leader("t", 1, 1)
        ledger.produce(20, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.parametrize(
    ("api", "version"),
    [
        (api, version)
        for api in (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID)
        for version in range(SUPPORTED[api].min, SUPPORTED[api].max + 1)
    ],
    ids=str,
)
def test_every_version_of_every_api_is_spoken(make_face: MakeFace, api: ApiKey, version: int) -> None:
    """Releases in between, and services of others, advertise any of them."""
    with FakeCluster(nodes=2, topics={"t": 2}, versions={api: (0, version)}) as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "t")
        cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        ledger.produce(5)
        ledger.produce(5, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert {request.version for request in cluster.requests() if request.api_key == api} == {version}


@pytest.mark.mistake("franz-go #1312")
def test_topic_without_an_id_is_written_to_by_name(make_face: MakeFace) -> None:
    """Some services advertise the newest Produce and a Metadata that knows no ids."""
    with FakeCluster(topics={"t": 1}, versions={ApiKey.METADATA: (0, 9)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(3)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert {request.version for request in cluster.requests(ReceivedProduce)} == {12}


def test_broker_that_cannot_produce_fails_the_records_with_a_reason(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.PRODUCE: (0, 2)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        error = face.produce("t", b"a").exception(10)

        assert isinstance(error, ProduceError)
        assert isinstance(error.__cause__, BrokerConnectionError)
        assert not error.may_be_persisted


def test_broker_without_producer_ids_fails_the_records_with_a_remedy(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.INIT_PRODUCER_ID: (0, -1)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        error = face.produce("t", b"a").exception(10)

        assert isinstance(error, ProduceError)
        assert "enable_idempotence=False" in str(error)


def test_starting_broker_that_names_no_brokers_is_asked_again(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.on(ApiKey.METADATA).name_no_brokers(times=3)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(2)

    succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.parametrize("api", [ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.API_VERSIONS])
@pytest.mark.parametrize(
    "script",
    [
        lambda on: on.close_before_append(),
        lambda on: on.reset(),
        lambda on: on.half_a_frame(),
        lambda on: on.truncate(),
        lambda on: on.wrong_correlation_id(),
        lambda on: on.garbage(),
        lambda on: on.never_answer(),
        lambda on: on.throttle(20),
    ],
    ids=["closed", "reset", "half", "truncated", "another's", "garbage", "never", "throttled"],
)
def test_fault_of_another_request_is_survived(
    cluster: FakeCluster, make_face: MakeFace, api: ApiKey, script: Script
) -> None:
    script(cluster.on(api))
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=200)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


# Topics.


def test_records_of_an_unknown_topic_keep_their_order(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "late")
        ledger.produce(20)
        cluster.wait_for_requests(ReceivedMetadata, 2)
        cluster.create_topic("late", 2)
        ledger.produce(20)
        outcomes = ledger.outcomes()
        face.close()

        succeed_in_order(cluster, "late", outcomes)
        leave_nothing_behind(face.status(), outcomes)


def test_topic_that_never_appears_fails_within_max_block(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, max_block_ms=150)
        ledger = Ledger(face, "absent")
        ledger.produce(3)
        outcomes = ledger.outcomes()
        face.close()

        for outcome in outcomes:
            assert isinstance(outcome.error, UnknownTopicOrPartitionError)
            assert outcome.error.topic == "absent"
            assert outcome.error.is_retriable
            assert not outcome.error.may_be_persisted
        leave_nothing_behind(face.status(), outcomes)


def test_topic_that_failed_once_works_when_it_is_there(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, max_block_ms=100)
        assert isinstance(face.produce("late", b"a").exception(10), UnknownTopicOrPartitionError)
        cluster.create_topic("late", 1)

        assert face.produce("late", b"b").result(10).offset == 0


@pytest.mark.parametrize("code", [ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.INVALID_TOPIC_EXCEPTION])
def test_forbidden_topic_fails_at_once(cluster: FakeCluster, make_face: MakeFace, code: ErrorCode) -> None:
    forbidden = cluster.on(ApiKey.METADATA, topic="t").fail_always(code)
    face = make_face(cluster.bootstrap_servers, max_block_ms=60_000, delivery_timeout_ms=70_000)
    error = face.produce("t", b"a").exception(10)
    forbidden.cancel()

    assert isinstance(error, ProduceError)
    assert error.code == code
    assert not error.may_be_persisted
    assert face.produce("t", b"b").result(10).has_offset  # an administrator has helped: nothing was remembered


def test_partition_out_of_range_is_refused(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    unknown = face.produce("t", b"a", partition=7).exception(10)
    known = face.produce("t", b"a", partition=7).exception(10)

    for error in (unknown, known):
        assert isinstance(error, UnknownTopicOrPartitionError)
        assert error.partition == 7
    face.close()
    assert face.status().buffered_bytes == 0


@pytest.mark.mistake("librdkafka #3513", "librdkafka #3009")
def test_temporarily_unknown_topic_loses_nothing(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(7)
    ledger.outcomes()

    gone = cluster.on(ApiKey.METADATA, topic="t").fail_always(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    refused = cluster.on(ApiKey.PRODUCE, topic="t").fail_always(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    ledger.produce(10)
    cluster.wait_until(lambda: gone.hits >= 3 and refused.hits >= 2)
    ledger.produce(10)
    gone.cancel()
    refused.cancel()

    succeed_in_order(cluster, "t", ledger.outcomes())


def _delivers_without_ack(face: Face, cluster: FakeCluster) -> bool:
    face.produce("t", b"again", partition=0).result(10)
    return len(cluster.log("t")) > 1


def _sequences_start_at_zero_per_epoch(cluster: FakeCluster, partition: int) -> bool:
    seen: dict[int, int] = {}
    for record in cluster.log("t", partition):
        if record.sequence != seen.get(record.producer_epoch, 0):
            return False
        seen[record.producer_epoch] = record.sequence + 1
    return True


def test_records_that_cannot_be_compressed_are_sent_as_they_are(
    cluster: FakeCluster, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    face = make_face(cluster.bootstrap_servers, compression_type="gzip", **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    monkeypatch.setattr(zlib, "compressobj", fail)
    ledger.produce(30)
    outcomes = ledger.outcomes()
    monkeypatch.undo()
    ledger.produce(30)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)
    assert face.status().engine_restarts == 0
