"""A cluster as a model: topics with ids, leaders and logs; requests that arrive, are lost, or come late. No I/O."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field

from dekaf._network.requests import PendingRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import DekafError
from dekaf.producer._engine.sender import InFlightProduce
from dekaf.testing import TopicSettings
from dekaf.testing.partition_log import PartitionLog
from tests.stories.stage import Life
from tests.unit.producer.rooms import NoConnections

__all__ = ("NODES", "ModelCluster", "ModelConnections", "SentBatch", "SentRequest")

NODES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class SentBatch:
    """One batch of a request, as its bytes were when it was sent."""

    topic: str
    topic_id: bytes
    partition: int
    data: bytes
    record_count: int


@dataclass(slots=True)
class SentRequest:
    """A request under way to a broker."""

    node: int
    by_name: bool
    request: InFlightProduce
    batches: list[SentBatch]


class ModelConnection(SenderConnection):
    """Takes whatever is sent, and keeps it in order."""

    def __init__(self, node: int, *, by_name: bool) -> None:
        self.sent: deque[SentRequest] = deque()
        self._node = node
        self._by_name = by_name

    def takes_requests(self, _now: float) -> bool:
        return True

    def version(self, _api: ApiKey, *, at_most: int = 32767) -> int:
        return min(9 if self._by_name else 13, at_most)

    def send(self, request: PendingRequest, version: int, _body: list[bytes]) -> None:
        assert isinstance(request, InFlightProduce)
        ids = {name: topic_id for topic_id, name in request.topic_ids.items()}
        batches = [
            SentBatch(
                batch.topic,
                ids.get(batch.topic, NULL_UUID),  # without ids all topics have the same one
                int(batch.partition),
                (batch.header or b"") + (b"" if batch.sealed is None else bytes(batch.sealed.records)),
                int(batch.record_count),
            )
            for batch in request.batches
        ]
        self.sent.append(SentRequest(self._node, version <= 12, request, batches))

    def throttle(self, _milliseconds: int) -> None:
        pass


class ModelConnections(NoConnections):
    """One connection to each broker; it is open again the moment it is lost."""

    def __init__(self, *, by_name: bool) -> None:
        super().__init__()
        self.to = {node: ModelConnection(node, by_name=by_name) for node in NODES}

    def connection(self, node_id: int, _now: float) -> SenderConnection | None:
        return self.to.get(node_id)

    def node_error(self, _node_id: int) -> DekafError | None:
        return None


@dataclass(slots=True)
class _Partition:
    leader: int
    epoch: int
    life: Life


@dataclass(slots=True)
class _Topic:
    topic_id: bytes
    partitions: list[_Partition] = field(default_factory=list)


class ModelCluster:
    """Topics, their leaders and their logs; what a leader checks is what `PartitionLog` checks."""

    def __init__(self, *, has_ids: bool) -> None:
        self.lives: list[Life] = []
        self.topics: dict[str, _Topic] = {}
        self._has_ids = has_ids

    def create(self, name: str, count: int) -> None:
        """Create a topic, instead of the one that has the name."""
        for life in self.lives:
            if life.topic == name:
                life.is_present = False
        self.topics[name] = _Topic(uuid.uuid4().bytes if self._has_ids else bytes(16))
        self.grow(name, count)

    def grow(self, name: str, count: int) -> None:
        """Add partitions."""
        topic = self.topics[name]
        for index in range(len(topic.partitions), len(topic.partitions) + count):
            life = Life(name, index, PartitionLog(name, index, TopicSettings()))
            self.lives.append(life)
            topic.partitions.append(_Partition(NODES[index % len(NODES)], 0, life))

    def move(self, name: str, index: int, node: int) -> None:
        """Make another broker the leader of a partition; -1: none."""
        partitions = self.topics[name].partitions
        partition = partitions[index % len(partitions)]
        partition.leader = node
        partition.epoch += 1

    def forget_producers(self, name: str) -> None:
        """Let the leaders of a topic forget what they know of producers."""
        for partition in self.topics[name].partitions:
            partition.life.forgets.append(len(partition.life.records))
            partition.life.log.forget_producers()

    def append(self, sent: SentRequest, batch: SentBatch) -> tuple[int, int]:
        """Let a broker deal with a batch; return the error code and the base offset."""
        topic = self.topics.get(batch.topic)
        if topic is None or (not sent.by_name and topic.topic_id != batch.topic_id):
            return ErrorCode.UNKNOWN_TOPIC_ID, -1
        if batch.partition >= len(topic.partitions):
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1
        partition = topic.partitions[batch.partition]
        if partition.leader != sent.node:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER, -1
        result = partition.life.log.append(batch.data, version=9)
        return result.error_code, result.base_offset

    def describe(self) -> MetadataResponse:
        """Return what a broker that knows everything answers."""
        return MetadataResponse(
            throttle_time_ms=0,
            brokers=tuple(MetadataBroker(node_id=node, host="b", port=node, rack=None) for node in NODES),
            cluster_id="c",
            controller_id=1,
            topics=tuple(self._describe(name, topic) for name, topic in self.topics.items()),
            error_code=0,
        )

    def _describe(self, name: str, topic: _Topic) -> MetadataTopic:
        partitions = tuple(
            MetadataPartition(0, index, leader_id=one.leader, leader_epoch=one.epoch, replica_nodes=())
            for index, one in enumerate(topic.partitions)
        )
        return MetadataTopic(error_code=0, name=name, topic_id=topic.topic_id, is_internal=False, partitions=partitions)
