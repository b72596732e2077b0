"""Which batches leave with the next request, and when the others fall due."""

from __future__ import annotations

import math

import pytest

from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.buffer_memory import SpaceWaiter
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch
from dekaf.producer._engine.batch_selector import BatchSelector, NodeQueues, SelectionRules
from tests.unit.producer.rooms import CALLBACKS, DELIVERIES, accumulator_of, append, batches_of, open_topic

NOW = 1_000.0
LINGER = 0.005
ME = ProducerIdAndEpoch(1, 0)


class Broker:
    """A selector over the queues of one topic that one broker leads."""

    def __init__(
        self,
        *,
        partitions: int = 1,
        batch_size: int = 200,
        max_request_size: int = 50_000,
        max_in_flight: int = 5,
        is_idempotent: bool = True,
    ) -> None:
        self.accumulator: RecordAccumulator = accumulator_of(
            batch_size=batch_size, buffer_memory=10_000_000, max_request_size=50_000
        )
        self.topic = open_topic(self.accumulator, partitions=partitions)
        self.node = NodeQueues(1)
        self.selector = BatchSelector(
            self.accumulator, SelectionRules(LINGER, max_request_size, max_in_flight, is_idempotent=is_idempotent)
        )
        self.due = math.inf
        for queue in self.topic.partitions:
            queue.sequences.adopt(ME)
            queue.sequences.acknowledged = True

    def queue(self, partition: int = 0) -> PartitionQueue:
        """Return a partition's queue."""
        return self.topic.partitions[partition]

    def add(self, partition: int = 0, value: bytes = b"value", *, is_awaited: bool = False) -> ProducerBatch:
        """Append a record; return the batch it is in."""
        route = DELIVERIES if is_awaited else CALLBACKS
        append(self.accumulator, self.topic, value, partition=partition, recipient=object(), route=route)
        queue = self.queue(partition)
        if not queue.is_listed:
            queue.is_listed = True
            self.node.queues.append(queue)
        batch = batches_of(queue)[-1]
        batch.created = NOW
        return batch

    def fill(self, partition: int = 0) -> ProducerBatch:
        """Append one full batch."""
        return self.add(partition, b"." * 200)

    def retry(self, partition: int = 0) -> ProducerBatch:
        """Put a batch in line to be sent again."""
        batch = self.fill(partition)
        queue = self.queue(partition)
        queue.full.remove(batch)
        batch.seal(None)
        batch.number(ME, 0)
        queue.retries.append(batch)
        return batch

    def take(self, now: float = NOW) -> list[ProducerBatch]:
        """Take what may leave now, once."""
        selection = self.selector.take(self.node, ME, now)
        self.due = selection.due
        return selection.batches


# Linger.


def test_awaited_record_leaves_at_once_while_the_broker_is_idle() -> None:
    broker = Broker()
    batch = broker.add(is_awaited=True)

    assert broker.take() == [batch]


def test_awaited_record_lingers_while_a_request_is_under_way() -> None:
    broker = Broker()
    batch = broker.add(is_awaited=True)
    broker.node.in_flight = 1

    assert broker.take() == []
    assert broker.due == NOW + LINGER
    assert broker.take(NOW + LINGER) == [batch]


def test_record_nobody_awaits_lingers() -> None:
    broker = Broker()
    batch = broker.add()

    assert broker.take() == []
    assert broker.due == NOW + LINGER
    assert broker.take(NOW + LINGER) == [batch]


@pytest.mark.mistake("librdkafka #3489", "aiokafka PR 1142")
def test_later_records_do_not_prolong_the_linger() -> None:
    broker = Broker()
    batch = broker.add()
    for _ in range(3):
        broker.add()
    batch.created = NOW - LINGER

    assert broker.take() == [batch]


def test_full_batch_never_waits() -> None:
    broker = Broker()
    batch = broker.fill()
    broker.node.in_flight = 1

    assert broker.take() == [batch]


def test_flush_ends_the_linger() -> None:
    broker = Broker()
    batch = broker.add()
    batch.urgent = True
    broker.node.in_flight = 1

    assert broker.take() == [batch]


def test_somebody_who_waits_for_room_ends_the_linger() -> None:
    broker = Broker()
    batch = broker.add()
    broker.accumulator.buffer.line_up(SpaceWaiter(1 << 40, lambda: None))

    assert broker.take() == [batch]


def test_earliest_of_those_that_stay_falls_due() -> None:
    broker = Broker(partitions=3)
    for partition, created in enumerate((NOW, NOW - 0.003, NOW - 0.001)):
        broker.add(partition).created = created
    broker.take()

    assert broker.due == pytest.approx(NOW + 0.002)


def test_batch_that_is_being_compressed_is_waited_for() -> None:
    broker = Broker()
    batch = broker.fill()
    batch.is_compressing = True
    broker.fill()

    assert broker.take() == []
    batch.is_compressing = False
    assert broker.take() == [batch]


