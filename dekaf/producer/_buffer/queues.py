"""The queues of batches: one per partition, and what the partitions of a topic share."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf._cluster.metadata import NO_LEADER
from dekaf._cluster.refresh import NEVER
from dekaf._record.builder import RecordBatchBuilder
from dekaf._wire.writer import BytesWriter
from dekaf.partitioning import choose_by_load
from dekaf.producer._buffer.batch import BatchListener, BatchState, BatchWaits, ProducerBatch
from dekaf.producer._buffer.batch_limit import BatchLimit
from dekaf.producer._buffer.sequences import PartitionSequences
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._waiting.mailbox import OutcomeRoute
from dekaf.producer._waiting.record_trace import RecordTrace, chain_of

UNDECIDED: Final = -1


def batch_without_bytes(
    topic: str, partition: i64, records: list[WaitingRecord], listener: BatchListener
) -> ProducerBatch:
    """Return a batch through which to tell records that never get any bytes: one way of telling for all records."""
    builder = RecordBatchBuilder(records[0].timestamp, BytesWriter())
    builder.record_count = len(records)
    batch = ProducerBatch(topic, partition, builder, records[0].accepted, listener)
    waits: dict[OutcomeRoute, BatchWaits] = {}
    traces: list[RecordTrace] = []
    for index, record in enumerate(records):
        batch.charged += record.charged
        delta = record.timestamp - builder.base_timestamp
        batch.timestamp_deltas.append(delta)
        if record.trace is not None:
            record.trace.index = index
            record.trace.delta = delta
            traces.append(record.trace)
        if record.route is None or record.recipient is None:
            continue
        mine = waits.get(record.route)
        if mine is None:
            mine = waits[record.route] = BatchWaits(record.route)
            mine.batch = batch
            batch.waits.append(mine)
        mine.add(record.recipient, index, delta)
    batch.traces = chain_of(traces)
    return batch


@final
class PartitionQueue:
    """The batches of one partition, oldest first: `retries`, then `full`, then `current`."""

    def __init__(self, topic: str, partition: i64, limit: BatchLimit) -> None:
        self.topic: Final = topic
        self.partition: Final = partition
        self.limit: Final = limit  # the topic's
        # Under the accumulator's lock.
        self.current: ProducerBatch | None = None
        self.full: deque[ProducerBatch] = deque()
        self.is_active = False  # in the accumulator's or the sender's list of queues with something to send
        # Goes down under the lock together with is_active, and up again on the I/O thread alone: so a queue that is
        # activated before the sender has cleared it out of its own list is not taken into that list twice.
        self.is_listed = False
        self.is_closed = False  # takes nothing more from callers, who may hold it still: look the topic up again
        # The I/O thread's alone, but for a glance at `leader` and `retries` when a sticky partition is chosen.
        self.retries: list[ProducerBatch] = []  # sealed and numbered, in order of issue
        self.retry_at = 0.0
        self.leader: i64 = NO_LEADER
        self.in_flight: list[ProducerBatch] = []  # in order of issue
        self.next_send_order: i64 = 0
        self.seen_send_order = -1  # what it was when idle topics were last looked for
        self.sequences = PartitionSequences()
        self.is_gone = False  # the topic was created anew, and has no such partition now
        self.life = 0  # counts up with every new log: what was sent in an earlier life may have nothing to do with it

    def begin_anew(self, *, keeps_doubt: bool = False) -> None:
        """Note that the log is another one, and empty: what is left goes there, numbered anew.

        With `keeps_doubt` it is one that the partition had before, and whatever may have been written is there still.
        """
        self.retry_at = 0.0
        self.sequences.lose_log()
        if keeps_doubt:
            return
        self.life += 1
        for batch in self.retries:
            batch.is_ambiguous = batch.may_be_in_later_log  # what went into the log before is gone with it

    def waiting(self) -> int:
        """Return how many batches wait to be sent: the load that KIP-794 balances."""
        return len(self.full) + len(self.retries) + (0 if self.current is None else 1)

    def oldest_created(self) -> float:
        """Return when the oldest batch that waits was created; infinity without one."""
        batch = self.current  # read first and once: a caller may close it meanwhile, and then it is in `full`
        if self.retries:
            return self.retries[0].created
        if self.full:
            return self.full[0].created
        if batch is None:
            return NEVER
        return batch.created

    def oldest_accepted(self) -> float:
        """Return when the oldest record without an outcome was accepted; on any thread, so all is read once."""
        batches = [*self.in_flight, *self.retries, *self.full]
        current = self.current
        if current is not None:
            batches.append(current)
        created = [batch.created for batch in batches if batch.state is not BatchState.DONE]
        return min(created, default=NEVER)

    def has_unsent(self) -> bool:
        """Return whether there is anything to send, now or later."""
        return self.current is not None or len(self.full) > 0 or len(self.retries) > 0


@final
class TopicQueues:
    """A topic as callers see it: parked records until its partitions are known, then a queue per partition."""

    def __init__(self, name: str, limit: BatchLimit) -> None:
        self.name: Final = name
        self.limit: Final = limit
        # Under the accumulator's lock.
        self.is_known = False  # records go straight to their partitions
        self.is_dropped = False  # forgotten by the accumulator: look the topic up again
        self.parked: deque[WaitingRecord] = deque()
        # Only ever grows: callers choose by its length, and then look the queue up. A topic that has fewer partitions
        # after it was created anew gets another object like this one.
        self.partitions: list[PartitionQueue] = []
        self.sticky: i64 = UNDECIDED  # where records without a key go at present
        self.sticky_bytes: i64 = 0
        # The I/O thread's alone.
        self.flushes: list[Callable[[], None]] = []  # who waits for the parked records

    def choose_sticky(self) -> i64:
        """Choose where records without a key go next: at random, leaders known and short queues preferred (KIP-794)."""
        count = len(self.partitions)
        if count == 1:
            return 0
        candidates = [int(queue.partition) for queue in self.partitions if queue.leader != NO_LEADER]
        if not candidates:
            candidates = list(range(count))
        lengths = [self.partitions[candidate].waiting() for candidate in candidates]
        return choose_by_load(candidates, lengths, random.random())
