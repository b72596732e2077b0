"""How much fills a batch that will be compressed."""

from __future__ import annotations

import json
import random

import pytest

from dekaf._record.compression import codec_for
from dekaf.producer._buffer.accumulator import APPENDED, RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.batch_limit import LARGEST_GROWTH, BatchLimit
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.producer.options import CompressionType
from tests.unit.producer.rooms import accumulator_of, append, open_topic

BATCH_SIZE = 4_096
CODECS = ["gzip", "snappy", "lz4", "zstd"]


def filled_with(values: list[bytes], codec: CompressionType, *, partitions: int = 1) -> list[ProducerBatch]:
    """Return the batches that become full, in order of the records, with everything else as in production."""
    accumulator = roomy(codec)
    return fill(accumulator, open_topic(accumulator, partitions=partitions), values, -1 if partitions > 1 else 0)


def roomy(codec: CompressionType, max_request_size: int = 1_048_576) -> RecordAccumulator:
    return accumulator_of(
        batch_size=BATCH_SIZE,
        buffer_memory=33_554_432,
        max_request_size=max_request_size,
        codec=codec_for(codec, None),
    )


def fill(
    accumulator: RecordAccumulator, topic: TopicQueues, values: list[bytes], partition: int = 0
) -> list[ProducerBatch]:
    full: list[ProducerBatch] = []
    for value in values:
        assert append(accumulator, topic, value, partition=partition) == APPENDED
        for queue in topic.partitions:
            while queue.full:
                full.append(queue.full.popleft())
                accumulator.buffer.give_back(full[-1].charged)
    return full


def orders(count: int) -> list[bytes]:
    chance = random.Random(126)
    states = ["placed", "paid", "packed", "sent"]
    return [
        json.dumps({"id": number, "state": chance.choice(states), "total": chance.randint(100, 99_999)}).encode()
        for number in range(count)
    ]


def noise(count: int) -> list[bytes]:
    chance = random.Random(126)
    return [chance.randbytes(100) for _ in range(count)]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("partitions", [1, 3])
def test_what_compresses_comes_near_batch_size_on_the_wire(codec: CompressionType, partitions: int) -> None:
    batches = filled_with(orders(15_000), codec, partitions=partitions)

    learned = batches[30:]
    assert len(learned) >= 5
    assert batches[0].builder.size_bytes <= BATCH_SIZE
    assert all(0.75 * BATCH_SIZE < int(batch.size_on_wire()) <= BATCH_SIZE for batch in learned)
    assert all(int(batch.builder.size_bytes) > 1.5 * BATCH_SIZE for batch in learned)


@pytest.mark.parametrize("codec", CODECS)
def test_what_does_not_compress_has_batches_as_without_a_codec(codec: CompressionType) -> None:
    batches = filled_with(noise(1_000), codec)
    plain = filled_with(noise(1_000), "none")

    assert [batch.record_count for batch in batches] == [batch.record_count for batch in plain]
    assert all(batch.size_on_wire() <= BATCH_SIZE for batch in batches)


def test_what_stops_compressing_exceeds_batch_size_twice_at_most_and_never_a_request() -> None:
    accumulator = roomy("zstd", max_request_size=3 * BATCH_SIZE)
    topic = open_topic(accumulator)
    before = fill(accumulator, topic, orders(15_000))
    after = fill(accumulator, topic, noise(1_000))

    assert before[-1].builder.size_bytes > 2 * BATCH_SIZE
    assert all(batch.size_on_wire() <= 3 * BATCH_SIZE for batch in before + after)
    # One that began with what does compress, and the next.
    assert 1 <= sum(batch.size_on_wire() > BATCH_SIZE for batch in after) <= 2
    assert after[-1].builder.size_bytes <= BATCH_SIZE


@pytest.mark.parametrize(
    ("buffer_memory", "max_request_size", "largest"),
    [
        (33_554_432, 1_048_576, LARGEST_GROWTH * BATCH_SIZE),
        (33_554_432, 10_000, 10_000),
        (50_000, 1_048_576, 12_500),
        (8_000, 1_048_576, BATCH_SIZE),
        (33_554_432, 2_500, BATCH_SIZE),
    ],
)
def test_batches_stay_within_requests_and_leave_room_in_the_buffer(
    buffer_memory: int, max_request_size: int, largest: int
) -> None:
    accumulator = accumulator_of(
        batch_size=BATCH_SIZE,
        buffer_memory=buffer_memory,
        max_request_size=max_request_size,
        codec=codec_for("zstd", None),
    )
    batches = fill(accumulator, open_topic(accumulator), [b"." * 100] * 8_000)

    sizes = [batch.builder.size_bytes for batch in batches]
    assert largest - 150 < max(sizes) <= largest


def test_records_larger_than_a_batch_are_no_obstacle() -> None:
    batches = filled_with([b"." * 7_500] * 100, "zstd")

    assert batches[0].record_count == 1
    assert batches[-1].record_count == 4


def test_topics_learn_apart() -> None:
    accumulator = roomy("zstd")
    fill(accumulator, open_topic(accumulator, "text"), orders(8_000))
    others = fill(accumulator, open_topic(accumulator, "noise"), noise(200))

    assert accumulator.topic("text").limit.plain_bytes > 2 * BATCH_SIZE
    assert all(batch.size_on_wire() <= BATCH_SIZE for batch in others)


def test_small_batches_teach_nothing() -> None:
    limit = BatchLimit(1_000, 8_000)
    for _ in range(100):
        limit.learn(1_000, 200)
    grown = limit.plain_bytes
    limit.learn(400, 400)

    assert 4_500 < grown < 5_000
    assert limit.plain_bytes == grown


def test_a_batch_that_shrinks_less_counts_at_once_and_one_that_shrinks_more_in_steps() -> None:
    limit = BatchLimit(1_000, 8_000)
    limit.learn(1_000, 200)
    first = limit.plain_bytes
    for _ in range(50):
        limit.learn(1_000, 200)
    limit.learn(4_500, 2_250)

    assert first < 1_200
    assert limit.plain_bytes == int(1_000 / 0.5 / 1.05)


def test_after_a_refusal_none_grows_as_large_again() -> None:
    limit = BatchLimit(1_000, 8_000)
    for _ in range(100):
        limit.learn(1_000, 200)
    limit.refused(4_000)
    after = limit.plain_bytes
    for _ in range(100):
        limit.learn(2_000, 400)

    assert after == limit.plain_bytes == 2_000
    limit.refused(1_500)
    assert limit.plain_bytes == 1_000
