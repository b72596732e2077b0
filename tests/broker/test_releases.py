"""Brokers of other releases, for real: from the oldest that is supported to the one all other tests run on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence

import pytest

from dekaf import AsyncProducer, Producer, ProducerMessage, RecordMetadata
from dekaf.producer.options import CompressionType
from tests.conftest import cluster_of_release
from tests.kafka import DEFAULT_VERSION, KafkaCluster, read_back

# 2.1 speaks the oldest versions of every API (Produce 7, Metadata 7, InitProducerId 1), 2.8 is the last with them in
# production that has topic ids in no Produce request, 3.9 the last with ZooKeeper's heirs, 4.0 dropped Produce 0 to 2.
RELEASES = ["2.1.1", "2.8.2", "3.9.1", "4.0.0", DEFAULT_VERSION]
CODECS: tuple[CompressionType, ...] = ("none", "gzip", "snappy", "lz4", "zstd")
PER_CODEC = 200


@pytest.fixture(scope="module", params=list(dict.fromkeys(RELEASES)))
def cluster(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    """One broker of each release in turn."""
    if request.param == DEFAULT_VERSION:
        yield request.getfixturevalue("kafka_cluster")
        return
    with cluster_of_release(request.param) as cluster:
        yield cluster


def messages(topic: str, caller: str) -> list[ProducerMessage[str | None, str | None]]:
    """Return messages with and without keys, values and headers, for one partition."""
    return [
        ProducerMessage(
            topic=topic,
            key=None if number % 5 == 0 else f"{caller}-{number}",
            value=None if number % 7 == 0 else f"{caller} {number} " + "é" * (number * 3),
            headers=None if number % 3 == 0 else [("n", str(number)), ("null", None), ("n", b"again")],
            partition=0,
            timestamp=1_700_000_000_000 + number,
        )
        for number in range(PER_CODEC)
    ]


def produce_from_thread(
    servers: str, topic: str, codec: CompressionType
) -> tuple[Sequence[ProducerMessage[str | None, str | None]], Sequence[RecordMetadata]]:
    sent = messages(topic, f"thread with {codec}")
    with Producer(bootstrap_servers=servers, compression_type=codec, enable_idempotence=True) as producer:
        return sent, producer.produce_all(sent)


async def produce_from_coroutine(
    servers: str, topic: str, codec: CompressionType
) -> tuple[Sequence[ProducerMessage[str | None, str | None]], Sequence[RecordMetadata]]:
    sent = messages(topic, f"coroutine with {codec}")
    async with AsyncProducer(bootstrap_servers=servers, compression_type=codec, enable_idempotence=True) as producer:
        return sent, await producer.produce_all(sent)


def test_every_codec_and_both_faces_write_to_a_topic_that_is_created_on_demand(cluster: KafkaCluster) -> None:
    topic = f"created-on-demand-{uuid.uuid4().hex[:12]}"
    expected: list[ProducerMessage[str | None, str | None]] = []
    offsets: list[int] = []

    for codec in CODECS:
        for sent, results in (
            produce_from_thread(cluster.bootstrap_servers, topic, codec),
            asyncio.run(produce_from_coroutine(cluster.bootstrap_servers, topic, codec)),
        ):
            expected.extend(sent)
            offsets.extend(result.offset for result in results)

    assert offsets == list(range(len(expected)))
    records = read_back(cluster.bootstrap_servers, topic, len(expected))
    assert [(one.key, one.value, one.headers, one.timestamp_ms) for one in records] == [
        (
            None if message.key is None else message.key.encode(),
            None if message.value is None else message.value.encode(),
            tuple(message.headers or ()),
            message.timestamp,
        )
        for message in expected
    ]
    dumped = cluster.dump_log(topic, 0).lower()
    assert "isvalid: true" in dumped
    assert "isvalid: false" not in dumped
    assert {codec for codec in CODECS if f"compresscodec: {codec}" in dumped} == set(CODECS)


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_a_batch_larger_than_the_topic_takes_is_split_and_keeps_its_order(
    cluster: KafkaCluster, codec: CompressionType
) -> None:
    topic = f"narrow-{uuid.uuid4().hex[:12]}"
    cluster.create_topic(topic, partitions=1, config={"max.message.bytes": "10000"})
    values = [uuid.uuid4().bytes * 12 for _ in range(300)]

    with Producer(bootstrap_servers=cluster.bootstrap_servers, compression_type=codec) as producer:
        results = producer.produce_all(ProducerMessage.create(topic, None, value) for value in values)

    assert [result.offset for result in results] == list(range(300))
    assert [record.value for record in read_back(cluster.bootstrap_servers, topic, 300)] == values
