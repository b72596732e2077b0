"""End the waiting of calls: at a limit of theirs, or because there is no hope. The I/O thread's alone.

What was not drained yet is withdrawn: it leaves its batch before that is numbered, so it is certain never to be
written. What was sent stays accepted, and its caller is told that it may be. Draining happens on the same thread and
under the accumulator's lock, so one of the two is true of every record.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf.errors import DekafError, DeliveryTimeoutError, ProduceError, caused_error
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import BatchState, BatchWaits, ProducerBatch, has_given_up
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.withdrawal import forget
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._waiting.mailbox import DEADLINE, OutcomeRoute


class RecordFate(Enum):
    """What became of the record of a call that ends without its outcome."""

    WITHDRAWN = "withdrawn"  # it was never sent, and never will be
    SENT = "sent"  # it stays accepted, and may be written


# Says why calls end: of the batch their records are, or were, in; their route; and their records' fate.
EndError = Callable[[ProducerBatch, OutcomeRoute, RecordFate], ProduceError]
IsOver = Callable[[OutcomeRoute], bool]


def limit_error(
    topic: str, partition: int | None, route: OutcomeRoute, fate: RecordFate, cause: DekafError | None
) -> ProduceError:
    """Return the error of a call whose own limit, or `produce_timeout_ms`, is over."""
    what = f"Not sent within {route.limit}, and withdrawn"
    if fate is RecordFate.SENT:
        what = (
            f"No acknowledgement within {route.limit}. The record stays accepted and the producer goes on delivering it"
        )
    error = DeliveryTimeoutError(
        f"{what}{'.' if cause is None else f': {cause}'}",
        topic=topic,
        partition=partition,
        is_retriable=True,
        may_be_persisted=fate is RecordFate.SENT,
    )
    return caused_error(error, cause)


def is_call(route: OutcomeRoute) -> bool:
    """Return whether someone waits in a call."""
    return route.is_call


def leaves_with_call(route: OutcomeRoute, recipient: object) -> bool:
    """Return whether a record leaves with its call, when that is over.

    A deadline is the record's own. Other limits, and outages, end the call: who has given up waiting before, by a
    timeout or because the task was cancelled, has left the record to the producer, which keeps it.
    """
    return route.limit == DEADLINE or not has_given_up(route, recipient)


def _concerned(ended: BatchWaits) -> BatchWaits:
    return ended if ended.route.limit == DEADLINE else ended.still_waiting()


@final
class WaitingCalls:
    """What it needs of the sender and of parked records it is given at construction, or with each call.

    Args:
        accumulator: Whose batches are looked at.
        cluster: Tells the queues, and why a broker is not connected.
        statistics: Count what is withdrawn.
        call_timeout: Seconds of `produce_timeout_ms`.
        end_parked: Ends the calls whose records wait for their topic, given the time; says when the next one is over.
    """

    def __init__(
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        statistics: ProducerStatistics,
        call_timeout: float,
        end_parked: Callable[[float], float],
    ) -> None:
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._statistics: Final = statistics
        self._call_timeout: Final = call_timeout
        self._end_parked: Final = end_parked
        self._due = NEVER

    def due_at(self, oldest: float) -> float:
        """Return when to look for calls that are over.

        Args:
            oldest: When the oldest batch was created that has come since the last look.
        """
        due = min(self._due, self._accumulator.take_next_end())
        self._due = min(due, oldest + self._call_timeout)
        return self._due

    def next_due(self) -> float:
        """Return when to look next, as far as is known."""
        return self._due

    def end_over(self, sent: list[ProducerBatch], now: float) -> float:
        """End the calls whose limit is over; return when the next one is.

        Args:
            sent: The batches that were sent, whose outcome is not known.
            now: Monotonic seconds.
        """

        def is_over(route: OutcomeRoute) -> bool:
            return route.ends_at <= now

        due = self._end_parked(now)
        for batch in self._unsent():
            if batch.ends_at <= now:
                self._withdraw(batch, is_over, self._limit_error)
            due = min(due, batch.ends_at)
        for batch in sent:
            if batch.state is BatchState.DONE:  # its time was over before, and only its request is still under way
                continue
            if batch.ends_at <= now:
                self._end_waits(batch, is_over, self._limit_error)
            due = min(due, batch.ends_at)
        self._due = due
        return due

    def end_all(self, sent: list[ProducerBatch], make_error: EndError) -> None:
        """End every call, for want of hope; what was left to the producer stays."""
        for batch in self._unsent():
            self._withdraw(batch, is_call, make_error)
        for batch in sent:
            self._end_waits(batch, is_call, make_error)

    def _unsent(self) -> list[ProducerBatch]:
        batches: list[ProducerBatch] = []
        for queue in self._cluster.queues.active_queues():
            with self._accumulator.lock:
                batches.extend(queue.full)
                if queue.current is not None:
                    batches.append(queue.current)
        return batches

    def _withdraw(self, batch: ProducerBatch, is_over: IsOver, make_error: EndError) -> None:
        """Take the records out of a batch for which the wait is over; it is rid of their bytes when it is drained."""
        queue = self._cluster.queues.queue_of(batch)
        if queue.current is batch:
            self._accumulator.close_current(queue)
        for ended in batch.take_ended(is_over):
            waits = _concerned(ended)
            count = len(waits.recipients)
            if count == 0:
                continue
            batch.withdrawn.extend(waits.indexes())
            error = make_error(batch, waits.route, RecordFate.WITHDRAWN)
            # Counted first: whoever hears of it may look at the counters at once.
            self._accumulator.completed += count
            self._statistics.record_failed(count, error, batch.created)
            part = batch.part_for(waits)
            batch.move_traces(part, waits.indexes())
            if len(batch.withdrawn) == batch.record_count:
                self._drop(queue, batch)
            part.fail(error)

    def _drop(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        """Give up a batch that nothing is left of, unless a caller compresses it; then it goes when it is drained."""
        if batch.is_compressing:
            return
        with self._accumulator.lock:
            queue.full.remove(batch)
            queue.is_active = queue.is_listed = queue.has_unsent()
        self._cluster.queues.forget_inactive()
        forget(batch, self._accumulator.buffer)

    def _end_waits(self, batch: ProducerBatch, is_over: IsOver, make_error: EndError) -> None:
        """Tell those whose wait is over that the record was sent; it will have its outcome without them."""
        if batch.state is BatchState.DONE:
            return
        for ended in batch.take_ended(is_over):
            waits = _concerned(ended)
            error = make_error(batch, waits.route, RecordFate.SENT)
            batch.part_for(waits).end_wait(error)

    def _limit_error(self, batch: ProducerBatch, route: OutcomeRoute, fate: RecordFate) -> ProduceError:
        cause = batch.previous_error
        if cause is None:
            cause = self._cluster.connections.node_error(int(self._cluster.queues.queue_of(batch).leader))
        return limit_error(batch.topic, int(batch.partition), route, fate, cause)
