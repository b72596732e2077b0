"""Forget topics that nobody produces to any more: names are the application's, and may be without end.

What is never forgotten are the sequence numbers under the present producer id and epoch: a broker remembers them for a
day, and would take a record numbered from zero again for one it has. They are kept until the topic is used again.
"""

from __future__ import annotations

from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._log_thread import DeferredLogger, facts
from dekaf._wire.writer import NULL_UUID
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.queues import PartitionQueue, TopicQueues
from dekaf.producer._buffer.sequences import PartitionSequences, SequenceState
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource

logger = DeferredLogger("dekaf.producer.topics")

# Seconds between two looks, at the most. A partition unused from one to the next also has to show again that its broker
# remembers us: brokers forget a producer id that has not written for long (KAFKA-15591).
LONGEST_LOOK: Final = 60.0


@final
class _Use:
    """How far a topic had been used when it was last looked at."""

    def __init__(self, since: float) -> None:
        self.since = since  # monotonic seconds; it has not been used after that
        self.sent = -1


@final
class _Kept:
    """The sequences of a topic that was forgotten."""

    def __init__(self, topic_id: bytes) -> None:
        self.topic_id: Final = topic_id
        self.sequences: dict[int, PartitionSequences] = {}  # by partition


@final
class IdleTopics:
    """Owned by the I/O thread. Times are monotonic seconds.

    Args:
        accumulator: Which has the topics.
        cluster: Which has their metadata.
        producer_id: Under which batches are numbered.
        max_idle: Seconds for which a topic has to be unused: nothing parked, queued, under way, or waited for.
        most_kept: Of how many partitions sequences are kept; more are made superfluous by a new epoch.
        client_id: The producer's, for the log.
    """

    def __init__(
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        producer_id: ProducerIdSource,
        max_idle: float,
        *,
        most_kept: int = 50_000,
        client_id: str | None = None,
    ) -> None:
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._producer_id: Final = producer_id
        self._max_idle: Final = max_idle
        self._most_kept: Final = most_kept
        self._client_id: Final = client_id
        self._uses: dict[str, _Use] = {}
        self._kept: dict[str, _Kept] = {}
        self._next_look = NEVER

    def run(self, now: float) -> float:
        """Forget what has been idle for long enough, if it is time to look; return when it will be."""
        if not self._accumulator.topics:
            self._next_look = NEVER
        elif self._next_look == NEVER:
            self._next_look = now + self._interval()
        elif now >= self._next_look:
            self._look(now)
            self._next_look = now + self._interval()
        return self._next_look

    def touch(self, name: str, now: float) -> None:
        """Note that a caller asks for a topic's partitions."""
        use = self._uses.get(name)
        if use is not None:
            use.since = now

    def restore(self, name: str, topic_id: bytes) -> None:
        """Give a topic that is known again the sequences it had when it was forgotten, unless it is another one."""
        kept = self._kept.pop(name, None)
        topic = self._accumulator.topics.get(name)
        if kept is None or topic is None:
            return
        if NULL_UUID not in (kept.topic_id, topic_id) and kept.topic_id != topic_id:
            self._cluster.histories.was_replaced(name, kept.topic_id)
            return
        for queue in topic.partitions:
            sequences = kept.sequences.get(int(queue.partition))
            if sequences is not None:
                sequences.acknowledged = False
                queue.sequences = sequences

    def _interval(self) -> float:
        return min(self._max_idle / 2, LONGEST_LOOK)

    def _look(self, now: float) -> None:
        forgotten: list[str] = []
        for name, topic in list(self._accumulator.topics.items()):
            use = self._uses.get(name)
            if use is None:
                use = self._uses[name] = _Use(now)
            sent = self._sent_by(topic)
            if sent != use.sent or _is_busy(topic):
                use.since = now
                use.sent = sent
            elif now - use.since >= self._max_idle and self._accumulator.forget(topic):
                self._keep(topic)
                forgotten.append(name)
        if forgotten:
            self._cluster.forget_topics(forgotten)
            known = facts(self._client_id)
            logger.debug("Forgot %d topic(s) not produced to for %.0f s", len(forgotten), self._max_idle, extra=known)
        for name in [name for name in self._uses if name not in self._accumulator.topics]:
            del self._uses[name]
        self._tidy()

    def _sent_by(self, topic: TopicQueues) -> int:
        """Return how far a topic's partitions have got; those that have not moved are not trusted any more."""
        sent = 0
        for queue in topic.partitions:
            order = int(queue.next_send_order)
            if order == queue.seen_send_order:
                queue.sequences.acknowledged = False
            queue.seen_send_order = order
            sent += order
        return sent

    def _keep(self, topic: TopicQueues) -> None:
        known = self._cluster.metadata.topics.get(topic.name)
        kept = _Kept(NULL_UUID if known is None else known.topic_id)
        for queue in topic.partitions:
            if queue.sequences.identity is not None and queue.sequences.identity is self._producer_id.identity:
                kept.sequences[int(queue.partition)] = queue.sequences
        if kept.sequences:
            self._kept[topic.name] = kept

    def _tidy(self) -> None:
        """Drop what was kept under an identity that is history, and make it history if that is too much."""
        identity = self._producer_id.identity
        count = 0
        for name, kept in list(self._kept.items()):
            if all(sequences.identity is not identity for sequences in kept.sequences.values()):
                del self._kept[name]
            else:
                count += len(kept.sequences)
        if count > self._most_kept:
            self._producer_id.bump(identity)
            self._kept.clear()


def _is_busy(topic: TopicQueues) -> bool:
    """Return whether something is parked, queued or under way, or waits for the topic to become known."""
    if not topic.partitions or topic.parked or topic.flushes:
        return True
    return any(_is_queue_busy(queue) for queue in topic.partitions)


def _is_queue_busy(queue: PartitionQueue) -> bool:
    if queue.in_flight or queue.has_unsent():
        return True
    return queue.sequences.state is not SequenceState.CONTINUOUS
