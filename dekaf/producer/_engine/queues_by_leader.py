"""Which broker each queue with something to send belongs to, as leaders come and go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, final

from dekaf._cluster.metadata import NO_LEADER, ClusterMetadata
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._engine.batch_selector import NodeQueues


@final
class QueuesByLeader:
    """The active queues by leader. The I/O thread's alone, but for the accumulator's own lists."""

    def __init__(self, accumulator: RecordAccumulator, want_metadata: Callable[[], None]) -> None:
        self.nodes: dict[int, NodeQueues] = {}  # every leader of a known topic, with or without something to send
        self._leaderless: list[PartitionQueue] = []
        self._accumulator: Final = accumulator
        self._want_metadata: Final = want_metadata

    def queue_of(self, batch: ProducerBatch) -> PartitionQueue:
        """Return the queue of a batch."""
        return self._accumulator.topics[batch.topic].partitions[batch.partition]

    def active_queues(self) -> list[PartitionQueue]:
        """Return all queues that have, or had a moment ago, something to send."""
        queues = list(self._leaderless)
        for node in self.nodes.values():
            queues.extend(node.queues)
        return queues

    def has_leaderless(self) -> bool:
        """Return whether something waits for a partition to get a leader."""
        return len(self._leaderless) > 0

    def are_all_busy(self) -> bool:
        """Return whether every broker has a request under way, so that the next pass comes by itself."""
        for node in self.nodes.values():
            if node.in_flight == 0:
                return False
        return bool(self.nodes)

    def adopt_activated(self) -> float:
        """Take over the queues that callers have put something into; return since when the oldest of it waits."""
        accumulator = self._accumulator
        if not accumulator.activated:
            return math.inf
        fresh: list[PartitionQueue] = []
        with accumulator.lock:
            activated = accumulator.activated
            accumulator.activated = fresh
        oldest = math.inf
        for queue in activated:
            oldest = min(oldest, queue.oldest_created())
            if not queue.is_listed:
                queue.is_listed = True
                self._home(queue)
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

    def update(self, metadata: ClusterMetadata) -> None:
        """Take over a snapshot: every queue with something to send moves to its leader."""
        queues = self._leaderless
        self._leaderless = []
        for node in self.nodes.values():
            queues.extend(node.queues)
            node.queues = []
        for node_id in [node_id for node_id, node in self.nodes.items() if node.in_flight == 0]:
            del self.nodes[node_id]
        for topic in list(self._accumulator.topics.values()):
            for queue in topic.partitions:
                leader = metadata.leader(queue.topic, int(queue.partition))
                if leader != NO_LEADER:
                    self._node(int(leader))
                    if leader != queue.leader:
                        queue.retry_at = 0.0  # the wait was for the one before
                queue.leader = leader
        for queue in queues:
            self._home(queue)

    def _home(self, queue: PartitionQueue) -> None:
        if queue.leader == NO_LEADER:
            self._leaderless.append(queue)
            self._want_metadata()
        else:
            self._node(int(queue.leader)).queues.append(queue)

    def _node(self, node_id: int) -> NodeQueues:
        node = self.nodes.get(node_id)
        if node is None:
            node = self.nodes[node_id] = NodeQueues(node_id)
        return node
