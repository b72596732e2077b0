"""A snapshot of the cluster: brokers, topics, and who leads which partition. Never edited, only replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias, final

from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import MetadataPartition, MetadataResponse, MetadataTopic
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import MalformedResponseError

TopicPartition: TypeAlias = tuple[str, int]

NO_LEADER: Final = -1
NO_EPOCH: Final = -1
# Brokers name all partitions of a topic in one answer. Should one leave some out, they are leaderless for us; should it
# seem to leave out so many, the number is damaged, and must not eat the memory of so many queues.
MOST_LEFT_OUT: Final = 10_000


@final
@dataclass(frozen=True, kw_only=True)
class Broker:
    """A broker and the address it advertises."""

    node_id: int
    host: str
    port: int
    rack: str | None = None

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@final
@dataclass(frozen=True, kw_only=True)
class Partition:
    """A partition's leader; -1 while there is none."""

    leader_id: int
    leader_epoch: int


@final
@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic that exists: its id (all zero where the cluster has none), and its partitions by number."""

    name: str
    topic_id: bytes
    partitions: tuple[Partition, ...]

    @property
    def has_id(self) -> bool:
        """Whether the broker gave an id."""
        return self.topic_id != NULL_UUID


@final
@dataclass(frozen=True, kw_only=True)
class ClusterMetadata:
    """The cluster as last heard of."""

    brokers: dict[int, Broker]  # a dict and no Mapping, which compiled code would call by name
    topics: dict[str, Topic]
    cluster_id: str | None = None
    controller_id: int = -1

    def leader(self, topic: str, partition: int) -> int:
        """Return the node id of a partition's leader, or -1 if it, or its address, is not known."""
        known = self.topics.get(topic)
        if known is None or partition >= len(known.partitions):
            return NO_LEADER
        leader_id = known.partitions[partition].leader_id
        return leader_id if leader_id in self.brokers else NO_LEADER

    def updated(self, response: MetadataResponse) -> ClusterMetadata:
        """Return the snapshot after a broker's answer; topics it does not mention, or has trouble with, stay.

        A broker with old metadata may answer: a partition's leader is taken over only if its epoch is not older than
        the one known, unless the topic has been created anew, which its id tells.
        """
        topics = dict(self.topics)
        for answer in response.topics:
            if answer.error_code == ErrorCode.NONE and answer.partitions:
                topics[answer.name] = _merged(topics.get(answer.name), answer)
        brokers = {
            broker.node_id: Broker(node_id=broker.node_id, host=broker.host, port=broker.port, rack=broker.rack)
            for broker in response.brokers
        }
        return ClusterMetadata(
            brokers=brokers,
            topics=topics,
            cluster_id=response.cluster_id or self.cluster_id,
            controller_id=response.controller_id,
        )

    def with_leaders(self, told: dict[TopicPartition, Partition]) -> ClusterMetadata:
        """Return the snapshot with those leaders taken over that are news; itself if none is (KIP-951)."""
        news: dict[str, dict[int, Partition]] = {}
        for (topic, partition), leader in told.items():
            if self.is_news(topic, partition, leader):
                news.setdefault(topic, {})[partition] = leader
        if not news:
            return self
        topics = dict(self.topics)
        for topic, leaders in news.items():
            partitions = [leaders.get(number, known) for number, known in enumerate(topics[topic].partitions)]
            topics[topic] = replace(topics[topic], partitions=tuple(partitions))
        return replace(self, topics=topics)

    def is_news(self, topic: str, partition: int, leader: Partition) -> bool:
        """Return whether a leader, told by the one before it, is newer than the one known."""
        known = self.topics.get(topic)
        if known is None or partition >= len(known.partitions):
            return False
        # A leader whose address no broker has told is of no use, and its epoch would make us deaf to older answers that
        # are true.
        return leader.leader_id in self.brokers and leader.leader_epoch > known.partitions[partition].leader_epoch

    def with_brokers(self, brokers: list[Broker]) -> ClusterMetadata:
        """Return the snapshot with these brokers added or moved."""
        return replace(self, brokers={**self.brokers, **{broker.node_id: broker for broker in brokers}})


NO_METADATA: Final = ClusterMetadata(brokers={}, topics={})


def _merged(known: Topic | None, answer: MetadataTopic) -> Topic:
    # While a cluster is upgraded, some of its brokers answer without ids: that is no other topic.
    topic_id = answer.topic_id
    if known is not None and topic_id == NULL_UUID:
        topic_id = known.topic_id
    same_log = known is not None and (known.topic_id == topic_id or not known.has_id)
    # A partition number may be missing from an answer; partitions are never taken away from a topic.
    indexes = [partition.index for partition in answer.partitions]
    if min(indexes) < 0 or max(indexes) >= len(indexes) + MOST_LEFT_OUT:
        raise MalformedResponseError(f"The broker names a partition of {answer.name!r} that cannot exist.")
    count = max(indexes) + 1
    if known is not None and same_log:
        count = max(count, len(known.partitions))
    partitions = [Partition(leader_id=NO_LEADER, leader_epoch=NO_EPOCH)] * count
    if known is not None and same_log:
        partitions[: len(known.partitions)] = known.partitions
    for partition in answer.partitions:
        if partition.leader_epoch == NO_EPOCH or partition.leader_epoch >= partitions[partition.index].leader_epoch:
            partitions[partition.index] = _partition(partition)
    return Topic(name=answer.name, topic_id=topic_id, partitions=tuple(partitions))


def _partition(answer: MetadataPartition) -> Partition:
    return Partition(leader_id=answer.leader_id, leader_epoch=answer.leader_epoch)
