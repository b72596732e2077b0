"""What an answer tells of the cluster is taken over once, by the connections and by the queues."""

from __future__ import annotations

from dataclasses import replace

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition, Topic
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._engine.cluster import Cluster
from tests.unit.producer.rooms import NoConnections, accumulator_of, cluster_of, open_topic


class CountedConnections(NoConnections):
    """Counts how often the brokers were told."""

    def __init__(self) -> None:
        super().__init__()
        self.updates = 0

    def update_brokers(self, brokers: dict[int, Broker]) -> None:  # type: ignore[override]  # what it is always given
        """Count, and note them."""
        self.updates += 1
        super().update_brokers(brokers)


def three_partitions_led_by_1() -> ClusterMetadata:
    partition = Partition(leader_id=1, leader_epoch=5)
    return replace(
        NO_METADATA,
        brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2)},
        topics={"t": Topic(name="t", topic_id=b"i" * 16, partitions=[partition] * 3)},
    )


def known(connections: NoConnections) -> tuple[Cluster, RecordAccumulator]:
    accumulator = accumulator_of()
    open_topic(accumulator, partitions=3)
    cluster = cluster_of(accumulator, connections)
    cluster.replace(three_partitions_led_by_1(), ["t"])
    return cluster, accumulator


def test_leaders_that_are_news_reach_the_queues_and_only_they_are_returned() -> None:
    cluster, accumulator = known(NoConnections())
    news = Partition(leader_id=2, leader_epoch=6)
    no_news = Partition(leader_id=2, leader_epoch=5)

    told = cluster.learn([], {("t", 0): news, ("t", 1): no_news, ("t", 2): news})

    assert told == {("t", 0), ("t", 2)}
    assert [int(queue.leader) for queue in accumulator.topics["t"].partitions] == [2, 1, 2]


def test_leader_that_is_named_together_with_its_address_is_news() -> None:
    connections = NoConnections()
    cluster, _ = known(connections)
    broker = Broker(node_id=3, host="b", port=3)

    assert cluster.learn([broker], {("t", 0): Partition(leader_id=3, leader_epoch=6)}) == {("t", 0)}
    assert connections.brokers[3] is broker


def test_answer_without_news_changes_nothing() -> None:
    connections = CountedConnections()
    cluster, _ = known(connections)
    before = cluster.metadata

    assert cluster.learn([], {("t", 0): Partition(leader_id=2, leader_epoch=5)}) == set()
    assert cluster.metadata is before
    assert connections.updates == 1
