"""Which broker a queue belongs to, and that it belongs to one only."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition, Topic
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch
from dekaf.producer._engine.batch_selector import BatchSelector, SelectionRules
from dekaf.producer._engine.queues_by_leader import QueuesByLeader
from tests.unit.producer.rooms import accumulator_of, append, open_topic


def cluster_of(*leaders: int) -> ClusterMetadata:
    """Return a cluster of brokers 1 to 3 with topic t, by the leader of each partition."""
    return replace(
        NO_METADATA,
        brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2, 3)},
        topics={
            "t": Topic(
                name="t",
                topic_id=b"i" * 16,
                partitions=[Partition(leader_id=leader, leader_epoch=0) for leader in leaders],
            )
        },
    )


@pytest.fixture
def wanted() -> list[str]:
    return []


@pytest.fixture
def accumulator() -> RecordAccumulator:
    return accumulator_of(batch_size=1, buffer_memory=100_000_000)


@pytest.fixture
def topic(accumulator: RecordAccumulator) -> TopicQueues:
    return open_topic(accumulator, partitions=2)


@pytest.fixture
def queues_by_leader(accumulator: RecordAccumulator, wanted: list[str]) -> QueuesByLeader:
    return QueuesByLeader(accumulator, wanted.append)


def listed(queues_by_leader: QueuesByLeader, node: int) -> list[int]:
    return [int(queue.partition) for queue in queues_by_leader.nodes[node].queues]


def test_queue_with_something_to_send_goes_to_its_leader(
    queues_by_leader: QueuesByLeader, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    queues_by_leader.update(cluster_of(1, 2))
    append(accumulator, topic, partition=1)
    batch = topic.partitions[1].full[0]

    queues_by_leader.adopt_activated()
    queues_by_leader.adopt_activated()  # whoever else has a look: it is not forgotten that these came
    assert queues_by_leader.take_oldest_adopted() == batch.created
    assert queues_by_leader.take_oldest_adopted() == math.inf
    assert (listed(queues_by_leader, 1), listed(queues_by_leader, 2)) == ([], [1])
    assert queues_by_leader.queue_of(batch) is topic.partitions[1]


def test_queue_moves_with_its_leader(
    queues_by_leader: QueuesByLeader, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    queues_by_leader.update(cluster_of(1, 2))
    append(accumulator, topic)
    queues_by_leader.adopt_activated()
    queues_by_leader.update(cluster_of(3, 2))

    assert listed(queues_by_leader, 3) == [0]
    assert 1 not in queues_by_leader.nodes


def test_node_with_a_request_under_way_stays(queues_by_leader: QueuesByLeader, topic: TopicQueues) -> None:
    queues_by_leader.update(cluster_of(1, 2))
    node = queues_by_leader.nodes[1]
    node.in_flight = 1
    queues_by_leader.update(cluster_of(3, 2))

    assert queues_by_leader.nodes[1] is node
    assert topic.partitions[0].leader == 3


def test_queue_without_a_leader_asks_for_metadata_and_waits(
    queues_by_leader: QueuesByLeader, accumulator: RecordAccumulator, topic: TopicQueues, wanted: list[str]
) -> None:
    queues_by_leader.update(cluster_of(-1, 2))
    append(accumulator, topic)
    queues_by_leader.adopt_activated()

    assert queues_by_leader.leaderless_topics() == {"t"}
    assert wanted == ["t"]
    assert queues_by_leader.active_queues() == [topic.partitions[0]]
    queues_by_leader.update(cluster_of(2, 2))
    assert queues_by_leader.leaderless_topics() == set()
    assert listed(queues_by_leader, 2) == [0]


def test_all_are_busy_when_every_leader_has_a_request(queues_by_leader: QueuesByLeader, topic: TopicQueues) -> None:
    assert not queues_by_leader.are_all_busy()
    queues_by_leader.update(cluster_of(1, 2))
    queues_by_leader.nodes[1].in_flight = 1
    assert not queues_by_leader.are_all_busy()
    queues_by_leader.nodes[2].in_flight = 2

    assert queues_by_leader.are_all_busy()
    assert len(topic.partitions) == 2


def test_queue_activated_between_emptying_and_clearing_is_listed_once(
    queues_by_leader: QueuesByLeader, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    """An append activates it the moment the selector has emptied it, before the selector has cleared its own list."""
    queues_by_leader.update(cluster_of(1, 1))
    append(accumulator, topic)
    queues_by_leader.adopt_activated()
    node = queues_by_leader.nodes[1]
    queue = topic.partitions[0]
    with accumulator.lock:  # what the selector does
        queue.full.clear()
        queue.is_active = queue.is_listed = False
    append(accumulator, topic)
    node.queues = [known for known in node.queues if known.is_listed]
    queues_by_leader.adopt_activated()

    assert node.queues == [queue]


def test_selector_never_takes_two_batches_of_a_partition_while_others_append(
    queues_by_leader: QueuesByLeader, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    """Were a queue listed twice, one request would hold two batches for one partition, which brokers refuse."""
    queues_by_leader.update(cluster_of(1, 1))
    selector = BatchSelector(accumulator, SelectionRules(0.0, 1_000_000, 5, is_idempotent=False))
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            append(accumulator, topic, partition=0)
            append(accumulator, topic, partition=1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4_000):
            queues_by_leader.adopt_activated()
            taken = [
                int(batch.partition)
                for batch in selector.take(queues_by_leader.nodes[1], ProducerIdAndEpoch(1, 0), 1e12).batches
            ]
            assert len(taken) == len(set(taken))
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
