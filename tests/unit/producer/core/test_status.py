"""What a producer tells of itself: from its engine if it has one, and all the same without."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition, Topic
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import (
    BrokerConnectionError,
    DekafError,
    ProduceError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer._core.status import partitions_of, snapshot
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.types import ConnectionSecurity, PartitionInfo, ProducerState
from tests.unit.producer.rooms import accumulator_of, append, open_topic

METADATA = replace(
    NO_METADATA,
    brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2)},
    topics={
        name: Topic(
            name=name,
            topic_id=NULL_UUID,
            partitions=[Partition(leader_id=1, leader_epoch=4), Partition(leader_id=-1, leader_epoch=5)],
        )
        for name in ("orders", "audit")
    },
)

PLAIN = ConnectionSecurity(broker="b:1")


class Engine:
    """As much of an engine as is looked at."""

    def __init__(self, error: DekafError | None = None) -> None:
        self.error = error

    def metadata(self) -> ClusterMetadata:
        return METADATA

    def in_flight_requests(self) -> int:
        return 3

    def connected_brokers(self) -> int:
        return 1

    def connections(self) -> tuple[ConnectionSecurity, ...]:
        return (PLAIN,)

    def unavailable_for(self) -> float | None:
        return 6.5

    def refusal(self, topic: str) -> ProduceError | None:
        return TopicAuthorizationError("not for you", topic=topic, code=29) if topic == "theirs" else None

    def last_error(self) -> DekafError | None:
        return self.error


def test_producer_that_has_not_started_knows_nothing_and_says_so() -> None:
    accumulator = accumulator_of(buffer_memory=5_000)

    status = snapshot(ProducerState.IDLE, None, accumulator, ProducerStatistics(), 0)

    assert (status.state, status.buffered_records, status.buffered_bytes) == (ProducerState.IDLE, 0, 0)
    assert (status.buffer_memory, status.known_brokers, status.connected_brokers, status.topics) == (5_000, 0, 0, ())
    assert status.connections == ()
    assert status.pid == os.getpid()


def test_snapshot_counts_what_is_buffered_and_what_the_engine_knows() -> None:
    accumulator = accumulator_of(buffer_memory=5_000)
    charged = 0
    topic = open_topic(accumulator)
    for _ in range(2):
        append(accumulator, topic)
    charged = int(accumulator.buffer.capacity - accumulator.buffer.free)
    statistics = ProducerStatistics()
    statistics.delivered, statistics.failed, statistics.retries = 5, 2, 1
    statistics.last_error = "gone"
    statistics.drop_callbacks(4)

    status = snapshot(ProducerState.RUNNING, Engine(), accumulator, statistics, 7)  # type: ignore[arg-type]

    assert (status.buffered_records, status.buffered_bytes) == (2, charged)
    assert (status.in_flight_requests, status.known_brokers, status.connected_brokers) == (3, 2, 1)
    assert (status.topics, status.connections) == (("audit", "orders"), (PLAIN,))
    assert (status.delivered_total, status.failed_total, status.retries_total) == (5, 2, 1)
    assert status.last_error == "gone"
    assert (status.callbacks_pending, status.callbacks_dropped_total) == (7, 4)


def test_partitions_are_told_with_their_leaders_and_none_where_there_is_none() -> None:
    assert partitions_of("orders", Engine(), "max_block_ms=5000") == (  # type: ignore[arg-type]
        PartitionInfo(topic="orders", partition=0, leader=1, leader_epoch=4),
        PartitionInfo(topic="orders", partition=1, leader=None, leader_epoch=5),
    )


@pytest.mark.parametrize("error", [None, BrokerConnectionError("Cannot connect to a:1.")])
def test_topic_that_is_not_known_is_an_error_with_the_reason(error: DekafError | None) -> None:
    with pytest.raises(UnknownTopicOrPartitionError, match="max_block_ms=5000") as caught:
        partitions_of("late", Engine(error), "max_block_ms=5000")  # type: ignore[arg-type]

    assert caught.value.topic == "late"
    assert caught.value.is_retriable
    assert caught.value.__cause__ is error


def test_topic_that_is_not_for_this_client_is_an_error_of_its_own() -> None:
    with pytest.raises(TopicAuthorizationError, match="not for you") as caught:
        partitions_of("theirs", Engine(), "max_block_ms=5000")  # type: ignore[arg-type]

    assert (caught.value.topic, caught.value.code) == ("theirs", 29)


def test_without_an_engine_no_topic_is_known() -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        partitions_of("orders", None, "max_block_ms=5000")
