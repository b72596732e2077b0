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
from dekaf.producer._engine.drain import Drain, DrainRules
from dekaf.producer._engine.routes import Routes
from tests.unit.producer.rooms import Wakes, accumulator_of, append, open_topic


def cluster_of(*leaders: int) -> ClusterMetadata:
    """Return a cluster of brokers 1 to 3 with topic t, by the leader of each partition."""
    return replace(
        NO_METADATA,
        brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2, 3)},
        topics={
            "t": Topic(
                name="t",
                topic_id=b"i" * 16,
                partitions=tuple(Partition(leader_id=leader, leader_epoch=0) for leader in leaders),
            )
        },
    )


@pytest.fixture
def wanted() -> Wakes:
    return Wakes()


@pytest.fixture
def accumulator() -> RecordAccumulator:
    return accumulator_of(batch_size=1, buffer_memory=100_000_000)


@pytest.fixture
def topic(accumulator: RecordAccumulator) -> TopicQueues:
    return open_topic(accumulator, partitions=2)


@pytest.fixture
def routes(accumulator: RecordAccumulator, wanted: Wakes) -> Routes:
    return Routes(accumulator, wanted)


def listed(routes: Routes, node: int) -> list[int]:
    return [int(queue.partition) for queue in routes.nodes[node].queues]


def test_queue_with_something_to_send_goes_to_its_leader(
    routes: Routes, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    routes.update(cluster_of(1, 2))
    append(accumulator, topic, partition=1)
    batch = topic.partitions[1].full[0]

    assert routes.adopt_activated() == batch.created
    assert routes.adopt_activated() == math.inf
    assert (listed(routes, 1), listed(routes, 2)) == ([], [1])
    assert routes.queue_of(batch) is topic.partitions[1]


def test_queue_moves_with_its_leader(routes: Routes, accumulator: RecordAccumulator, topic: TopicQueues) -> None:
    routes.update(cluster_of(1, 2))
    append(accumulator, topic)
    routes.adopt_activated()
    routes.update(cluster_of(3, 2))

    assert listed(routes, 3) == [0]
    assert 1 not in routes.nodes


def test_node_with_a_request_under_way_stays(routes: Routes, topic: TopicQueues) -> None:
    routes.update(cluster_of(1, 2))
    node = routes.nodes[1]
    node.in_flight = 1
    routes.update(cluster_of(3, 2))

    assert routes.nodes[1] is node
    assert topic.partitions[0].leader == 3


def test_queue_without_a_leader_asks_for_metadata_and_waits(
    routes: Routes, accumulator: RecordAccumulator, topic: TopicQueues, wanted: Wakes
) -> None:
    routes.update(cluster_of(-1, 2))
    append(accumulator, topic)
    routes.adopt_activated()

    assert routes.has_leaderless()
    assert wanted.count == 1
    assert routes.active_queues() == [topic.partitions[0]]
    routes.update(cluster_of(2, 2))
    assert not routes.has_leaderless()
    assert listed(routes, 2) == [0]


def test_all_are_busy_when_every_leader_has_a_request(routes: Routes, topic: TopicQueues) -> None:
    assert not routes.are_all_busy()
    routes.update(cluster_of(1, 2))
    routes.nodes[1].in_flight = 1
    assert not routes.are_all_busy()
    routes.nodes[2].in_flight = 2

    assert routes.are_all_busy()
    assert len(topic.partitions) == 2


def test_queue_activated_between_emptying_and_clearing_is_listed_once(
    routes: Routes, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    """The moment a drain has emptied it, an append activates it again: before the drain has cleared its own list."""
    routes.update(cluster_of(1, 1))
    append(accumulator, topic)
    routes.adopt_activated()
    node = routes.nodes[1]
    queue = topic.partitions[0]
    with accumulator.lock:  # what a drain does
        queue.full.clear()
        queue.is_active = queue.is_listed = False
    append(accumulator, topic)
    node.queues = [known for known in node.queues if known.is_listed]
    routes.adopt_activated()

    assert node.queues == [queue]


def test_drain_never_takes_two_batches_of_a_partition_while_others_append(
    routes: Routes, accumulator: RecordAccumulator, topic: TopicQueues
) -> None:
    """Were a queue listed twice, one request would hold two batches for one partition, which brokers refuse."""
    routes.update(cluster_of(1, 1))
    drain = Drain(accumulator, DrainRules(0.0, 1_000_000, 5, is_idempotent=False))
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
            routes.adopt_activated()
            taken = [int(batch.partition) for batch in drain.take(routes.nodes[1], ProducerIdAndEpoch(1, 0), 1e12)]
            assert len(taken) == len(set(taken))
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
