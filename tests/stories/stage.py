"""The cluster of a story, with all logs that its topics ever had, and what is out of order at present."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dekaf.producer import AsyncProducer, Producer
from dekaf.testing import ApiKey, FakeCluster, Held
from dekaf.testing.partition_log import LoggedRecord, PartitionLog
from tests.stories.plot import NODES, Plot

__all__ = ("Life", "Stage")

PATIENCE = 20.0  # seconds that the I/O thread may stand still, should a story never come to its end


@dataclass(slots=True)
class Life:
    """One log that a partition had, from the creation of its topic to the end of it.

    Args:
        topic: the topic's name.
        partition: the partition.
        log: the log itself.
        forgets: how many records were in it each time that the broker forgot its producers.
        is_present: whether it is the log there is, or one that is gone with its topic.
    """

    topic: str
    partition: int
    log: PartitionLog
    forgets: list[int] = field(default_factory=list)
    is_present: bool = True

    def forgot_between(self, offset: int, later: int) -> bool:
        """Return whether the leader forgot its producers after it had taken one record, and before another."""
        return any(offset < length <= later for length in self.forgets)

    @property
    def records(self) -> list[LoggedRecord]:
        """What is in it."""
        return self.log.records


class Stage:
    """Everything that happens to the brokers goes through here. Used by the story's thread alone."""

    def __init__(self, plot: Plot, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.lives: list[Life] = []
        self.held: list[Held] = []
        self._plot = plot
        self._stopped: dict[int, bool] = {}  # by node: whether it comes back on another port
        self._thaw: threading.Event | None = None
        for name, plan in plot.topics.items():
            cluster.create_topic(name, plan.partitions, plan.settings)
            self._note_new_logs(name)

    # Topics.

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; 0 while it is deleted."""
        known = self.cluster._state.topics.get(topic)
        return 0 if known is None else len(known.partitions)

    def recreate(self, topic: str, partitions: int) -> None:
        """Delete a topic, if it is there, and create another of its name."""
        self._bury(topic)
        self.cluster.create_topic(topic, partitions, self._plot.topics[topic].settings)
        self._note_new_logs(topic)

    def delete(self, topic: str) -> None:
        """Delete a topic, if it is there."""
        if self.partitions(topic):
            self._bury(topic)
            self.cluster.delete_topic(topic)

    def grow(self, topic: str) -> None:
        """Add a partition."""
        if self.partitions(topic):
            self.cluster.add_partitions(topic, 1)
            self._note_new_logs(topic)

    def forget_producers(self, topic: str) -> None:
        """Let the leaders of a topic forget what they know of producers."""
        with self.cluster._state.changed:  # nothing is written in between
            for life in self.lives:
                if life.topic == topic and life.is_present:
                    life.forgets.append(len(life.records))
                    life.log.forget_producers()

    def move_leader(self, topic: str, partition: int, node: int | None) -> None:
        """Make another broker the leader of a partition, or none."""
        if partition < self.partitions(topic):
            self.cluster.move_leader(topic, partition, node)

    def _bury(self, topic: str) -> None:
        for life in self.lives:
            if life.topic == topic:
                life.is_present = False

    def _note_new_logs(self, topic: str) -> None:
        known = {id(life.log) for life in self.lives}
        for partition in self.cluster._state.topics[topic].partitions:
            if id(partition.log) not in known:
                self.lives.append(Life(topic, partition.index, partition.log))

    # Brokers.

    def running(self) -> list[int]:
        """Return the nodes that are up."""
        return [node for node in range(1, NODES + 1) if node not in self._stopped]

    def stop_broker(self, node: int, *, elect: bool, new_port: bool) -> None:
        """Stop a broker, if it is up."""
        if node not in self._stopped:
            self._stopped[node] = new_port
            self.cluster.stop_broker(node, elect=elect)

    def start_brokers(self) -> None:
        """Start those that are down."""
        for node, new_port in self._stopped.items():
            self.cluster.start_broker(node, new_port=new_port)
        self._stopped.clear()

    def freeze_broker(self, node: int) -> None:
        """Let a broker stand still, from the next request it reads on, until `thaw_brokers`."""
        for api in (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.API_VERSIONS, ApiKey.INIT_PRODUCER_ID):
            self.held.append(self.cluster.on(api, node=node).hold(before_append=True))

    def thaw_brokers(self) -> None:
        """Let go of whatever is held up, and forget what any broker remembers of former metadata."""
        for held in self.held:
            held.release()
        self.held.clear()
        for node in range(1, NODES + 1):
            self.cluster.thaw_metadata(node)

    # The process.

    def freeze_producer(self, producer: Producer[Any, Any] | AsyncProducer[Any, Any]) -> None:
        """Let the producer's I/O thread stand still until `thaw_producer`; callers go on."""
        if self._thaw is not None:
            return
        thaw = threading.Event()

        def stand_still() -> None:
            thaw.wait(PATIENCE)

        if producer._core.start()._io.call(stand_still):  # type: ignore[attr-defined]  # a real engine has one
            self._thaw = thaw

    def thaw_producer(self) -> None:
        """Let the I/O thread go on."""
        if self._thaw is not None:
            self._thaw.set()
            self._thaw = None

    # Time, and the end.

    def let_pass(self, condition: Callable[[], object], timeout: float) -> None:
        """Wait for something to happen in the cluster, but not for long: it may be in no state to do it."""
        with contextlib.suppress(TimeoutError):
            self.cluster.wait_until(condition, timeout)

    def heal(self) -> None:
        """Let everything work again."""
        self.thaw_producer()
        self.cluster.clear_faults()
        self.thaw_brokers()
        self.start_brokers()
        for name, plan in self._plot.topics.items():
            if not self.partitions(name):
                self.recreate(name, plan.partitions)
            for partition in range(self.partitions(name)):
                if self.cluster.leader(name, partition) not in self.running():
                    self.cluster.move_leader(name, partition, 1)

    def settle(self) -> None:
        """Wait until the brokers have dealt with what was held up and let go."""
        for _ in range(3):  # let go, go on, write
            self.cluster._thread.call(lambda: None)
