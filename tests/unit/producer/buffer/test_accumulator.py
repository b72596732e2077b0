"""Appending: which batch, which bytes, who is woken."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from dekaf._record.compression import codec_for
from dekaf.partitioning import RoundRobinPartitioner, murmur2
from dekaf.producer._buffer.accumulator import (
    APPENDED,
    NO_SPACE,
    NOT_KNOWN,
    TOO_LARGE,
    WAKE_ALWAYS,
    WAKE_AWAITED,
    WAKE_NEVER,
    RecordAccumulator,
)
from dekaf.producer._buffer.batch import BatchState
from dekaf.producer._buffer.buffer_memory import SpaceWaiter
from dekaf.producer._buffer.queues import UNDECIDED
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._waiting.mailbox import LoopMailbox
from dekaf.testing.record_reader import read_records
from tests.unit.producer.rooms import (
    CALLBACKS,
    DELIVERIES,
    T,
    Wakes,
    accumulator_of,
    append,
    batches_of,
    open_topic,
    parked_record,
    release,
)


def values_in(accumulator: RecordAccumulator, topic: Any, partition: int = 0) -> list[bytes | None]:
    values = []
    for batch in batches_of(topic.partitions[partition]):
        if batch.sealed is None:
            batch.seal(None)
        assert batch.sealed is not None
        values.extend([record.value for record in read_records(batch.sealed.records, batch.record_count)])
    return values


# Batches.


def test_records_share_the_open_batch() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    for number in range(5):
        assert append(accumulator, topic, b"%d" % number) == APPENDED

    assert len(batches_of(topic.partitions[0])) == 1
    assert values_in(accumulator, topic) == [b"0", b"1", b"2", b"3", b"4"]
    assert accumulator.pending_records() == 5


def test_full_batch_makes_way_for_the_next_one_in_order() -> None:
    accumulator = accumulator_of(batch_size=150)
    topic = open_topic(accumulator)
    for number in range(30):
        append(accumulator, topic, b"%02d" % number)

    queue = topic.partitions[0]
    assert len(queue.full) >= 3
    assert all(batch.builder.size_bytes <= 150 for batch in batches_of(queue))
    assert all(batch.builder.size_bytes > 100 for batch in queue.full)
    assert values_in(accumulator, topic) == [b"%02d" % number for number in range(30)]


def test_record_larger_than_a_batch_has_one_for_itself() -> None:
    accumulator = accumulator_of(batch_size=150)
    topic = open_topic(accumulator)
    append(accumulator, topic, b"before")
    append(accumulator, topic, b"." * 1_000)
    append(accumulator, topic, b"after")

    queue = topic.partitions[0]
    assert [batch.record_count for batch in batches_of(queue)] == [1, 1, 1]
    assert queue.current is not None
    assert [batch.is_compressing for batch in queue.full] == [False, False]


def test_batch_size_of_one_makes_a_batch_of_every_record() -> None:
    accumulator = accumulator_of(batch_size=1)
    topic = open_topic(accumulator)
    for _ in range(3):
        append(accumulator, topic)

    assert [batch.record_count for batch in topic.partitions[0].full] == [1, 1, 1]
    assert topic.partitions[0].current is None


def test_whoever_fills_a_batch_compresses_it() -> None:
    accumulator = accumulator_of(batch_size=300, codec=codec_for("gzip", None))
    topic = open_topic(accumulator)
    for _ in range(40):
        append(accumulator, topic, b"value" * 4)

    full = topic.partitions[0].full
    assert full
    assert all(batch.state is BatchState.SEALED and not batch.is_compressing for batch in full)
    assert all(batch.sealed is not None and batch.sealed.codec_id == 1 for batch in full)


def test_codec_that_fails_leaves_the_batch_to_the_sender() -> None:
    codec = codec_for("gzip", None)
    assert codec is not None

    def fail(_: bytes) -> bytes:
        raise MemoryError

    codec.compress = fail
    accumulator = accumulator_of(batch_size=1, codec=codec)
    topic = open_topic(accumulator)

    assert append(accumulator, topic) == APPENDED

    (batch,) = topic.partitions[0].full
    assert (batch.is_compressing, batch.sealed) == (False, None)


def test_writers_are_used_again() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    append(accumulator, topic, b"one")
    batch = batches_of(topic.partitions[0])[0]
    writer = batch.builder.writer
    topic.partitions[0].current = None
    accumulator.recycle(batch.seal(None))
    append(accumulator, topic, b"two")

    fresh = batches_of(topic.partitions[0])[0]
    assert fresh.builder.writer is writer
    assert values_in(accumulator, topic) == [b"two"]
    assert batch.sealed is not None
    assert read_records(batch.sealed.records, 1)[0].value == b"one"


def test_queue_is_activated_once_until_it_was_taken() -> None:
    accumulator = accumulator_of(batch_size=1)
    topic = open_topic(accumulator)
    for _ in range(3):
        append(accumulator, topic)

    assert accumulator.activated == [topic.partitions[0]]


# Memory.


def test_memory_is_accounted_for_to_the_byte() -> None:
    accumulator = accumulator_of(batch_size=500, buffer_memory=1_000_000)
    topic = open_topic(accumulator, partitions=3)
    chance = random.Random(5)
    for number in range(500):
        route = chance.choice([None, CALLBACKS, DELIVERIES])
        append(
            accumulator,
            topic,
            chance.choice([None, chance.randbytes(chance.randrange(300))]),
            key=chance.choice([None, b"key"]),
            partition=chance.randrange(3),
            timestamp=T + chance.randint(-500, 500),
            recipient=None if route is None else number,
            route=route,
        )

    charged = sum(batch.charged for queue in topic.partitions for batch in batches_of(queue))
    written = sum(batch.builder.size_bytes - 61 for queue in topic.partitions for batch in batches_of(queue))
    waiting = sum(
        len(waits.recipients) * waits.route.cost_bytes
        for queue in topic.partitions
        for batch in batches_of(queue)
        for waits in batch.waits
    )
    assert accumulator.buffer.capacity - accumulator.buffer.free == charged == written + waiting
    release(accumulator, topic)
    assert accumulator.buffer.free == accumulator.buffer.capacity


def test_no_room_changes_nothing() -> None:
    accumulator = accumulator_of(buffer_memory=1_100, batch_size=5_000)
    topic = open_topic(accumulator)
    while append(accumulator, topic, b"." * 50) == APPENDED:
        pass
    free, accepted = accumulator.buffer.free, accumulator.accepted

    assert append(accumulator, topic, b"." * 50) == NO_SPACE
    assert (accumulator.buffer.free, accumulator.accepted) == (free, accepted)
    assert 0 <= free < 90


def test_no_room_while_others_wait_in_line() -> None:
    accumulator = accumulator_of(buffer_memory=1_100)
    topic = open_topic(accumulator)
    append(accumulator, topic)
    accumulator.buffer.line_up(SpaceWaiter(1_100, lambda: None))

    assert append(accumulator, topic) == NO_SPACE


def test_what_was_reserved_and_not_needed_goes_back() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    accumulator.buffer.free -= 1_000
    assert append(accumulator, topic, reserved=1_000) == APPENDED

    release(accumulator, topic)
    assert accumulator.buffer.free == accumulator.buffer.capacity


def test_reserved_room_needs_no_more_of_it() -> None:
    accumulator = accumulator_of(buffer_memory=1_100)
    topic = open_topic(accumulator)
    accumulator.buffer.free = 0

    assert append(accumulator, topic) == NO_SPACE
    assert append(accumulator, topic, reserved=500) == APPENDED


@pytest.mark.parametrize(("max_request_size", "buffer_memory"), [(1_000, 100_000), (100_000, 1_768)])
def test_record_too_large_is_refused_by_its_upper_bound(max_request_size: int, buffer_memory: int) -> None:
    accumulator = accumulator_of(max_request_size=max_request_size, buffer_memory=buffer_memory)
    topic = open_topic(accumulator)
    largest = accumulator.max_record_size - 20 - 2 - 2 - 1  # lengths, attributes and key, the value's length, headers

    assert append(accumulator, topic, b"." * (largest + 1)) == TOO_LARGE
    assert append(accumulator, topic, b"." * largest) == APPENDED


# Partitions.


@pytest.mark.mistake("pykafka: keys hashed over the partitions with a leader", "librdkafka #513")
def test_keys_go_to_their_partition_whoever_leads_it() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator, partitions=5)
    topic.partitions[murmur2(b"key") % 5].leader = -1
    append(accumulator, topic, key=b"key", partition=-1)

    assert [queue.current is not None for queue in topic.partitions].index(True) == murmur2(b"key") % 5


def test_records_without_a_key_stay_with_a_partition_for_a_batch() -> None:
    accumulator = accumulator_of(batch_size=1_000, buffer_memory=10_000_000)
    topic = open_topic(accumulator, partitions=4)
    changes = 0
    last = UNDECIDED
    for _ in range(2_000):
        append(accumulator, topic, b"." * 50, partition=-1)
        used = topic.sticky
        changes += used not in (last, UNDECIDED)
        last = used if used != UNDECIDED else last

    counts = [sum(batch.record_count for batch in batches_of(queue)) for queue in topic.partitions]
    assert sum(counts) == 2_000
    assert all(count > 200 for count in counts), counts
    assert changes < 200
    # Whole batches: nearly everything lies in full ones.
    assert all(batch.builder.size_bytes > 900 for queue in topic.partitions for batch in queue.full)


def test_sticky_choice_prefers_leaders_and_short_queues() -> None:
    accumulator = accumulator_of(batch_size=1, buffer_memory=10_000_000)
    topic = open_topic(accumulator, partitions=3)
    topic.partitions[0].leader = -1
    for _ in range(50):
        append(accumulator, topic, partition=1)
    chosen = [topic.choose_sticky() for _ in range(200)]

    assert 0 not in chosen
    assert chosen.count(2) > 150


def test_without_any_leader_every_partition_is_a_candidate() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator, partitions=3)
    for queue in topic.partitions:
        queue.leader = -1

    assert {topic.choose_sticky() for _ in range(200)} == {0, 1, 2}


def test_own_partitioner_decides_about_keys_too() -> None:
    accumulator = accumulator_of(partitioner=RoundRobinPartitioner())
    topic = open_topic(accumulator, partitions=2)
    append(accumulator, topic, key=b"key", partition=1)
    append(accumulator, topic, key=b"key", partition=-1)  # it left the choice to the sticky one

    assert sum(1 for queue in topic.partitions if queue.current is not None) >= 1
    assert topic.partitions[1].current is not None


# Waking.


@pytest.mark.parametrize(
    ("state", "is_awaited", "wakes"),
    [
        (WAKE_ALWAYS, False, 1),
        (WAKE_ALWAYS, True, 1),
        (WAKE_AWAITED, False, 0),
        (WAKE_AWAITED, True, 1),
        (WAKE_NEVER, False, 0),
        (WAKE_NEVER, True, 0),
    ],
)
def test_append_wakes_according_to_the_state(state: int, is_awaited: bool, wakes: int) -> None:
    wake = Wakes()
    accumulator = accumulator_of(wake=wake)
    topic = open_topic(accumulator)
    accumulator.wake_for = state
    append(accumulator, topic, recipient=object(), route=DELIVERIES if is_awaited else CALLBACKS)

    assert wake.count == wakes


@pytest.mark.parametrize("state", [WAKE_ALWAYS, WAKE_AWAITED, WAKE_NEVER])
def test_full_batch_always_wakes(state: int) -> None:
    wake = Wakes()
    accumulator = accumulator_of(batch_size=1, wake=wake)
    topic = open_topic(accumulator)
    accumulator.wake_for = state
    append(accumulator, topic)

    assert wake.count == 1


class Loop:
    """An event loop that runs when it is told to."""

    def __init__(self) -> None:
        self.soon: list[Any] = []

    def call_soon(self, callback: Any, /) -> object:
        self.soon.append(callback)
        return None

    def call_soon_threadsafe(self, callback: Any, /) -> object:
        return self.call_soon(callback)

    def add_reader(self, descriptor: int, callback: Any, /) -> object:
        raise NotImplementedError

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> Any:
        raise NotImplementedError


def test_awaiting_coroutines_wake_once_at_the_end_of_their_round() -> None:
    wake = Wakes()
    accumulator = accumulator_of(wake=wake)
    topic = open_topic(accumulator)
    loop = Loop()
    mailbox = LoopMailbox(loop, wake)
    for _ in range(5):
        append(accumulator, topic, recipient=object(), route=mailbox.awaited.endless)

    assert wake.count == 0
    assert len(loop.soon) == 1
    loop.soon.pop()()
    assert wake.count == 1


def test_submitting_coroutines_wake_at_once() -> None:
    """Nothing says that their loop goes on."""
    wake = Wakes()
    accumulator = accumulator_of(wake=wake)
    append(accumulator, open_topic(accumulator), recipient=object(), route=LoopMailbox(Loop(), wake).submitted)

    assert wake.count == 1


# Parking and closing.


def parked(accepted: float = 12.5) -> WaitingRecord:
    return parked_record(b"value", partition=-1, accepted=accepted)


def test_new_topic_is_told_of_once() -> None:
    accumulator = accumulator_of()
    topic = accumulator.topic("t")

    assert accumulator.take_new_topics() == [topic]
    assert accumulator.take_new_topics() == []
    assert accumulator.topic("t") is topic


def test_parked_record_is_charged_and_counted_once() -> None:
    accumulator = accumulator_of()
    topic = accumulator.topic("t")
    record = parked()
    assert accumulator.park(topic, record, reserved=0) == APPENDED
    assert accumulator.buffer.capacity - accumulator.buffer.free == 300
    assert accumulator.pending_records() == 1

    open_topic(accumulator)
    topic.is_known = False
    assert accumulator.place(topic, record, 0) == APPENDED

    assert accumulator.pending_records() == 1
    batch = topic.partitions[0].current
    assert batch is not None
    assert accumulator.buffer.capacity - accumulator.buffer.free == batch.charged < 300


def test_space_that_a_parked_record_no_longer_takes_goes_to_those_in_line() -> None:
    accumulator = accumulator_of(buffer_memory=1_000)
    topic = accumulator.topic("t")
    record = parked()
    accumulator.park(topic, record, reserved=0)
    accumulator.buffer.free -= 600
    granted: list[int] = []
    accumulator.buffer.line_up(SpaceWaiter(150, lambda: granted.append(1)))
    open_topic(accumulator)
    topic.is_known = False
    assert granted == []

    accumulator.place(topic, record, 0)

    assert granted == [1]


def test_time_of_a_parked_record_runs_from_its_acceptance() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    topic.is_known = False
    accumulator.place(topic, parked(accepted=12.5), 0)

    assert topic.partitions[0].current is not None
    assert topic.partitions[0].current.created == 12.5


def test_parking_needs_room() -> None:
    accumulator = accumulator_of(buffer_memory=1_000)
    topic = accumulator.topic("t")

    assert [accumulator.park(topic, parked(), reserved=0) for _ in range(4)] == [APPENDED] * 3 + [NO_SPACE]
    assert accumulator.park(topic, parked(), reserved=300) == APPENDED


@pytest.mark.parametrize("reason", ["is_known", "is_dropped", "is_closed"])
def test_nothing_is_parked_where_nobody_would_find_it(reason: str) -> None:
    accumulator = accumulator_of()
    topic = accumulator.topic("t")
    setattr(accumulator if reason == "is_closed" else topic, reason, True)

    assert accumulator.park(topic, parked(), reserved=0) == NOT_KNOWN
    assert accumulator.buffer.free == accumulator.buffer.capacity


def test_closed_accumulator_takes_nothing_even_from_whoever_looked_before() -> None:
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    accumulator.close()
    assert append(accumulator, topic) == NOT_KNOWN

    topic.is_known = True  # what a thread saw that is switched away between looking and locking
    assert append(accumulator, topic) == NOT_KNOWN
    assert append(accumulator, topic, reserved=500) == NOT_KNOWN
    assert accumulator.pending_records() == 0


def test_closed_accumulator_still_places_what_was_parked_before() -> None:
    accumulator = accumulator_of()
    topic = accumulator.topic("t")
    record = parked()
    accumulator.park(topic, record, reserved=0)
    accumulator.close()
    open_topic(accumulator)
    topic.is_known = False

    assert accumulator.place(topic, record, 0) == APPENDED


def test_closing_dismisses_those_in_line() -> None:
    accumulator = accumulator_of(buffer_memory=1_000)
    granted: list[int] = []
    accumulator.buffer.free = 0
    accumulator.buffer.line_up(SpaceWaiter(500, lambda: granted.append(1)))
    accumulator.close()

    assert granted == [1]


def test_many_threads_append_without_losing_a_byte() -> None:
    accumulator = accumulator_of(batch_size=300, buffer_memory=10_000_000)
    topic = open_topic(accumulator, partitions=2)

    def work(number: int) -> None:
        for turn in range(300):
            assert append(accumulator, topic, b"%d-%d" % (number, turn), partition=turn % 2) == APPENDED

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    values = [*values_in(accumulator, topic, 0), *values_in(accumulator, topic, 1)]
    assert sorted(value for value in values if value) == sorted(
        b"%d-%d" % (number, turn) for number in range(4) for turn in range(300)
    )
    for number in range(4):
        mine = [value for value in values_in(accumulator, topic, 0) if value and value.startswith(b"%d-" % number)]
        assert mine == [b"%d-%d" % (number, turn) for turn in range(0, 300, 2)]
    release(accumulator, topic)
    assert accumulator.buffer.free == accumulator.buffer.capacity
