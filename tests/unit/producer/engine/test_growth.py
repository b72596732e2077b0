"""How the I/O thread's work grows: with ten times as many partitions or topics about ten times, never a hundred."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, Partition, Topic
from dekaf._cluster.topic_life import TopicHistories
from dekaf._protocol.metadata import MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.flush import FlushWaiter
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.unknown_topics import ParkingLimits, UnknownTopics
from tests.unit.producer.rooms import Heard, accumulator_of, append, cluster_of, open_topic, parked_record

FEW, MANY = 1_000, 10_000
# Ten times as much takes ten times as long; caches, and the machine's other work, have a share. Quadratic would be 100.
MOST_GROWTH = 35.0

Prepared = Callable[[], object]


def cpu(prepare: Callable[[int], Prepared], count: int) -> float:
    """Return the least CPU time, of three attempts, in seconds."""
    times = []
    for _ in range(3):
        work = prepare(count)
        gc.collect()
        gc.disable()
        try:
            start = time.thread_time()
            work()
            times.append(time.thread_time() - start)
        finally:
            gc.enable()
    return min(times)


def known(count: int) -> tuple[Cluster, RecordAccumulator]:
    """Return a cluster with a topic of that many partitions, all led by broker 1, each with something to send."""
    accumulator = accumulator_of(buffer_memory=100_000_000)
    topic = open_topic(accumulator, partitions=count)
    cluster = cluster_of(accumulator)
    metadata = replace(
        NO_METADATA,
        brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2)},
        topics={"t": Topic(name="t", topic_id=b"i" * 16, partitions=[Partition(leader_id=1, leader_epoch=0)] * count)},
    )
    cluster.replace(metadata, ["t"])
    for partition in range(count):
        append(accumulator, topic, partition=partition)
    cluster.queues.adopt_activated()
    return cluster, accumulator


def answer(count: int, *, leader: int, epoch: int) -> MetadataResponse:
    partitions = tuple(
        MetadataPartition(0, index, leader_id=leader, leader_epoch=epoch, replica_nodes=()) for index in range(count)
    )
    return MetadataResponse(
        throttle_time_ms=0,
        brokers=tuple(MetadataBroker(node_id=node, host="b", port=node, rack=None) for node in (1, 2)),
        cluster_id="c",
        controller_id=1,
        topics=(MetadataTopic(error_code=0, name="t", topic_id=b"i" * 16, is_internal=False, partitions=partitions),),
        error_code=0,
    )


def update(count: int) -> Prepared:
    """All partitions have moved, says an answer."""
    cluster, _ = known(count)
    response = answer(count, leader=2, epoch=1)

    def work() -> None:
        cluster.replace(cluster.metadata.updated(response, TopicHistories(), 1).metadata, ["t"])
        assert len(cluster.queues.nodes[2].queues) == count

    return work


def hints(count: int) -> Prepared:
    """All partitions have moved, says one produce answer after the other, of one partition each."""
    cluster, _ = known(count)

    def work() -> None:
        for partition in range(count):
            cluster.learn([], {("t", partition): Partition(leader_id=2, leader_epoch=1)})
        cluster.queues.adopt_activated()
        assert len(cluster.queues.nodes[2].queues) == count

    return work


def flush(count: int) -> Prepared:
    """A flush waits for that many topics, which become known one by one."""
    accumulator = accumulator_of(buffer_memory=100_000_000)
    cluster = cluster_of(accumulator)
    unknown_topics = UnknownTopics(
        accumulator, Heard().listener(), ProducerStatistics(), ParkingLimits(5.0, 120.0), cluster.refresher.remove_topic
    )
    names = [f"t{number}" for number in range(count)]
    for name in names:
        accumulator.park(accumulator.topic(name), parked_record(topic=name), reserved=0)
    partitions = [Partition(leader_id=1, leader_epoch=0)]
    brokers = {1: Broker(node_id=1, host="b", port=1)}
    topics = {name: Topic(name=name, topic_id=b"i" * 16, partitions=partitions) for name in names}
    metadata = replace(NO_METADATA, brokers=brokers, topics=topics)

    def pending_of(name: str) -> list[ProducerBatch]:
        (queue,) = accumulator.topics[name].partitions
        return [*queue.full, *([] if queue.current is None else [queue.current])]

    def work() -> None:
        told: list[bool] = []
        unknown_topics.take_new_topics(0.0)
        FlushWaiter(lambda: told.append(True), pending_of).start([], list(accumulator.topics.values()))
        for name in names:
            unknown_topics.expire(1.0, None, "")
            cluster.replace(metadata, [name])
            unknown_topics.let_in(metadata, [name])
        cluster.queues.adopt_activated()
        for name in names:
            for batch in pending_of(name):
                batch.succeed(0, -1)
        assert told == [True]

    return work


@pytest.mark.parametrize("prepare", [update, hints, flush], ids=lambda prepare: prepare.__name__)
def test_work_grows_in_proportion(prepare: Callable[[int], Prepared]) -> None:
    growth = cpu(prepare, MANY) / cpu(prepare, FEW)

    assert growth < MOST_GROWTH, f"{growth:.0f} times as long for {MANY // FEW} times as much"
