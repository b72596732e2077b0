"""Waiting for everything that was accepted so far."""

from __future__ import annotations

import pytest

from dekaf.errors import ProduceError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import ParkedRecord, TopicQueues
from dekaf.producer._engine.flush import FlushWaiter
from tests.unit.producer.rooms import T, Wakes, accumulator_of, append, batches_of, open_topic


@pytest.fixture
def told() -> Wakes:
    return Wakes()


@pytest.fixture
def accumulator() -> RecordAccumulator:
    return accumulator_of(batch_size=1)


def pending(topic: TopicQueues) -> list[ProducerBatch]:
    return batches_of(topic.partitions[0])


def nothing_of(_topic: str) -> list[ProducerBatch]:
    return []


def test_nothing_pending_is_told_at_once(told: Wakes) -> None:
    FlushWaiter(told, nothing_of).start([], [])

    assert told.count == 1


def test_last_outcome_ends_the_flush_whatever_it_is(told: Wakes, accumulator: RecordAccumulator) -> None:
    topic = open_topic(accumulator)
    for _ in range(3):
        append(accumulator, topic)
    batches = pending(topic)
    FlushWaiter(told, nothing_of).start(batches, [topic])

    batches[2].succeed(0, -1)
    batches[0].fail(ProduceError("no"))
    assert told.count == 0
    batches[1].succeed(1, -1)
    assert told.count == 1
    batches[1].fail(ProduceError("late"))
    assert told.count == 1


def test_batches_accepted_later_are_not_waited_for(told: Wakes, accumulator: RecordAccumulator) -> None:
    topic = open_topic(accumulator)
    append(accumulator, topic)
    FlushWaiter(told, nothing_of).start(pending(topic), [topic])
    append(accumulator, topic)
    pending(topic)[0].succeed(0, -1)

    assert told.count == 1


def test_parked_records_are_waited_for_until_their_batches_are_done(
    told: Wakes, accumulator: RecordAccumulator
) -> None:
    topic = accumulator.topic("t")
    record = ParkedRecord(None, b"a", None, 0, T, None, None, 300, 0.0)
    accumulator.park(topic, record, reserved=0)
    FlushWaiter(told, lambda _: pending(topic)).start([], [topic])

    open_topic(accumulator)
    accumulator.place(topic, topic.parked.popleft(), 0)
    for flush in topic.flushes:
        flush()
    assert told.count == 0
    pending(topic)[0].succeed(0, -1)

    assert told.count == 1


def test_several_flushes_wait_for_the_same_batch(accumulator: RecordAccumulator) -> None:
    topic = open_topic(accumulator)
    append(accumulator, topic)
    tolds = [Wakes() for _ in range(3)]
    for told in tolds:
        FlushWaiter(told, nothing_of).start(pending(topic), [])
    pending(topic)[0].succeed(0, -1)

    assert [told.count for told in tolds] == [1, 1, 1]
