"""What went wrong with batching, waiting and shutting down."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time

import pytest

from dekaf.errors import InvalidRecordError, ProduceError
from dekaf.producer import Producer
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from dekaf.types import RecordMetadata
from tests.scenarios.faces import MakeFace, engine_of, thread_producer
from tests.scenarios.places import closed_port

Told = list[tuple[RecordMetadata | None, ProduceError | None]]


@pytest.mark.mistake("librdkafka #5032")
def test_first_message_of_a_producer_is_not_late() -> None:
    """librdkafka #5032: metadata was looked at once a second, so the first message took up to that long."""
    taken: list[float] = []
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        for partition in (0, 1, 2, 0, 1):
            with Producer[bytes, bytes](bootstrap_servers=cluster.bootstrap_servers) as producer:
                started = time.monotonic()
                producer.produce("t", None, b"first", partition=partition)
                taken.append(time.monotonic() - started)

    assert statistics.median(taken) < 0.2, taken


@pytest.mark.mistake("librdkafka #5032")
def test_messages_awaited_one_after_the_other_are_not_late_either() -> None:
    """Whoever waits for an answer must not wait for a linger, nor for a clock that ticks."""
    linger = 5.0

    async def one_after_the_other(producer: Producer[bytes, bytes]) -> None:
        for _ in range(20):
            await producer.as_async().produce("t", None, b"awaited")

    with (
        FakeCluster(topics={"t": 3}) as cluster,
        Producer[bytes, bytes](bootstrap_servers=cluster.bootstrap_servers, linger_ms=int(linger * 1000)) as producer,
    ):
        started = time.monotonic()
        for _ in range(20):
            producer.produce("t", None, b"waited for")
        asyncio.run(one_after_the_other(producer))
        taken = time.monotonic() - started

    assert taken < linger  # less for all of them than a single one would linger


@pytest.mark.mistake("librdkafka #4986")
def test_small_requests_are_not_held_back_by_the_socket() -> None:
    """librdkafka #4986: Nagle's algorithm held small requests back until the broker's delayed acknowledgement."""
    with FakeCluster(topics={"t": 1}) as cluster, thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"a")
        connections = [node.connection for node in engine_of(producer)._client._nodes() if node.connection is not None]

        assert connections
        for connection in connections:
            connected = connection._transport.get_extra_info("socket")
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


@pytest.mark.mistake("kafka-python #2616")
def test_absent_broker_costs_next_to_no_cpu() -> None:
    """kafka-python #2616: with nobody listening, the client span at full speed."""
    with closed_port() as server:
        producer: Producer[bytes, bytes] = Producer(bootstrap_servers=server, produce_timeout_ms=2_000)
        producer.fire("t", None, b"a")
        before = time.process_time()

        with pytest.raises(ProduceError):
            producer.produce("t", None, b"b")  # waits for all of produce_timeout_ms

        assert time.process_time() - before < 0.2
        producer.close(0)


@pytest.mark.mistake("kafka-python #2616")
def test_partition_without_a_leader_costs_next_to_no_cpu() -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.move_leader("t", 0, None)
        producer: Producer[bytes, bytes] = Producer(
            bootstrap_servers=cluster.bootstrap_servers, request_timeout_ms=1_500, delivery_timeout_ms=2_000
        )
        before = time.process_time()
        with pytest.raises(ProduceError):
            producer.produce("t", None, b"a")

        assert time.process_time() - before < 0.4  # the fake cluster's own answers are in this, too
        producer.close(0)


@pytest.mark.mistake("kafka-python #1347", "kafka-python #1667")
def test_failure_is_told_to_the_callback_and_the_handle_and_stands_in_the_report_of_flush(make_face: MakeFace) -> None:
    """kafka-python #1347: flush returned as if nothing had happened, and whoever had dropped the future never knew."""
    told: Told = []
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, linger_ms=50)
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
        face.fire("t", b"a", on_delivery=lambda metadata, error: told.append((metadata, error)))
        handle = face.produce("t", b"b")
        report = face.flush(10)

        assert isinstance(handle.exception(10), InvalidRecordError)
        assert [(metadata, type(error)) for metadata, error in told] == [(None, InvalidRecordError)]
        assert (report.ok, report.failed) == (False, 2)
        assert all(isinstance(failure, InvalidRecordError) for failure in report.failures)


@pytest.mark.mistake("KAFKA-10888")
def test_slow_broker_gets_fewer_records_without_a_key(make_face: MakeFace) -> None:
    """KAFKA-10888: batches grew while a slow broker took its time, so the sticky choice gave it more than others."""
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        slow = cluster.leader("t", 0)
        face = make_face(cluster.bootstrap_servers, batch_size=400, max_in_flight_requests_per_connection=1)
        for partition in range(3):
            face.produce("t", b"warm", partition=partition).result(10)
        held = cluster.on(ApiKey.PRODUCE, node=slow).hold()
        for turn in range(150):
            for _ in range(10):
                face.fire("t", b"x" * 40, on_delivery=lambda _, __: None)
            for partition in (1, 2):  # each turn takes as long as the others need, however busy this machine is
                face.produce("t", b"a fast broker's pace", partition=partition).result(10)
            if turn % 10 == 9:  # the slow one answers one request while they answer ten
                answered, held = held, cluster.on(ApiKey.PRODUCE, node=slow).hold()
                answered.release()
        held.release()
        face.flush(10)

        counts = [sum(record.value == b"x" * 40 for record in cluster.log("t", number)) for number in range(3)]
        assert sum(counts) == 1500
        assert counts[0] < 0.25 * 1500, counts
