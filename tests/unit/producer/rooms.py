"""Rooms of a producer put together by hand, for tests of one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dekaf._cluster.metadata import Broker
from dekaf._cluster.refresh import MetadataRefresher
from dekaf._network.requests import BrokerConnections
from dekaf._record.compression import Codec
from dekaf.errors import DekafError, ProduceError
from dekaf.partitioning import Partitioner
from dekaf.producer._buffer.accumulator import BufferLimits, RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener, BatchWaits, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue, TopicQueues
from dekaf.producer._buffer.waiting_record import JUST_NOW, WaitingRecord
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.queues_by_leader import QueuesByLeader
from dekaf.producer._waiting.mailbox import CALLBACK_COST, DELIVERY_COST, OutcomeRoute, WaitKind
from dekaf.types import RecordMetadata

T = 1_700_000_000_000

CALLBACKS = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False)
DELIVERIES = OutcomeRoute(WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False)


@dataclass
class Heard:
    """What a producer's listener heard."""

    unheard: list[tuple[str, int, ProduceError]] = field(default_factory=list)
    broken: list[tuple[str, BaseException]] = field(default_factory=list)
    groups: list[BatchWaits] = field(default_factory=list)

    def listener(self) -> BatchListener:
        """Return a listener that notes everything here."""

        def unheard(topic: str, count: int, error: ProduceError) -> None:
            self.unheard.append((topic, count, error))

        def broken(topic: str, failure: BaseException) -> None:
            self.broken.append((topic, failure))

        return BatchListener(unheard, broken, self.groups.append)

    def notify_all(self) -> None:
        """Do what the callback thread does."""
        while self.groups:
            self.groups.pop(0).notify()


class CallbackNotes(list[tuple[RecordMetadata | None, ProduceError | None]]):
    """A callback that notes what it hears."""

    def __call__(self, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        self.append((metadata, error))


class Wakes:
    """Counts how often the I/O thread was woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def take(self) -> int:
        """Return the count, and begin anew."""
        count, self.count = self.count, 0
        return count


def accumulator_of(
    *,
    batch_size: int = 200,
    buffer_memory: int = 100_000,
    max_request_size: int = 50_000,
    codec: Codec | None = None,
    partitioner: Partitioner | None = None,
    heard: Heard | None = None,
    wake: Callable[[], None] | None = None,
) -> RecordAccumulator:
    """Return an accumulator without topics."""
    return RecordAccumulator(
        BufferLimits(batch_size, buffer_memory, max_request_size),
        codec,
        partitioner,
        (heard or Heard()).listener(),
        wake or Wakes(),
    )


def open_topic(accumulator: RecordAccumulator, name: str = "t", partitions: int = 1) -> TopicQueues:
    """Add a topic whose partitions are known, all led by broker 1."""
    topic = accumulator.topic(name)
    for index in range(partitions):
        queue = PartitionQueue(name, index, topic.limit)
        queue.leader = 1
        topic.partitions.append(queue)
    topic.is_known = True
    accumulator.take_new_topics()
    return topic


def append(
    accumulator: RecordAccumulator,
    topic: TopicQueues,
    value: bytes | None = b"value",
    *,
    key: bytes | None = None,
    partition: int = 0,
    timestamp: int = T,
    recipient: object | None = None,
    route: OutcomeRoute | None = None,
    reserved: int = 0,
) -> int:
    """Append one record."""
    return int(accumulator.append(topic, key, value, None, partition, timestamp, recipient, route, reserved, JUST_NOW))


def parked_record(
    value: bytes | None = b"a",
    *,
    topic: str = "t",
    key: bytes | None = None,
    partition: int = 0,
    recipient: object | None = None,
    route: OutcomeRoute | None = None,
    charged: int = 300,
    accepted: float = 0.0,
) -> WaitingRecord:
    """Return a record that is to be parked."""
    record = WaitingRecord(topic, key, value, None, partition, T, recipient, route)
    record.charged = charged
    record.accepted = accepted
    return record


def batches_of(queue: PartitionQueue) -> list[ProducerBatch]:
    """Return the batches of a queue that were never sent, oldest first."""
    return [*queue.full, *([queue.current] if queue.current is not None else [])]


def release(accumulator: RecordAccumulator, topic: TopicQueues) -> None:
    """Give back the memory of everything that waits, as if it had been delivered."""
    for queue in topic.partitions:
        for batch in batches_of(queue):
            accumulator.buffer.give_back(batch.charged)
            batch.charged = 0
        queue.full.clear()
        queue.current = None


def constant_backoff(_attempt: int) -> float:
    """Wait a second, always."""
    return 1.0


class NoConnections(BrokerConnections):
    """A client whose brokers are all connected, and never used."""

    def __init__(self) -> None:
        self.brokers: Mapping[int, Broker] = {}

    def node_error(self, _node_id: int) -> DekafError | None:
        """Have none."""
        return None

    def update_brokers(self, brokers: Mapping[int, Broker]) -> None:
        """Note them."""
        self.brokers = brokers


def cluster_of(accumulator: RecordAccumulator, connections: BrokerConnections | None = None) -> Cluster:
    """Return a cluster of which nothing is known."""
    refresher = MetadataRefresher(300.0, constant_backoff, accumulator.has_waiting)
    return Cluster(connections or NoConnections(), refresher, QueuesByLeader(accumulator, refresher.want_topic))
