"""Every codec at several levels, with every kind of record, read back by three others.

librdkafka's consumer and Java's console consumer see the same keys, values and headers at the offsets that were
reported, and Kafka's own tool calls every batch on the disk valid.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from dekaf import AsyncProducer, Producer, ProducerMessage, RecordMetadata, RecordTooLargeError
from dekaf.producer.options import CompressionType
from tests.conftest import ReadBack
from tests.kafka import ConsumedRecord, KafkaCluster
from tests.kafka.log_dump import DumpedBatch

LEVELS: dict[CompressionType, tuple[int | None, ...]] = {
    "none": (None,),
    "gzip": (None, 1, 9),
    "snappy": (None,),
    "lz4": (None, 1, 17),
    "zstd": (None, -5, 19),
}

# Larger than the 64 KiB blocks of an lz4 frame and the 32 KiB chunks of snappy, so that batches hold several.
BATCH_SIZE = 300_000
BLOCK = 65_536

HEADERS: tuple[tuple[tuple[str, str | None], ...], ...] = (
    (),
    (("trace", "4bf92f35"),),
    (("null", None), ("empty", ""), ("twice", "1"), ("twice", "2"), ("ü", "é" * 40), ("long", "h" * 5_000)),
)
KEYS = (None, "", "key", "k" * 2_000)
SIZES = (None, 0, 1, 127, 128, 5_000, BLOCK - 1, BLOCK + 1)

# What the limit leaves for the value of a record with neither key nor headers: 61 bytes are the batch's, 6 the record's
# own fields, and 20 the most that its varints may take.
LARGEST_VALUE = 1_048_576 - 61 - 6 - 20

Message = ProducerMessage[str | None, str | None]


@dataclass(frozen=True)
class Lane:
    """One producer, with a partition of its own."""

    partition: int
    face: str
    level: int | None


def lanes(codec: CompressionType) -> list[Lane]:
    pairs = itertools.product(("thread", "coroutine"), LEVELS[codec])
    return [Lane(partition, face, level) for partition, (face, level) in enumerate(pairs)]


def text(source: random.Random, size: int) -> str:
    """Return printable text with hardly anything to compress; to some codecs nothing."""
    return base64.b64encode(source.randbytes(size)).decode()[:size]


def document(source: random.Random, size: int) -> str:
    """Return text as compressible as documents are: half of it every one has."""
    return text(source, size // 2) + "status=placed;" * (size // 28)


def matrix(topic: str, partition: int) -> Iterator[Message]:
    """Yield every kind of record; then many small ones, which share batches of many blocks; then the largest."""
    source = random.Random(f"{topic}-{partition}")

    def message(key: str | None, value: str | None, headers: tuple[tuple[str, str | None], ...] = ()) -> Message:
        return ProducerMessage(topic=topic, key=key, value=value, headers=headers, partition=partition)

    for headers, key, size in itertools.product(HEADERS, KEYS, SIZES):
        if size is None or size < BLOCK - 1 or key == "key":  # the big ones once per kind of headers
            yield message(key, None if size is None else text(source, size), headers)
    for number in range(600):
        yield message(f"bulk-{number}", document(source, 1_000), HEADERS[number % 2])
    yield message(None, "x" * LARGEST_VALUE)
    yield message(None, text(source, LARGEST_VALUE))


def produce(lane: Lane, codec: CompressionType, servers: str, sent: Sequence[Message]) -> list[RecordMetadata]:
    if lane.face == "thread":
        with Producer(
            bootstrap_servers=servers, compression_type=codec, compression_level=lane.level, batch_size=BATCH_SIZE
        ) as producer:
            return producer.produce_all(sent)

    async def produce_all() -> list[RecordMetadata]:
        async with AsyncProducer(
            bootstrap_servers=servers, compression_type=codec, compression_level=lane.level, batch_size=BATCH_SIZE
        ) as producer:
            return await producer.produce_all(sent)

    return asyncio.run(produce_all())


@dataclass(frozen=True)
class Written:
    """What was written to one topic with one codec."""

    codec: CompressionType
    topic: str
    sent: dict[int, list[Message]]
    results: dict[int, list[RecordMetadata]]

    def count(self) -> int:
        return sum(len(messages) for messages in self.sent.values())


@pytest.fixture(scope="module", params=LEVELS)
def written(request: pytest.FixtureRequest, kafka_cluster: KafkaCluster) -> Written:
    """Write the whole matrix with one codec: each face and level to a partition of its own."""
    codec: CompressionType = request.param
    topic = f"codec-{codec}-{uuid.uuid4().hex[:8]}"
    kafka_cluster.create_topic(topic, partitions=len(lanes(codec)), config={"retention.ms": "-1"})
    sent = {lane.partition: list(matrix(topic, lane.partition)) for lane in lanes(codec)}
    results = {
        lane.partition: produce(lane, codec, kafka_cluster.bootstrap_servers, sent[lane.partition])
        for lane in lanes(codec)
    }
    return Written(codec, topic, sent, results)


def test_librdkafka_reads_every_record_where_it_was_reported(written: Written, read_back: ReadBack) -> None:
    records = read_back(written.topic, written.count(), timeout=60)

    by_partition: dict[int, list[ConsumedRecord]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    assert by_partition.keys() == written.sent.keys()
    for partition, sent in written.sent.items():
        found = by_partition[partition]
        assert [one.offset for one in written.results[partition]] == [one.offset for one in found]
        assert [one.timestamp_ms for one in written.results[partition]] == [one.timestamp_ms for one in found]
        assert [as_consumed(message) for message in sent] == [(one.key, one.value, one.headers) for one in found]


def test_the_java_console_consumer_prints_every_record(written: Written, kafka_cluster: KafkaCluster) -> None:
    printing = {f"print.{name}": "true" for name in ("partition", "offset", "headers", "key", "value")}

    lines = kafka_cluster.console_consumer(
        written.topic, written.count(), printing={**printing, "null.literal": "<null>"}
    )

    expected = [
        as_printed(message, result)
        for partition, sent in written.sent.items()
        for message, result in zip(sent, written.results[partition], strict=True)
    ]
    assert sorted(lines) == sorted(expected)


def test_kafka_calls_every_batch_on_the_disk_valid(written: Written, kafka_cluster: KafkaCluster) -> None:
    batches = kafka_cluster.dumped_batches(written.topic)

    assert all(batch.is_valid and batch.magic == 2 for batch in batches)
    assert {batch.codec for batch in batches} <= {written.codec, "none"}  # "none" where the codec was of no help
    for partition, sent in written.sent.items():
        mine = [batch for batch in batches if batch.partition == partition]
        assert_one_unbroken_sequence(mine, len(sent))
        assert any(batch.size_bytes > BLOCK and batch.count > 10 and batch.codec == written.codec for batch in mine)


def assert_one_unbroken_sequence(batches: list[DumpedBatch], records: int) -> None:
    assert len({(batch.producer_id, batch.producer_epoch) for batch in batches}) == 1
    assert batches[0].producer_id >= 0
    following = 0
    for batch in batches:
        assert (batch.base_offset, batch.base_sequence) == (following, following)
        following += batch.count
        assert (batch.last_offset, batch.last_sequence) == (following - 1, following - 1)
    assert following == records


def test_one_byte_more_than_the_largest_is_refused(kafka_cluster: KafkaCluster, topic: str) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, value=str) as producer:
        producer.produce(topic, None, "x" * LARGEST_VALUE)
        with pytest.raises(RecordTooLargeError, match="max_request_size=1048576"):
            producer.produce(topic, None, "x" * (LARGEST_VALUE + 1))


def as_consumed(message: Message) -> tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]:
    return (
        None if message.key is None else message.key.encode(),
        None if message.value is None else message.value.encode(),
        tuple(message.headers or ()),
    )


def as_printed(message: Message, result: RecordMetadata) -> str:
    """Return the line of Java's DefaultMessageFormatter."""
    headers = ",".join(
        f"{name}:{'<null>' if value is None else value.decode()}" for name, value in message.headers or ()
    )
    fields = [
        f"Partition:{result.partition}",
        f"Offset:{result.offset}",
        headers or "NO_HEADERS",
        "<null>" if message.key is None else message.key,
        "<null>" if message.value is None else message.value,
    ]
    return "\t".join(fields)
