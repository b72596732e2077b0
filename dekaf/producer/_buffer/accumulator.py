"""Collect records into one open batch per partition until the sender drains them; the callers' half of the engine.

While the lock is held: allocate nothing the garbage collector tracks, drop no object of a user's, wake no thread. A
collection may run a finalizer that calls `fire` on the very thread that holds the lock. Where the code is interpreted
that is not enough, see `lock`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final, final

from mypy_extensions import i64

from dekaf._cluster.refresh import NEVER
from dekaf._record.builder import LENGTHS_UPPER_BOUND, RecordBatchBuilder, content_size
from dekaf._record.compression import Codec
from dekaf._record.record_batch import BATCH_OVERHEAD
from dekaf._threads.primitives import get_ident, sleep
from dekaf._wire.writer import BytesWriter
from dekaf.partitioning import Partitioner, murmur2
from dekaf.producer._buffer.batch import BatchListener, BatchWaits, ProducerBatch
from dekaf.producer._buffer.batch_limit import LARGEST_GROWTH, BatchLimit
from dekaf.producer._buffer.buffer_memory import BufferMemory
from dekaf.producer._buffer.lock import new_lock
from dekaf.producer._buffer.outage import Outage
from dekaf.producer._buffer.queues import UNDECIDED, PartitionQueue, TopicQueues
from dekaf.producer._buffer.waiting_record import JUST_NOW, PARKED_COST, WaitingRecord
from dekaf.producer._buffer.withdrawal import rid_of_withdrawn
from dekaf.producer._waiting.mailbox import FUTURE_COST, OutcomeRoute
from dekaf.producer._waiting.record_trace import RecordTrace

# What became of an append.
APPENDED: Final = 0
NO_SPACE: Final = 1
NOT_KNOWN: Final = 2  # the topic's partitions are not known, or the topic or the whole accumulator was given up
TOO_LARGE: Final = 3

# What writing led to, as bits; or that it could not be done.
OPENED: Final = 1  # the fresh batch is the open one now, and the one before it full
FILLED: Final = 2  # the batch written to is full
WAKE: Final = 4  # the I/O thread should look
RACED: Final = -1  # another thread changed the open batch: try again with a fresh one
FULL: Final = -2
CLOSED: Final = -3

# Which append must wake the I/O thread.
WAKE_NEVER: Final = 0  # an answer is due, and with it the next pass
WAKE_AWAITED: Final = 1  # a linger timer is armed: only a record that a caller waits for, or a full batch
WAKE_ALWAYS: Final = 2  # it sleeps

POOLED_WRITERS: Final = 64  # emptied but grown: a fresh 64 KiB buffer would pay for its page faults again


@final
class BufferLimits:
    """How much is held where, in bytes."""

    def __init__(self, batch_size: int, buffer_memory: int, max_request_size: int) -> None:
        self.batch_size: Final[i64] = batch_size
        self.buffer_memory: Final[i64] = buffer_memory
        self.max_request_size: Final[i64] = max_request_size


@final
class RecordAccumulator:
    """Append records from any thread; drained by the I/O thread."""

    def __init__(
        self,
        limits: BufferLimits,
        codec: Codec | None,
        partitioner: Partitioner | None,
        listener: BatchListener,
        wake: Callable[[], None],
    ) -> None:
        # Guards the buffer memory, wake_for, activated, next_end, and of each topic and queue what their classes say.
        self.lock: Final = new_lock()
        self.buffer: Final = BufferMemory(limits.buffer_memory, self.lock)
        self.topics: dict[str, TopicQueues] = {}
        self.activated: list[PartitionQueue] = []  # have something to send since the sender last looked
        self.new_topics: list[TopicQueues] = []  # asked for since the engine last looked
        self.wake_for: i64 = WAKE_ALWAYS
        self.accepted: i64 = 0  # records, ever
        self.completed: i64 = 0  # of these, how many have had their outcome told; the I/O thread's alone
        self.writers: list[BytesWriter] = []
        self.codec: Final = codec
        self.partitioner: Final = partitioner
        self.is_closed = False
        self.outage: Outage | None = None  # while no broker can be reached
        self._has_late_calls = False
        self.next_end = NEVER  # when the first call ends that did not find its end expected; monotonic seconds
        self.batch_size: Final[i64] = limits.batch_size
        # Even one that does not shrink at all must fit into a request, and leave space for others in the buffer.
        self._largest_batch: Final[i64] = min(
            limits.batch_size * (1 if codec is None else LARGEST_GROWTH),
            max(limits.batch_size, min(limits.max_request_size, limits.buffer_memory // 4)),
        )
        self._pooled_writers: Final[i64] = POOLED_WRITERS * limits.batch_size // self._largest_batch
        # Even parked, and with the dearest waiter, the largest record must fit into the buffer.
        self.max_record_size: Final[i64] = min(
            limits.max_request_size - BATCH_OVERHEAD, limits.buffer_memory - PARKED_COST - FUTURE_COST
        )
        self._listener: Final = listener
        self._wake: Final = wake

    def append(  # noqa: PLR0913 - a record's own fields: an object for them would cost as much as all the rest
        self,
        topic: TopicQueues,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
        reserved: i64,
        accepted: float,
        trace: RecordTrace | None = None,
    ) -> i64:
        """Write one record of an open topic, or one that was parked, into its batch.

        `partition` -1 leaves the choice to the built-in partitioner. `reserved` bytes, if any, were set aside for the
        record before; what it does not need of them goes back. `accepted` tells when it was parked, or is `JUST_NOW`.
        """
        content = content_size(key, value, headers)
        if content + LENGTHS_UPPER_BOUND > self.max_record_size:
            return TOO_LARGE
        is_sticky = False
        if partition < 0:
            if key is not None and self.partitioner is None:
                count: i64 = len(topic.partitions)
                partition = murmur2(key) % count
            else:
                is_sticky = True
                partition = _sticky_partition(topic)
        queue = topic.partitions[partition]
        result = self._write(
            queue, content, timestamp, key, value, headers, recipient, route, reserved, accepted, trace
        )
        if result < 0:
            return NOT_KNOWN if result == CLOSED else NO_SPACE
        if is_sticky:
            self._count_sticky(topic, content, result)
        return APPENDED

    def _write(  # noqa: PLR0913 # see append
        self,
        queue: PartitionQueue,
        content: i64,
        timestamp: i64,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        recipient: object | None,
        route: OutcomeRoute | None,
        reserved: i64,
        accepted: float,
        trace: RecordTrace | None,
    ) -> i64:
        """Write the record into the partition's open batch, or into a fresh one; return what that led to."""
        bound = content + LENGTHS_UPPER_BOUND
        cost = _cost(route, trace)
        before: ProducerBatch | None = None
        fresh: ProducerBatch | None = None
        waits: BatchWaits | None = None
        result: i64 = RACED
        try:
            while result == RACED:
                # Made before the lock is taken, see above. Only a hint: another thread may change the open batch.
                if fresh is None and not _fits(queue, queue.current, bound):
                    fresh = self._new_batch(queue, timestamp, accepted)
                if route is not None:
                    waits = _new_waits(queue.current, route)
                with self.lock:
                    before = queue.current
                    result = self._refusal_locked(queue, bound + cost, reserved, accepted)
                    if result == 0:
                        batch = before
                        if not _fits(queue, batch, bound):
                            batch = fresh
                            result = self._roll_locked(queue, before, fresh)
                        if batch is not None:
                            records = batch.builder.record_count
                            charged = batch.charged
                            try:
                                charge = batch.append(
                                    content, timestamp, key, value, headers, recipient, route, waits, trace
                                )
                            except BaseException:
                                self._count_interrupted_locked(batch, records, charged)
                                raise
                            self.buffer.free += reserved - charge
                            self.accepted += 1
                            result |= self._consequences_locked(queue, batch)
            if result > 0 or fresh is not None:
                # A record that was parked is placed by the I/O thread, which must not touch a caller's loop.
                self._after_append(queue, before, fresh, route if accepted == JUST_NOW else None, result)
        except BaseException:  # KeyboardInterrupt, for one, between any two calls where this is interpreted
            self._leave_to_sender(queue, before, fresh)
            raise
        return result

    def _count_interrupted_locked(self, batch: ProducerBatch, records: i64, charged: i64) -> None:
        """Count a record that is in its batch, though its call was interrupted before it could.

        Args:
            batch: Its batch.
            records: How many were in it before.
            charged: What these are charged. What was reserved for the record, its caller gives back.
        """
        if batch.builder.record_count > records:
            self.buffer.free -= batch.charged - charged
            self.accepted += 1

    def _refusal_locked(self, queue: PartitionQueue, needed: i64, reserved: i64, accepted: float) -> i64:
        """Return why a record cannot be taken, 0 if it can."""
        if queue.is_closed and accepted == JUST_NOW:
            return CLOSED  # closed, or forgotten, since the caller looked: no thread would ever send it
        if reserved == 0 and not self.buffer.has_space_locked(needed):
            return FULL
        return 0

    def _roll_locked(self, queue: PartitionQueue, before: ProducerBatch | None, fresh: ProducerBatch | None) -> i64:
        """Make `fresh` the open batch, and the one before it full."""
        if fresh is None:
            return RACED
        if before is not None:
            self._close_locked(queue, before)
        queue.current = fresh
        if not queue.is_active:
            queue.is_active = True
            self.activated.append(queue)
        return OPENED

    def _consequences_locked(self, queue: PartitionQueue, batch: ProducerBatch) -> i64:
        """Return, as bits, what a record just written leads to."""
        result: i64 = 0
        if batch.builder.size_bytes >= queue.limit.plain_bytes:
            self._close_locked(queue, batch)
            result = FILLED
        if self.wake_for == WAKE_ALWAYS or (self.wake_for == WAKE_AWAITED and batch.awaited):
            result |= WAKE
        return result

    def park(self, topic: TopicQueues, record: WaitingRecord, *, reserved: i64) -> i64:
        """Keep a record until its topic's partitions are known."""
        with self.lock:
            if topic.is_known or topic.is_dropped or self.is_closed:
                return NOT_KNOWN
            if reserved == 0:
                if not self.buffer.has_space_locked(record.charged):
                    return NO_SPACE
                self.buffer.free -= record.charged
            topic.parked.append(record)
            self.accepted += 1
        return APPENDED

    def topic(self, name: str) -> TopicQueues:
        """Return a topic's queues, parking if the topic is new."""
        topic = self.topics.get(name)
        if topic is None:
            fresh = TopicQueues(name, BatchLimit(self.batch_size, self._largest_batch))
            with self.lock:
                topic = self.topics.get(name)
                if topic is None:
                    topic = self.topics[name] = fresh
                    self.new_topics.append(fresh)
        return topic

    def has_waiting(self, name: str) -> bool:
        """Return whether records wait for a topic: to become known, or to be found again in another cluster."""
        topic = self.topics.get(name)
        if topic is None:
            return False
        return len(topic.parked) > 0 or any(queue.has_unsent() for queue in topic.partitions)

    def add_partitions(self, topic: TopicQueues, count: int) -> None:
        """Let a topic have at least that many partitions."""
        fresh = [PartitionQueue(topic.name, at, topic.limit) for at in range(len(topic.partitions), count)]
        with self.lock:
            for queue in fresh:
                queue.is_closed = self.is_closed
                topic.partitions.append(queue)

    def replace_topic(self, topic: TopicQueues, count: int) -> list[PartitionQueue]:
        """Let a topic that was created anew have exactly that many partitions; return the queues it has no more.

        Callers that hold the topic's object find it not open, and look it up again.
        """
        fresh = TopicQueues(topic.name, topic.limit)
        parked = fresh.parked
        fresh.partitions = topic.partitions[:count]
        fresh.flushes, topic.flushes = topic.flushes, fresh.flushes
        gone = topic.partitions[count:]
        self.add_partitions(fresh, count)
        with self.lock:
            for queue in gone:
                queue.is_gone = True
                queue.is_closed = True
            topic.is_known = False
            topic.is_dropped = True
            fresh.parked = topic.parked  # where a user's partitioner is being asked about them
            topic.parked = parked
            fresh.is_known = not self.is_closed and not fresh.parked
            self.topics[topic.name] = fresh
        return gone

    def forget(self, topic: TopicQueues) -> bool:
        """Forget a topic; False if something was put into it in this very moment.

        Callers that hold the topic's object find it not open, and its queues closed, and look it up again.
        """
        with self.lock:
            if topic.parked or self.is_closed:
                return False
            for queue in topic.partitions:
                if queue.is_active or queue.current is not None or queue.full:
                    return False
            for queue in topic.partitions:
                queue.is_closed = True
            topic.is_known = False
            topic.is_dropped = True
            self.topics.pop(topic.name, None)
        return True

    def take_unsent(self, queue: PartitionQueue) -> list[ProducerBatch]:
        """Take out of a queue what was never sent, and was not withdrawn."""
        batches: list[ProducerBatch] = []
        with self.lock:
            batches.extend(queue.full)
            queue.full.clear()
            if queue.current is not None:
                batches.append(queue.current)
                queue.current = None
        return rid_of_withdrawn(batches, self.codec, self.buffer)

    def pending_records(self) -> int:
        """Return how many accepted records have no outcome yet."""
        return int(self.accepted - self.completed)

    def oldest_accepted(self) -> float:
        """Return when the oldest record without an outcome was accepted, in monotonic seconds; infinity without one.

        Without the lock: what moves from one queue to the next meanwhile may be missed, once.
        """
        oldest = NEVER
        for topic in list(self.topics.values()):
            with suppress(IndexError):
                oldest = min(oldest, topic.parked[0].accepted)
            for queue in list(topic.partitions):
                oldest = min(oldest, queue.oldest_accepted())
        return oldest

    def take_new_topics(self) -> list[TopicQueues]:
        """Return the topics asked for since the last call."""
        if not self.new_topics:
            return []
        fresh: list[TopicQueues] = []
        with self.lock:
            topics = self.new_topics
            self.new_topics = fresh
        return topics

    def place(self, topic: TopicQueues, record: WaitingRecord, partition: i64) -> i64:
        """Move a parked record into its batch; called on the I/O thread, before the topic is open."""
        with self.lock:
            self.accepted -= 1  # it was counted when it was parked
        return self._append_waiting(topic, record, partition, record.charged, record.accepted)

    def append_waiting(self, topic: TopicQueues, record: WaitingRecord, partition: i64, reserved: i64) -> i64:
        """Write a record that was not accepted before into its batch; otherwise as `append`."""
        return self._append_waiting(topic, record, partition, reserved, JUST_NOW)

    def _append_waiting(
        self, topic: TopicQueues, record: WaitingRecord, partition: i64, reserved: i64, accepted: float
    ) -> i64:
        result: i64 = self.append(
            topic,
            record.key,
            record.value,
            record.headers,
            partition,
            record.timestamp,
            record.recipient,
            record.route,
            reserved,
            accepted,
            record.trace,
        )
        if self.buffer.has_waiters:
            self.buffer.give_back(0)  # it takes less in its batch than was reserved, or charged while it was parked
        return result

    def expect_end(self, moment: float) -> None:
        """Have the engine look, at a moment in monotonic seconds, for records whose call ends then.

        Called once they are accepted, where the engine would not look in time by itself.
        """
        with self.lock:
            is_news = moment < self.next_end
            if is_news:
                self.next_end = moment
        if is_news:
            self._wake()

    def begin_outage(self, outage: Outage) -> None:
        """Let calls know that no broker can be reached, and let all who wait for space go."""
        self.outage = outage
        self.buffer.turn_away()

    def end_outage(self) -> None:
        """Let calls wait again."""
        self.outage = None
        self.buffer.welcome()

    def end_late_calls(self) -> None:
        """Have calls ended that were accepted while an outage began, unseen by either side."""
        self._has_late_calls = True
        self._wake()

    def take_late_calls(self) -> bool:
        """Return whether there are any, and forget it."""
        has_late_calls = self._has_late_calls
        self._has_late_calls = False
        return has_late_calls

    def take_next_end(self) -> float:
        """Return when the first of these calls ends, and forget it."""
        if self.next_end == NEVER:
            return NEVER
        with self.lock:
            moment = self.next_end
            self.next_end = NEVER
        return moment

    def close_current(self, queue: PartitionQueue) -> None:
        """Let nothing more be appended to a partition's open batch: what is in it can be looked at then."""
        with self.lock:
            if queue.current is not None:
                queue.full.append(queue.current)
                queue.current = None

    def close(self) -> None:
        """Accept nothing any more; every append from now on finds its topic not open."""
        with self.lock:
            self.is_closed = True
            self.outage = None  # it is that of an engine which ends; whoever asks hears of the end
            for topic in self.topics.values():
                topic.is_known = False
                for queue in topic.partitions:
                    queue.is_closed = True
        self.buffer.dismiss()

    def recycle(self, writer: BytesWriter) -> None:
        """Keep a writer's memory for the next batch."""
        if len(self.writers) < self._pooled_writers:
            writer.truncate(0)
            self.writers.append(writer)

    def seal(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        """Fix a batch's bytes, and learn from it how large the next ones may grow."""
        plain = batch.size_on_wire()
        self.recycle(batch.seal(self.codec))
        if self.codec is not None:
            queue.limit.learn(plain, batch.size_on_wire())

    def _new_batch(self, queue: PartitionQueue, timestamp: i64, accepted: float) -> ProducerBatch:
        try:
            writer = self.writers.pop()
        except IndexError:
            writer = BytesWriter()
        builder = RecordBatchBuilder(timestamp, writer)
        created = monotonic() if accepted == JUST_NOW else accepted
        return ProducerBatch(queue.topic, queue.partition, builder, created, self._listener)

    def _close_locked(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        # It takes its place in the queue now, compressed or not, so that the order stays.
        if self.codec is not None:
            batch.closed_by = get_ident()
            batch.is_compressing = True
        queue.full.append(batch)
        queue.current = None

    def _count_sticky(self, topic: TopicQueues, size: i64, result: i64) -> None:
        # Not under the lock: two threads may count at once and one record is missed, which does no harm.
        topic.sticky_bytes += size
        batch_ended = (result & (OPENED | FILLED)) != 0
        enough = topic.limit.plain_bytes
        if topic.sticky_bytes >= enough and (batch_ended or topic.sticky_bytes >= 2 * enough):
            topic.sticky_bytes = 0
            topic.sticky = UNDECIDED

    def _after_append(
        self,
        queue: PartitionQueue,
        before: ProducerBatch | None,
        fresh: ProducerBatch | None,
        route: OutcomeRoute | None,
        result: i64,
    ) -> None:
        """Compress what became full, and wake the I/O thread. `before` was open before the append."""
        if fresh is not None and (result < 0 or not result & OPENED):
            self.recycle(fresh.builder.writer)  # it was made in vain
        if result <= 0:
            return
        rolled = before if result & OPENED else None
        filled = None if not result & FILLED else fresh if result & OPENED else before
        if rolled is None and filled is None:
            if not result & WAKE:
                return
            if route is not None and route.wakes_after_loop_round and route.mailbox is not None:
                route.mailbox.wake_after_this_round()
            else:
                self._wake()
            return
        # The caller that fills a batch compresses it: codecs release the interpreter lock, and the I/O thread is free.
        if self.codec is not None:
            for batch in (rolled, filled):
                if batch is not None:
                    self._compress(queue, batch)
        self._wake()
        if len(queue.full) > 1:
            # The I/O thread is behind, and a caller in a tight loop would keep the interpreter lock for the whole
            # switch interval each time: hand it over here, once per batch.
            sleep(0)

    def _leave_to_sender(self, queue: PartitionQueue, *batches: ProducerBatch | None) -> None:
        """Have the sender compress what this thread has closed, and was interrupted before it could."""
        me = get_ident()
        with self.lock:
            if queue.full and queue.full[len(queue.full) - 1] is queue.current:  # half-way through closing it
                queue.current = None
        for batch in batches:
            if batch is not None and batch.closed_by == me:
                batch.is_compressing = False
        self._wake()

    def _compress(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        try:
            self.seal(queue, batch)
        except Exception:
            return  # its records are accepted, and mostly others': the sender tries again, and without if need be
        finally:
            batch.is_compressing = False


def _cost(route: OutcomeRoute | None, trace: RecordTrace | None) -> i64:
    """Return what waiting for an outcome is charged; a conditional expression would make an object of the number."""
    cost: i64 = 0
    if route is not None:
        cost = route.cost_bytes
    if trace is not None:
        cost += trace.cost_bytes
    return cost


def _fits(queue: PartitionQueue, batch: ProducerBatch | None, bound: i64) -> bool:
    return batch is not None and batch.builder.size_bytes + bound <= queue.limit.plain_bytes


def _sticky_partition(topic: TopicQueues) -> i64:
    # Two threads may choose at once and one choice is lost, which does no harm.
    if topic.sticky == UNDECIDED:
        topic.sticky = topic.choose_sticky()
    return topic.sticky


def _new_waits(batch: ProducerBatch | None, route: OutcomeRoute) -> BatchWaits | None:
    if batch is not None and batch.find_waits(route) is not None:
        return None
    return BatchWaits(route)
