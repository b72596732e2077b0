"""Choose the batches that go into one broker's next request, and tell when the others fall due.

The linger rule: with nothing in flight to the broker and a caller waiting, send now; otherwise wait up to `linger_ms`
for company; a full batch never waits. So one awaiting task sees the broker's round trip, a thousand share batches, and
records no caller waits for travel in full ones.
"""

from __future__ import annotations

from typing import Final, final

from librt.threading import Lock
from mypy_extensions import i64

from dekaf._cluster.refresh import NEVER
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch, SequenceState


@final
class NodeQueues:
    """The queues with something to send whose partitions one broker leads. The I/O thread's alone."""

    def __init__(self, node_id: i64) -> None:
        self.node_id: Final = node_id
        self.queues: list[PartitionQueue] = []
        self.in_flight: i64 = 0  # produce requests
        self.turn = 0  # where the next request begins, so that low partition numbers do not starve the others


@final
class SelectionRules:
    """The options that decide when a batch may leave; times in seconds, sizes in bytes."""

    def __init__(self, linger: float, max_request_size: int, max_in_flight: int, *, is_idempotent: bool) -> None:
        self.linger: Final = linger
        self.max_request_size: Final[i64] = max_request_size
        self.max_in_flight: Final[i64] = max_in_flight
        self.is_idempotent: Final = is_idempotent


@final
class Selection:
    """What may leave with one request."""

    def __init__(self, space: i64) -> None:
        self.batches: list[ProducerBatch] = []
        self.due = NEVER  # when the earliest batch that has to stay becomes sendable by itself
        self.space: i64 = space  # bytes left in the request

    def postpone(self, due: float) -> None:
        """Note until when a batch has to stay."""
        self.due = min(self.due, due)


@final
class BatchSelector:
    """One pass over a broker's queues. Owned by the I/O thread; takes the accumulator's lock."""

    def __init__(self, accumulator: RecordAccumulator, rules: SelectionRules) -> None:
        self._lock: Lock = accumulator.lock
        self._buffer = accumulator.buffer
        self._rules: Final = rules

    def take(self, node: NodeQueues, identity: ProducerIdAndEpoch | None, now: float) -> Selection:
        """Take at most one batch per partition, up to `max_request_size`; the first is taken whatever its size."""
        selection = Selection(self._rules.max_request_size)
        queues = node.queues
        count = len(queues)
        if node.turn >= count:
            node.turn = 0
        turn = node.turn
        idle = node.in_flight == 0
        emptied = False
        with self._lock:
            for step in range(count):
                queue = queues[(turn + step) % count]
                batch = self._next_locked(queue, identity, now, idle, selection)
                if batch is not None:
                    size = batch.size_on_wire()
                    if selection.batches and size > selection.space:
                        break
                    self._remove_locked(queue, batch)
                    selection.space -= size
                    selection.batches.append(batch)
                    node.turn = (turn + step + 1) % count
                if not queue.has_unsent():  # that was its last, or what it had has expired
                    queue.is_active = queue.is_listed = False
                    emptied = True
        if emptied:
            node.queues = [queue for queue in queues if queue.is_listed]
        return selection

    def _next_locked(  # noqa: PLR0911 # one return per rule
        self,
        queue: PartitionQueue,
        identity: ProducerIdAndEpoch | None,
        now: float,
        idle: bool,  # noqa: FBT001 # hot
        selection: Selection,
    ) -> ProducerBatch | None:
        if queue.retries:
            return self._next_retry(queue, now, selection)
        in_flight: i64 = len(queue.in_flight)
        if in_flight > 0 and not self._may_overtake(queue, identity, in_flight):
            return None
        if queue.sequences.state is not SequenceState.CONTINUOUS:
            return None  # nothing may be numbered until the gap is closed
        if queue.full:
            head = queue.full[0]
            return None if head.is_compressing else head
        batch = queue.current
        if batch is None:
            return None
        if (idle and batch.awaited) or batch.urgent or self._buffer.has_waiters:
            return batch
        due = batch.created + self._rules.linger
        if now >= due:
            return batch
        selection.postpone(due)
        return None

    def _next_retry(self, queue: PartitionQueue, now: float, selection: Selection) -> ProducerBatch | None:
        # While a partition recovers it has one request in flight at a time, the oldest first: so the order stays.
        # What was numbered before a gap is repeated as it is, and so settled, before the rest is numbered anew.
        if queue.in_flight or not queue.sequences.is_before_gap(queue.retries[0].send_order):
            return None
        if now < queue.retry_at:
            selection.postpone(queue.retry_at)
            return None
        return queue.retries[0]

    def _may_overtake(self, queue: PartitionQueue, identity: ProducerIdAndEpoch | None, in_flight: i64) -> bool:
        if in_flight >= self._rules.max_in_flight:
            return False
        if not self._rules.is_idempotent:
            return True
        # A broker that holds nothing of ours accepts any sequence number: until it has acknowledged the first batch, a
        # second one could take its place (KAFKA-15591). And under a new identity numbers begin at zero, so everything
        # numbered under the old one has to be completed first.
        return queue.sequences.acknowledged and queue.sequences.identity is identity

    def _remove_locked(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        if queue.retries and queue.retries[0] is batch:
            del queue.retries[0]
        elif queue.current is batch:
            queue.current = None
        else:
            queue.full.popleft()
