"""Other people's producers write to the fake cluster as they write to Kafka: it was not made to measure for ours."""

from __future__ import annotations

__lazy_modules__ = ("aiokafka", "confluent_kafka")  # from Python 3.15 on, for which there are none yet

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer as ConfluentProducer

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import FakeCluster, LoggedRecord, ReceivedInitProducerId, ReceivedProduce
from tests.peers import needs_aiokafka, needs_confluent
from tests.unit.testing.kafka_python import KafkaProducer

PATIENCE = 20.0  # seconds
RELEASES = ["2.1", "2.4", "2.8", "3.9", "4.0", "4.3", "4.4"]
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HEADERS: list[tuple[str, str | bytes | None]] = [("trace", b"1"), ("trace", b""), ("none", None)]


@pytest.fixture
def orders() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster:
        yield cluster


def confluent(cluster: FakeCluster, **options: object) -> ConfluentProducer:
    return ConfluentProducer(
        {"bootstrap.servers": cluster.bootstrap_servers, "log_level": 0, "retry.backoff.ms": 10, **options}
    )


def contents(records: list[LoggedRecord]) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) for record in records]


@needs_confluent
@pytest.mark.parametrize("release", RELEASES)
def test_confluent_writes_idempotently_to_every_release(release: str) -> None:
    with FakeCluster(topics={"orders": 1}, kafka=release) as cluster:
        producer = confluent(cluster, **{"enable.idempotence": True, "compression.type": "lz4"})
        for number in range(20):
            producer.produce("orders", key=str(number), value=b"x" * number, headers=HEADERS)

        assert producer.flush(PATIENCE) == 0

        records = cluster.log("orders")
        assert contents(records) == [(b"%d" % number, b"x" * number) for number in range(20)]
        assert {record.headers for record in records} == {tuple(HEADERS)}
        assert [record.sequence for record in records] == list(range(20))
        assert {record.producer_id for record in records} == {1000}
        assert {attempt.header.codec for attempt in cluster.attempts() if attempt.header} == {CODECS["lz4"]}
        assert cluster.violations == []


@needs_confluent
@pytest.mark.parametrize("codec", CODECS)
def test_confluent_writes_with_every_codec(orders: FakeCluster, codec: str) -> None:
    producer = confluent(orders, **{"compression.type": codec})
    for number in range(50):
        producer.produce("orders", partition=0, value=b"value %d, which is repetitive enough" % number)

    assert producer.flush(PATIENCE) == 0

    assert [record.value for record in orders.log("orders", 0)] == [
        b"value %d, which is repetitive enough" % number for number in range(50)
    ]
    assert {attempt.header.codec for attempt in orders.attempts() if attempt.header} == {CODECS[codec]}


@needs_confluent
def test_confluent_repeats_what_it_was_not_answered_and_nothing_is_there_twice(orders: FakeCluster) -> None:
    orders.on(ApiKey.PRODUCE, topic="orders", partition=0).close_after_append()
    orders.on(ApiKey.PRODUCE, topic="orders", partition=1).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, times=2)
    producer = confluent(orders, **{"enable.idempotence": True})
    for number in range(10):
        producer.produce("orders", partition=number % 2, value=b"%d" % number)

    assert producer.flush(PATIENCE) == 0

    assert [record.value for record in orders.log("orders", 0)] == [b"0", b"2", b"4", b"6", b"8"]
    assert [record.value for record in orders.log("orders", 1)] == [b"1", b"3", b"5", b"7", b"9"]
    assert sum(attempt.result.is_duplicate for attempt in orders.attempts() if attempt.result) == 1


@needs_aiokafka
def test_aiokafka_writes_for_the_leader_alone(orders: FakeCluster) -> None:
    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=orders.bootstrap_servers, acks=1, compression_type="zstd")
        await producer.start()
        try:
            await producer.send_and_wait("orders", b"value", key=b"key", headers=[("h", b"1")], partition=1)
            await producer.send_and_wait("orders", None, key=b"key", partition=1)
        finally:
            await producer.stop()

    asyncio.run(produce())

    first, second = orders.log("orders", 1)
    assert (first.key, first.value, first.headers, first.offset) == (b"key", b"value", (("h", b"1"),), 0)
    assert (second.value, second.headers, second.offset) == (None, (), 1)
    assert first.producer_id == -1
    assert [request.acks for request in orders.requests(ReceivedProduce)] == [1, 1]
    assert orders.requests(ReceivedInitProducerId) == []


def test_kafka_python_writes_idempotently(orders: FakeCluster) -> None:
    producer = KafkaProducer(bootstrap_servers=orders.bootstrap_servers, compression_type="gzip", client_id="other")
    try:
        sent = producer.send("orders", b"value", key=b"key", headers=[("h", b"1")], partition=1)
        assert sent.get(PATIENCE).offset == 0
    finally:
        producer.close()

    (record,) = orders.log("orders", 1)
    assert (record.key, record.value, record.headers) == (b"key", b"value", (("h", b"1"),))
    assert (record.producer_id, record.sequence) == (1000, 0)
    assert {connection.client_id for connection in orders.connections} == {"other"}
    assert orders.violations == []
