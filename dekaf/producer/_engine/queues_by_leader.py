"""Which broker each queue with something to send belongs to, as leaders come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, final

from dekaf._cluster.metadata import NO_LEADER, ClusterMetadata, TopicPartition
from dekaf._cluster.refresh import NEVER
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._engine.batch_selector import NodeQueues


@final
class QueuesByLeader:
    """The active queues by leader. The I/O thread's alone, but for the accumulator's own lists."""

    def __init__(self, accumulator: RecordAccumulator, want_topic: Callable[[str], None]) -> None:
        self.nodes: dict[int, NodeQueues] = {}  # every leader of a known topic, with or without something to send
        self._leaderless: list[PartitionQueue] = []
        self._has_moved = False  # a listed queue has another leader than the one in whose list it is
        self._orphans: dict[ProducerBatch, PartitionQueue] = {}  # under way to partitions that are gone
        self._oldest_adopted = NEVER
        self._accumulator: Final = accumulator
        self._want_topic: Final = want_topic

    def queue_of(self, batch: ProducerBatch) -> PartitionQueue:
        """Return the queue of a batch."""
        if self._orphans:
            queue = self._orphans.get(batch)
            if queue is not None:
                return queue
        return self._accumulator.topics[batch.topic].partitions[batch.partition]

    def active_queues(self) -> list[PartitionQueue]:
        """Return all queues that have, or had a moment ago, something to send."""
        queues = list(self._leaderless)
        for node in self.nodes.values():
            queues.extend(node.queues)
        return queues

    def leaderless_topics(self) -> set[str]:
        """Return the topics for which something waits for a partition to get a leader."""
        return {queue.topic for queue in self._leaderless}

    def are_all_busy(self) -> bool:
        """Return whether every broker has a request under way, so that the next pass comes by itself."""
        for node in self.nodes.values():
            if node.in_flight == 0:
                return False
        return bool(self.nodes)

    def adopt_activated(self) -> None:
        """Take over the queues that callers have put something into."""
        if self._has_moved:
            self._rehome()
        accumulator = self._accumulator
        if not accumulator.activated:
            return
        fresh: list[PartitionQueue] = []
        with accumulator.lock:
            activated = accumulator.activated
            accumulator.activated = fresh
        for queue in activated:
            self._oldest_adopted = min(self._oldest_adopted, queue.oldest_created())
            if not queue.is_listed and not queue.is_gone:
                queue.is_listed = True
                self._home(queue)

    def take_oldest_adopted(self) -> float:
        """Return since when the oldest waits of what was adopted since the last call; infinity if nothing was."""
        oldest = self._oldest_adopted
        self._oldest_adopted = NEVER
        return oldest

    def activate(self, queue: PartitionQueue) -> None:
        """Have a queue looked at again by the next pass."""
        with self._accumulator.lock:
            if not queue.is_active:
                queue.is_active = True
                self._accumulator.activated.append(queue)

    def forget_inactive(self) -> None:
        """Drop the queues whose batches have all expired."""
        self._leaderless = [queue for queue in self._leaderless if queue.is_listed]
        for node in self.nodes.values():
            node.queues = [queue for queue in node.queues if queue.is_listed]

    def give_away(self, queues: list[PartitionQueue]) -> None:
        """Let go of the queues of partitions that are gone; what is under way to them is still found."""
        for queue in queues:
            queue.is_listed = False
            for batch in queue.in_flight:
                self._orphans[batch] = queue
        self.forget_inactive()

    def forget_orphan(self, batch: ProducerBatch) -> None:
        """Note that a batch of a partition that is gone has its outcome, and is not under way any more."""
        self._orphans.pop(batch, None)

    def update(self, metadata: ClusterMetadata) -> None:
        """Take over a snapshot: every queue with something to send moves to its leader."""
        self.update_topics(metadata, list(self._accumulator.topics))
        leading = {int(queue.leader) for topic in self._accumulator.topics.values() for queue in topic.partitions}
        for node_id in [node_id for node_id, node in self.nodes.items() if node.in_flight == 0 and not node.queues]:
            if node_id not in leading:
                del self.nodes[node_id]

    def update_topics(self, metadata: ClusterMetadata, names: Iterable[str]) -> None:
        """Take over what a snapshot says about some topics."""
        has_moved = False
        for name in names:
            topic = self._accumulator.topics.get(name)
            known = metadata.topics.get(name)
            if topic is None or known is None:
                continue
            for queue, partition in zip(topic.partitions, known.partitions, strict=False):
                leader = partition.leader_id if partition.leader_id in metadata.brokers else NO_LEADER
                has_moved = self._is_moved(queue, leader) or has_moved
        if has_moved:
            self._rehome()

    def update_partitions(self, metadata: ClusterMetadata, places: Iterable[TopicPartition]) -> None:
        """Take over what a snapshot says about some partitions; the queues move with the next pass, all at once."""
        for name, partition in places:
            topic = self._accumulator.topics.get(name)
            if topic is not None and partition < len(topic.partitions):
                leader = metadata.leader(name, partition)
                self._has_moved = self._is_moved(topic.partitions[partition], leader) or self._has_moved

    def lose_leaders(self) -> None:
        """Note that nothing is known of the cluster any more: whatever there is to send waits for a leader."""
        for topic in self._accumulator.topics.values():
            for queue in topic.partitions:
                queue.leader = NO_LEADER
        self._rehome()

    def _is_moved(self, queue: PartitionQueue, leader: int) -> bool:
        """Note who leads a queue; return whether it has something to send that has to go elsewhere now."""
        if leader != NO_LEADER:
            self._node(leader)
        if leader == queue.leader:
            return False
        queue.leader = leader
        if leader != NO_LEADER:
            queue.retry_at = 0.0  # the wait was for the one before
            queue.sequences.acknowledged = False  # nor has this one shown yet that it remembers us (KAFKA-15591)
        return queue.is_listed

    def _rehome(self) -> None:
        self._has_moved = False
        moved = self._leaderless
        self._leaderless = []
        for node in self.nodes.values():
            staying = [queue for queue in node.queues if queue.leader == node.node_id]
            if len(staying) < len(node.queues):
                moved.extend([queue for queue in node.queues if queue.leader != node.node_id])
                node.queues = staying
        for queue in moved:
            self._home(queue)

    def _home(self, queue: PartitionQueue) -> None:
        if queue.leader == NO_LEADER:
            self._leaderless.append(queue)
            self._want_topic(queue.topic)
        else:
            self._node(int(queue.leader)).queues.append(queue)

    def _node(self, node_id: int) -> NodeQueues:
        node = self.nodes.get(node_id)
        if node is None:
            node = self.nodes[node_id] = NodeQueues(node_id)
        return node
