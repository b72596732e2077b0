"""What waits for one partition, and what the partitions of a topic share."""

from __future__ import annotations

import math

import pytest

from dekaf._cluster.metadata import NO_LEADER
from dekaf.errors import ProduceError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.queues import PartitionQueue, TopicQueues, batch_without_bytes
from tests.unit.producer.rooms import (
    CALLBACKS,
    DELIVERIES,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
    batches_of,
    open_topic,
    parked_record,
)

GONE = ProduceError("no such topic", topic="t")


@pytest.fixture
def accumulator() -> RecordAccumulator:
    return accumulator_of(batch_size=1, buffer_memory=1_000_000)  # each record fills a batch


@pytest.fixture
def topic(accumulator: RecordAccumulator) -> TopicQueues:
    return open_topic(accumulator, partitions=3)


def put_back_first(queue: PartitionQueue) -> None:
    queue.retries.append(queue.full.popleft())


# One partition.


def test_queue_of_nothing_has_nothing_to_send_and_nothing_that_grows_old(topic: TopicQueues) -> None:
    queue = topic.partitions[0]

    assert not queue.has_unsent()
    assert queue.waiting() == 0
    assert queue.oldest_created() == math.inf


def test_batches_wait_whether_full_open_or_to_be_sent_again(accumulator: RecordAccumulator, topic: TopicQueues) -> None:
    queue = topic.partitions[0]
    for number in range(3):
        append(accumulator, topic)
        batches_of(queue)[-1].created = float(number)
    put_back_first(queue)
    queue.current = queue.full.pop()  # as if it had more space

    assert (len(queue.retries), len(queue.full), queue.current is not None) == (1, 1, True)
    assert queue.waiting() == 3
    assert queue.oldest_created() == 0.0
    queue.retries.clear()
    assert queue.oldest_created() == 1.0
    queue.full.clear()
    assert queue.oldest_created() == 2.0
    assert queue.has_unsent()


# The partition for records without a key (KIP-794).


def test_only_partition_is_the_choice_even_without_a_leader(accumulator: RecordAccumulator) -> None:
    topic = open_topic(accumulator, "lonely", partitions=1)
    topic.partitions[0].leader = NO_LEADER

    assert topic.choose_sticky() == 0


def test_batches_to_be_sent_again_count_for_the_length_of_a_queue(
    accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    for _ in range(60):
        append(accumulator, topic, partition=1)
    while topic.partitions[1].full:
        put_back_first(topic.partitions[1])

    chosen = [int(topic.choose_sticky()) for _ in range(300)]

    assert chosen.count(1) < 30
    assert {0, 2} <= set(chosen)


# Telling records that never get any bytes.


def test_records_without_bytes_are_told_through_one_batch_each_by_its_own_way() -> None:
    heard = Heard()
    notes = [CallbackNotes() for _ in range(2)]
    records = [
        parked_record(recipient=notes[0], route=CALLBACKS, charged=300, accepted=5.0),
        parked_record(charged=200, accepted=6.0),  # nobody waits for it
        parked_record(recipient=notes[1], route=CALLBACKS, charged=100, accepted=7.0),
    ]

    batch = batch_without_bytes("t", -1, records, heard.listener())
    batch.fail(GONE)
    heard.notify_all()

    assert notes == [[(None, GONE)], [(None, GONE)]]
    assert heard.unheard == [("t", 1, GONE)]
    assert (int(batch.record_count), int(batch.charged), batch.created) == (3, 600, 5.0)


def test_ways_of_telling_are_not_mixed_in_such_a_batch() -> None:
    records = [parked_record(recipient=object(), route=route) for route in (CALLBACKS, DELIVERIES, CALLBACKS)]

    batch = batch_without_bytes("t", 0, records, Heard().listener())

    assert [(waits.route, len(waits.recipients)) for waits in batch.waits] == [(CALLBACKS, 2), (DELIVERIES, 1)]
