"""A fast "no" while the whole cluster is away: calls end at once, what was left to the producer goes on."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    BufferExhaustedError,
    ClusterUnavailableError,
    DekafError,
    ProduceError,
)
from dekaf.message import ProducerMessage
from dekaf.testing import ApiKey, FakeCluster, SaslAccounts
from dekaf.types import ProduceAllError
from tests.named_hooks import NotingTracer
from tests.scenarios.faces import Face, Handle, LoopThread, MakeFace, break_engine, eventually, thread_producer
from tests.scenarios.places import closed_port

AFTER = 0.3  # seconds
# Nothing but the outage ends anything in time.
LONG: dict[str, Any] = {
    "delivery_timeout_ms": 120_000,
    "produce_timeout_ms": 60_000,
    "max_block_ms": 60_000,
    "unavailable_after_ms": 300,
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=1, topics={"t": 1}) as cluster:
        yield cluster


def connected(cluster: FakeCluster, make_face: MakeFace, **options: Any) -> Face:
    """Return a producer that knows the topic."""
    face = make_face(cluster.bootstrap_servers, **{**LONG, **options})
    face.call("t", b"first", timeout=10).result(10)
    return face


def go_away(cluster: FakeCluster, producer: Any) -> None:
    """Stop all brokers, and wait until calls end at once."""
    for broker in cluster.brokers:
        cluster.stop_broker(broker.node_id, elect=False)
    eventually(lambda: is_away(producer))


def is_away(producer: Any) -> bool:
    unavailable_for = producer.status().unavailable_for
    return unavailable_for is not None and unavailable_for > AFTER + 0.3


def error_of(handle: Handle) -> ProduceError:
    error = handle.exception(10)
    assert isinstance(error, ProduceError), error
    return error


def values(cluster: FakeCluster) -> list[bytes | None]:
    return [record.value for record in cluster.log("t")]


def test_calls_fail_at_once_and_nothing_is_accepted(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face)
    go_away(cluster, face)
    buffered = face.status().buffered_records
    began = time.monotonic()

    errors = [error_of(face.call("t", b"refused", timeout=timeout)) for timeout in (None, 30.0) for _ in range(20)]

    assert time.monotonic() - began < 5.0
    for error in errors:
        assert isinstance(error, ClusterUnavailableError)
        assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)
        assert isinstance(error.__cause__, BrokerConnectionError)
        assert "unavailable_after_ms=300" in str(error)
    assert face.status().buffered_records == buffered == 0


def test_calls_that_wait_already_are_withdrawn_or_told_that_theirs_was_sent(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = connected(cluster, make_face, max_in_flight_requests_per_connection=1)
    held = cluster.on(ApiKey.PRODUCE).hold(before_append=True)
    sent = face.call("t", b"sent")
    eventually(lambda: face.status().in_flight_requests == 1)
    waiting = face.call("t", b"waiting")
    eventually(lambda: face.status().buffered_records == 2)
    unknown = face.call("unknown", b"parked")
    go_away(cluster, face)

    for handle, may_be_persisted in ((sent, True), (waiting, False), (unknown, False)):
        error = error_of(handle)
        assert isinstance(error, ClusterUnavailableError)
        assert (error.is_retriable, error.may_be_persisted) == (True, may_be_persisted)
    assert face.status().buffered_records == 1
    held.cancel()
    cluster.start_broker(1)
    eventually(lambda: face.status().buffered_records == 0)
    assert values(cluster) == [b"first", b"sent"]


def test_what_is_fired_goes_into_the_buffer_and_out_when_a_broker_is_back(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = connected(cluster, make_face)
    told: list[Any] = []
    go_away(cluster, face)
    for number in range(10):
        face.fire("t", b"%d" % number, on_delivery=lambda metadata, error: told.append(error or metadata.offset))

    cluster.start_broker(1)
    eventually(lambda: len(told) == 10)

    assert told == list(range(1, 11))
    assert values(cluster) == [b"first", *[b"%d" % number for number in range(10)]]
    assert face.call("t", b"last").result(10).offset == 11
    assert face.status().unavailable_for is None


def test_full_buffer_is_an_error_at_once_with_the_outage_as_cause(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, buffer_memory=4_000)
    go_away(cluster, face)
    face.fire("t", b"x" * 3_200)
    began = time.monotonic()

    with pytest.raises(BufferExhaustedError) as fired:
        face.fire("t", b"x" * 900)
    with pytest.raises(BufferExhaustedError) as submitted:
        face.producer.as_sync().submit("t", None, b"x" * 900)

    assert time.monotonic() - began < 5.0
    for caught in (fired, submitted):
        assert isinstance(caught.value.__cause__, ClusterUnavailableError)
        assert (caught.value.is_retriable, caught.value.may_be_persisted) == (True, False)
    face.close(0)


def test_line_for_space_is_dissolved(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, buffer_memory=4_000, unavailable_after_ms=600)
    for broker in cluster.brokers:
        cluster.stop_broker(broker.node_id)
    face.fire("t", b"x" * 3_200)
    calls = [face.call("t", b"x" * 900) for _ in range(3)]
    eventually(lambda: face.status().waiting_for_space == 3)

    for call in calls:
        assert isinstance(error_of(call), ClusterUnavailableError)
    assert face.status().waiting_for_space == 0
    cluster.start_broker(1)
    eventually(lambda: face.status().unavailable_for is None)
    face.flush(10)
    assert face.call("t", b"x" * 900).result(10).offset == 2  # there is a line again


def test_thread_that_waits_to_submit_hears_that_the_buffer_stays_full(cluster: FakeCluster) -> None:
    with thread_producer(
        cluster.bootstrap_servers, **{**LONG, "buffer_memory": 4_000, "unavailable_after_ms": 600}
    ) as producer:
        producer.produce("t", None, b"first")
        cluster.stop_broker(1)
        producer.fire("t", None, b"x" * 3_200)
        with pytest.raises(BufferExhaustedError) as caught:
            producer.submit("t", None, b"x" * 900)
        assert isinstance(caught.value.__cause__, ClusterUnavailableError)
        producer.close(0)


def test_many_messages_fail_one_by_one(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    messages = [ProducerMessage.create("t", None, b"%d" % number) for number in range(5)]
    with thread_producer(cluster.bootstrap_servers, **LONG) as producer:
        producer.produce("t", None, b"first")
        go_away(cluster, producer)
        with pytest.raises(ProduceAllError) as caught:
            producer.produce_all(messages)
        results: list[Any] = loop_thread.run(producer.as_async().produce_all(messages, return_exceptions=True))

        assert [type(error) for error in [*caught.value.results, *results]] == [ClusterUnavailableError] * 10
        assert producer.status().buffered_records == 0


@pytest.mark.parametrize("topic", ["t", "unknown"])
def test_partitions_cannot_be_told(cluster: FakeCluster, loop_thread: LoopThread, topic: str) -> None:
    with thread_producer(cluster.bootstrap_servers, **LONG) as producer:
        producer.produce("t", None, b"first")
        go_away(cluster, producer)
        with pytest.raises(ClusterUnavailableError):
            producer.partitions_for(topic)
        on_loop: Any = producer.as_async()
        with pytest.raises(ClusterUnavailableError):
            loop_thread.run(on_loop.partitions_for(topic))


def test_caller_who_waits_for_partitions_is_let_go() -> None:
    with thread_producer("127.0.0.1:1", **LONG) as producer, pytest.raises(ClusterUnavailableError):
        producer.partitions_for("t")


def test_checking_flushing_and_closing_are_as_ever(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, max_block_ms=500)
    go_away(cluster, face)
    face.fire("t", b"fired")

    producer: Any = face.producer.as_sync()
    with pytest.raises(BrokerConnectionError):
        producer.check(0.2)
    with pytest.raises(TimeoutError):
        face.flush(0.2)
    assert face.close(0.2).undelivered == 1


def test_calls_wait_where_the_option_is_none(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, unavailable_after_ms=None)
    go_away(cluster, face)
    handle = face.call("t", b"patient")
    time.sleep(0.3)  # not to wait for anything: a call that fails at once would have

    cluster.start_broker(1)

    assert handle.result(10).offset == 1


def test_broker_that_is_back_is_noticed_though_nothing_is_buffered(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face)
    go_away(cluster, face)
    cluster.start_broker(1)

    eventually(lambda: face.status().unavailable_for is None, 5)

    assert face.call("t", b"second").result(10).offset == 1


def test_outage_is_logged_once_and_so_is_its_end(
    cluster: FakeCluster, make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dekaf.producer.engine")
    face = connected(cluster, make_face, client_id="shop")
    go_away(cluster, face)
    for _ in range(5):
        error_of(face.call("t", b"refused"))
    cluster.start_broker(1)
    eventually(lambda: face.status().unavailable_for is None)
    face.call("t", b"second").result(10)

    told = [record for record in caplog.records if record.name == "dekaf.producer.engine"]
    begun, ended = told
    assert (begun.levelno, ended.levelno) == (logging.WARNING, logging.INFO)
    assert "No broker could be reached" in begun.getMessage()
    assert "can be reached again" in ended.getMessage()
    for record, error in ((begun, "BrokerConnectionError"), (ended, None)):
        assert "(client_id shop)" in record.getMessage()  # which of several clusters is away
        assert vars(record)["dekaf_client_id"] == "shop"
        assert vars(record).get("dekaf_error") == error
    assert vars(begun)["dekaf_outage_seconds"] < vars(ended)["dekaf_outage_seconds"]


# What counts as reachable.


def test_cluster_that_was_never_there_is_away(make_face: MakeFace) -> None:
    face = make_face("127.0.0.1:1", **LONG)

    error = error_of(face.call("t", b"a"))

    assert isinstance(error, ClusterUnavailableError)
    assert (error.is_retriable, error.may_be_persisted) == (True, False)


def test_advertised_address_that_leads_nowhere_is_no_broker(cluster: FakeCluster, make_face: MakeFace) -> None:
    broker = cluster.broker(1)
    with closed_port() as nowhere:
        host, _, port = nowhere.rpartition(":")
        broker.advertise_address(host, int(port))
        face = make_face(broker.address, **LONG)

        error = error_of(face.call("t", b"a"))

        assert isinstance(error, ClusterUnavailableError)
        assert "advertised.listeners" in str(error)
        broker.advertise_address(broker.host, broker.port)
        eventually(lambda: face.status().unavailable_for is None)


def test_port_of_a_controller_is_no_broker(cluster: FakeCluster, make_face: MakeFace) -> None:
    """It is ready, and speaks no version of Metadata, as a controller does."""
    cluster.broker(1).advertise({ApiKey.METADATA: (90, 91)})
    face = make_face(cluster.bootstrap_servers, **LONG)

    error = error_of(face.call("t", b"a"))

    assert isinstance(error, ClusterUnavailableError)


def test_broker_that_lets_nobody_in_is_no_broker(make_face: MakeFace) -> None:
    with FakeCluster(nodes=1, topics={"t": 1}, sasl=SaslAccounts({"alice": "wonderland"})) as cluster:
        login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_username": "alice"}
        face = make_face(cluster.bootstrap_servers, **LONG, **login, sasl_password="wonderland")
        face.call("t", b"first", timeout=10).result(10)
        cluster.accounts.set_password("alice", "looking-glass")
        cluster.broker(1).close_connections()

        eventually(lambda: is_away(face))
        error = error_of(face.call("t", b"a"))

        assert isinstance(error, ClusterUnavailableError)
        assert isinstance(error.__cause__, AuthenticationError)


def test_one_broker_of_three_that_is_gone_is_no_outage(make_face: MakeFace) -> None:
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        face = make_face(cluster.bootstrap_servers, **{**LONG, "produce_timeout_ms": 1_500})
        for partition in range(3):
            face.call("t", b"first", partition=partition).result(10)
        cluster.stop_broker(2, elect=False)

        error = error_of(face.call("t", b"a", partition=1))

        assert not isinstance(error, ClusterUnavailableError)
        assert "produce_timeout_ms=1500" in str(error)
        assert face.status().unavailable_for is None
        face.call("t", b"b", partition=0).result(10)
        face.close(0)


def test_one_broker_of_three_that_hangs_is_no_outage(make_face: MakeFace) -> None:
    """Its silence is noticed late, when it has lasted longer than an outage has to; but the others are there."""
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        quick = {"request_timeout_ms": 1_000, "socket_connection_setup_timeout_ms": 1_000, "produce_timeout_ms": 2_500}
        face = make_face(cluster.broker(2).address, **{**LONG, **quick})
        face.call("t", b"first", partition=1, timeout=10).result(10)  # no other broker is connected
        cluster.broker(2).pause_reading()

        error = error_of(face.call("t", b"a", partition=1))

        assert not isinstance(error, ClusterUnavailableError), error
        assert error.may_be_persisted
        assert face.status().unavailable_for is None
        face.call("t", b"b", partition=0, timeout=10).result(10)
        cluster.broker(2).resume_reading()
        face.flush(10)
        face.close()


def test_throttled_broker_is_reachable(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face)
    cluster.on(ApiKey.PRODUCE).throttle(1_500)
    face.call("t", b"second").result(10)

    assert face.call("t", b"third").result(10).offset == 2
    assert face.status().unavailable_for is None


def test_connections_closed_for_being_idle_are_no_outage(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, connections_max_idle_ms=100)
    eventually(lambda: face.status().connected_brokers == 0)
    time.sleep(2 * AFTER)  # not to wait for anything: an outage would have begun

    assert face.status().unavailable_for is None
    assert face.call("t", b"second").result(10).offset == 1


def test_silence_is_no_outage_before_a_request_times_out(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, request_timeout_ms=1_500, socket_connection_setup_timeout_ms=1_500)
    cluster.broker(1).pause_reading()
    began = time.monotonic()

    error = error_of(face.call("t", b"second"))

    assert isinstance(error, ClusterUnavailableError)
    assert error.may_be_persisted
    assert 1.4 < time.monotonic() - began < 4.0
    cluster.broker(1).resume_reading()
    eventually(lambda: face.status().unavailable_for is None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_child_finds_out_for_itself(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, **LONG) as producer:
        producer.produce("t", None, b"first")
        go_away(cluster, producer)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                begun = producer.status().unavailable_for is None
                producer.fire("t", None, b"child")
                status = 0 if begun else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        with pytest.raises(ClusterUnavailableError):
            producer.produce("t", None, b"parent")


def test_new_engine_begins_afresh(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, **LONG) as producer:
        producer.produce("t", None, b"first")
        go_away(cluster, producer)
        break_engine(producer)
        cluster.start_broker(1)

        assert producer.produce("t", None, b"second", timeout=10).offset == 1


def test_errors_are_the_packages_own() -> None:
    assert issubclass(ClusterUnavailableError, ProduceError)
    assert issubclass(ClusterUnavailableError, DekafError)


def test_calls_that_fail_at_once_are_traced(cluster: FakeCluster, make_face: MakeFace) -> None:
    tracer = NotingTracer()
    face = connected(cluster, make_face, tracer=tracer)
    go_away(cluster, face)
    for _ in range(3):
        error_of(face.call("t", b"x"))

    eventually(lambda: tracer.tokens() == [0, 1, 2, 3])
    assert tracer.errors() == 3 * ["ClusterUnavailableError"]