# Order and turns.


def test_request_has_one_batch_per_partition() -> None:
    broker = Broker(partitions=3)
    first = [broker.fill(partition) for partition in range(3)]
    second = [broker.fill(partition) for partition in range(3)]

    assert broker.take() == first
    assert broker.take() == second
    assert broker.take() == []


def test_full_batch_goes_before_the_open_one() -> None:
    broker = Broker()
    full, small = broker.fill(), broker.add(is_awaited=True)

    assert broker.take() == [full]
    assert broker.take() == [small]


def test_large_request_is_cut_and_the_next_one_goes_on_from_there() -> None:
    broker = Broker(partitions=5, max_request_size=700)
    for _ in range(4):
        for partition in range(5):
            broker.fill(partition)
    served: list[list[int]] = [[int(batch.partition) for batch in broker.take()] for _ in range(10)]

    assert served[:5] == [[0, 1], [2, 3], [4, 0], [1, 2], [3, 4]]
    assert broker.take() == []


@pytest.mark.mistake("draining from the first partition on")
def test_no_partition_starves_among_fifty() -> None:
    broker = Broker(partitions=50, max_request_size=5 * 300)
    for _ in range(3):
        for partition in range(50):
            broker.fill(partition)
    served = [int(batch.partition) for _ in range(10) for batch in broker.take()]

    assert sorted(served) == list(range(50))


def test_first_batch_is_taken_whatever_its_size() -> None:
    broker = Broker(partitions=2, max_request_size=100)
    large = [broker.add(partition, b"." * 1_000) for partition in (0, 1)]

    assert broker.take() == large[:1]
    assert broker.take() == large[1:]


# In flight.


def test_nothing_overtakes_the_first_batch_until_the_broker_knows_us() -> None:
    broker = Broker()
    broker.queue().sequences.acknowledged = False
    first, second = broker.fill(), broker.fill()
    assert broker.take() == [first]
    broker.queue().in_flight.append(first)

    assert broker.take() == []
    broker.queue().sequences.acknowledged = True
    assert broker.take() == [second]


def test_as_many_are_in_flight_as_allowed() -> None:
    broker = Broker(max_in_flight=2)
    batches = [broker.fill() for _ in range(3)]
    for batch in batches[:2]:
        assert broker.take() == [batch]
        broker.queue().in_flight.append(batch)

    assert broker.take() == []


def test_without_idempotence_the_first_batch_may_be_overtaken() -> None:
    broker = Broker(is_idempotent=False)
    broker.queue().sequences.acknowledged = False
    first, second = broker.fill(), broker.fill()
    assert broker.take() == [first]
    broker.queue().in_flight.append(first)

    assert broker.take() == [second]


def test_new_identity_waits_until_the_old_numbers_are_settled() -> None:
    broker = Broker()
    first, second = broker.fill(), broker.fill()
    assert broker.take() == [first]
    broker.queue().in_flight.append(first)
    broker.queue().sequences.identity = ProducerIdAndEpoch(1, 1)

    assert broker.take() == []
    broker.queue().in_flight.clear()
    assert broker.take() == [second]


def test_nothing_is_numbered_behind_a_gap() -> None:
    broker = Broker()
    broker.fill()
    broker.queue().sequences.break_off(ME, 0)

    assert broker.take() == []


# Retries.


def test_retry_goes_first_and_alone_after_its_pause() -> None:
    broker = Broker()
    retry, fresh = broker.retry(), broker.fill()
    broker.queue().retry_at = NOW + 0.1

    assert broker.take() == []
    assert broker.due == NOW + 0.1
    assert broker.take(NOW + 0.1) == [retry]
    broker.queue().in_flight.append(retry)
    broker.queue().sequences.acknowledged = False
    assert broker.take(NOW + 0.1) == []
    broker.queue().in_flight.clear()
    assert broker.take(NOW + 0.1) == [fresh]


def test_retry_waits_for_what_is_in_flight() -> None:
    broker = Broker()
    retry = broker.retry()
    broker.queue().in_flight.append(broker.fill())

    assert broker.take() == []
    broker.queue().in_flight.clear()
    assert broker.take() == [retry]


def test_partition_that_pauses_does_not_hold_up_the_others() -> None:
    broker = Broker(partitions=2)
    broker.retry(0)
    broker.queue(0).retry_at = NOW + 10
    other = broker.fill(1)

    assert broker.take() == [other]


# Being listed.


def test_emptied_queue_leaves_the_list() -> None:
    broker = Broker(partitions=2)
    broker.fill(0)
    broker.fill(1)
    broker.fill(1)
    broker.take()

    assert broker.node.queues == [broker.queue(1)]
    assert not broker.queue(0).is_active
    assert not broker.queue(0).is_listed


def test_queue_that_lost_everything_leaves_the_list() -> None:
    broker = Broker()
    broker.add()
    broker.queue().current = None

    assert broker.take() == []
    assert broker.node.queues == []
