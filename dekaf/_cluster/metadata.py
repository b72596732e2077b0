"""A snapshot of the cluster: brokers, topics, and who leads which partition.

Replaced as a whole, so that other threads may read it; edited only where a leader names the one after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias, final

from dekaf._cluster.topic_life import TopicHistories, TopicIdentity, TopicNews
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
    partitions: list[Partition]

    @property
    def has_id(self) -> bool:
        """Whether the broker gave an id."""
        return self.topic_id != NULL_UUID

    def identity(self) -> TopicIdentity:
        """Return by what it is recognised."""
        return TopicIdentity(self.topic_id, len(self.partitions))


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

    def updated(self, response: MetadataResponse, histories: TopicHistories, told_by: int) -> MetadataUpdate:
        """Return the snapshot after a broker's answer, and what is new in it.

        Topics the answer does not mention, or has trouble with, stay. A broker with old metadata may answer: what it
        says of a topic is ignored if that is older than what is known, and a partition's leader is taken over only if
        its epoch is not older than the one known, unless the topic has been created anew.

        Args:
            response: The answer.
            histories: What is remembered of topics; it learns from the answer.
            told_by: The answering broker's node id; negative for a bootstrap server.
        """
        brokers = {
            broker.node_id: Broker(node_id=broker.node_id, host=broker.host, port=broker.port, rack=broker.rack)
            for broker in response.brokers
        }
        topics = dict(self.topics)
        named: dict[str, TopicNews] = {}
        is_only_broker = len(brokers) == 1 and len(self.brokers) <= 1
        for answer in response.topics:
            if answer.error_code != ErrorCode.NONE or not answer.partitions:
                continue
            known = topics.get(answer.name)
            news = histories.judge(
                answer.name,
                None if known is None else known.identity(),
                TopicIdentity(answer.topic_id, _count_of(answer), has_older_epochs=_has_older_epochs(known, answer)),
                told_by=told_by,
                is_only_broker=is_only_broker,
            )
            named[answer.name] = news
            if news is TopicNews.SAME and known is not None:
                topics[answer.name] = _merged(known, answer)
            elif news in (TopicNews.NEW, TopicNews.RECREATED, TopicNews.RETURNED):
                topics[answer.name] = _fresh(answer)
        metadata = ClusterMetadata(
            brokers=self.brokers if brokers == self.brokers else brokers,
            topics=topics,
            cluster_id=response.cluster_id or self.cluster_id,
            controller_id=response.controller_id,
        )
        return MetadataUpdate(metadata=metadata, named=named)

    def take_leaders(self, told: dict[TopicPartition, Partition]) -> set[TopicPartition]:
        """Take over those leaders that are news, told by the ones before them (KIP-951); return for which partitions.

        This alone changes a snapshot: a copy for each would cost a topic of many partitions dear when they all move.
        """
        news = {place for place, leader in told.items() if self.is_news(place[0], place[1], leader)}
        for topic, partition in news:
            self.topics[topic].partitions[partition] = told[topic, partition]
        return news

    def is_news(self, topic: str, partition: int, leader: Partition) -> bool:
        """Return whether a leader, told by the one before it, is newer than the one known."""
        known = self.topics.get(topic)
        if known is None or partition >= len(known.partitions):
            return False
        # A leader whose address no broker has told is of no use, and its epoch would make us deaf to older answers that
        # are true.
        return leader.leader_id in self.brokers and leader.leader_epoch > known.partitions[partition].leader_epoch

    def with_brokers(self, brokers: list[Broker]) -> ClusterMetadata:
        """Return the snapshot with these brokers added or moved; itself if they are no news."""
        if all(self.brokers.get(broker.node_id) == broker for broker in brokers):
            return self
        return replace(self, brokers={**self.brokers, **{broker.node_id: broker for broker in brokers}})

    def without_topics(self, names: list[str]) -> ClusterMetadata:
        """Return the snapshot without topics that nobody produces to any more."""
        gone = set(names)
        return replace(self, topics={name: topic for name, topic in self.topics.items() if name not in gone})


@final
@dataclass(frozen=True, kw_only=True)
class MetadataUpdate:
    """A snapshot after an answer, and what the answer came to for each topic that it describes."""

    metadata: ClusterMetadata
    named: dict[str, TopicNews]

    def without(self, names: list[str]) -> MetadataUpdate:
        """Return what is left if these topics are of no interest."""
        named = {name: news for name, news in self.named.items() if name not in names}
        return MetadataUpdate(metadata=self.metadata.without_topics(names), named=named)

    def topics_with(self, news: TopicNews) -> list[str]:
        """Return the topics for which it came to that."""
        return [name for name, one in self.named.items() if one is news]


NO_METADATA: Final = ClusterMetadata(brokers={}, topics={})


def _count_of(answer: MetadataTopic) -> int:
    """Return how many partitions an answer speaks of; a number may be missing from it."""
    indexes = [partition.index for partition in answer.partitions]
    if min(indexes) < 0 or max(indexes) >= len(indexes) + MOST_LEFT_OUT:
        raise MalformedResponseError(f"The broker names a partition of {answer.name!r} that cannot exist.")
    return max(indexes) + 1


def _has_older_epochs(known: Topic | None, answer: MetadataTopic) -> bool:
    """Return whether some leader's epoch is older than the one known: the epochs of a topic created anew begin at 0."""
    if known is None:
        return False
    for told in answer.partitions:
        before = known.partitions[told.index].leader_epoch if told.index < len(known.partitions) else NO_EPOCH
        if NO_EPOCH < told.leader_epoch < before:
            return True
    return False


def _fresh(answer: MetadataTopic) -> Topic:
    partitions = [Partition(leader_id=NO_LEADER, leader_epoch=NO_EPOCH)] * _count_of(answer)
    for partition in answer.partitions:
        partitions[partition.index] = _partition(partition)
    return Topic(name=answer.name, topic_id=answer.topic_id, partitions=partitions)


def _merged(known: Topic, answer: MetadataTopic) -> Topic:
    partitions = list(known.partitions)
    partitions += [Partition(leader_id=NO_LEADER, leader_epoch=NO_EPOCH)] * (_count_of(answer) - len(partitions))
    is_changed = len(partitions) > len(known.partitions)
    for told in answer.partitions:
        before = partitions[told.index]
        if told.leader_epoch != NO_EPOCH and told.leader_epoch < before.leader_epoch:
            continue
        if told.leader_id != before.leader_id or told.leader_epoch != before.leader_epoch:
            partitions[told.index] = _partition(told)
            is_changed = True
    topic_id = known.topic_id if answer.topic_id == NULL_UUID else answer.topic_id
    if not is_changed and topic_id == known.topic_id:
        return known
    return Topic(name=answer.name, topic_id=topic_id, partitions=partitions)


def _partition(answer: MetadataPartition) -> Partition:
    return Partition(leader_id=answer.leader_id, leader_epoch=answer.leader_epoch)
