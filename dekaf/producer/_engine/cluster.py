"""The cluster as last heard of: what an answer changes passes here, once, on its way to the connections and queues."""

from __future__ import annotations

from typing import Final, final

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition, TopicPartition
from dekaf._cluster.refresh import MetadataRefresher
from dekaf._network.requests import BrokerConnections
from dekaf.producer._engine.queues_by_leader import QueuesByLeader


@final
class Cluster:
    """Its methods run on the I/O thread; other threads may read `metadata`, which is replaced as a whole."""

    def __init__(self, connections: BrokerConnections, refresher: MetadataRefresher, queues: QueuesByLeader) -> None:
        self.metadata = NO_METADATA
        self.connections: Final = connections
        self.refresher: Final = refresher
        self.queues: Final = queues

    def replace(self, metadata: ClusterMetadata) -> None:
        """Take over a snapshot."""
        if metadata.brokers is not self.metadata.brokers:
            self.connections.update_brokers(metadata.brokers)
        self.metadata = metadata
        self.queues.update(metadata)

    def learn(self, brokers: list[Broker], leaders: dict[TopicPartition, Partition]) -> set[TopicPartition]:
        """Take over what a produce answer tells besides (KIP-951); return the partitions whose leader is news."""
        metadata = self.metadata.with_brokers(brokers) if brokers else self.metadata
        news = {place for place, leader in leaders.items() if metadata.is_news(place[0], place[1], leader)}
        metadata = metadata.with_leaders(leaders)
        if metadata is not self.metadata:
            self.replace(metadata)
        return news
