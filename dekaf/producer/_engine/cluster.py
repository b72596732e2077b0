"""The cluster as last heard of: what an answer changes passes here, once, on its way to the connections and queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, final

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, MetadataUpdate, Partition, TopicPartition
from dekaf._cluster.refresh import MetadataRefresher
from dekaf._cluster.topic_life import TopicHistories
from dekaf._network.requests import BrokerConnections
from dekaf._protocol.metadata import MetadataResponse
from dekaf.producer._engine.queues_by_leader import QueuesByLeader


@final
class Cluster:
    """Its methods run on the I/O thread; other threads may read `metadata`, which is replaced as a whole."""

    def __init__(self, connections: BrokerConnections, refresher: MetadataRefresher, queues: QueuesByLeader) -> None:
        self.metadata = NO_METADATA
        self.connections: Final = connections
        self.refresher: Final = refresher
        self.queues: Final = queues
        self.histories: Final = TopicHistories()

    def take_over(self, response: MetadataResponse, told_by: int, in_use: set[str]) -> MetadataUpdate:
        """Return what an answer changes; nothing has changed yet.

        Args:
            response: The answer.
            told_by: The answering broker's node id; negative for a bootstrap server.
            in_use: The topics that somebody produces to; an answer may come when that is over.
        """
        update = self.metadata.updated(response, self.histories, told_by)
        strangers = [name for name in update.named if name not in in_use]
        return update.without(strangers) if strangers else update

    def replace(self, metadata: ClusterMetadata, topics: Iterable[str]) -> None:
        """Take over a snapshot in which these topics may differ from the one before."""
        has_same_brokers = metadata.brokers.keys() == self.metadata.brokers.keys()
        self.connections.update_brokers(metadata.brokers)  # even the same: it may have begun again without them
        self.metadata = metadata
        if has_same_brokers:
            self.queues.update_topics(metadata, topics)
        else:
            self.queues.update(metadata)

    def begin_anew(self) -> None:
        """Know nothing of the cluster any more: it is another one, and every topic is to be asked for."""
        self.metadata = NO_METADATA
        self.queues.lose_leaders()
        self.refresher.ask_anew()

    def forget_topics(self, names: list[str]) -> None:
        """Ask for these topics no more, and know nothing of them."""
        self.metadata = self.metadata.without_topics(names)
        for name in names:
            self.refresher.remove_topic(name)

    def learn(self, brokers: list[Broker], leaders: dict[TopicPartition, Partition]) -> set[TopicPartition]:
        """Take over what a produce answer tells besides (KIP-951); return the partitions whose leader is news."""
        metadata = self.metadata.with_brokers(brokers)
        if metadata is not self.metadata:
            self.replace(metadata, ())
        news = metadata.take_leaders(leaders)
        if news:
            self.queues.update_partitions(metadata, news)
        return news
