"""When a producer connects: with its first message, in the background, or before its constructor returns."""

from __future__ import annotations

import time

import pytest

from dekaf import BrokerConnectionError, Producer, ProducerState
from tests.kafka import KafkaCluster


def test_lazily_nothing_happens_before_the_first_message(
    kafka_cluster: KafkaCluster,
) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers) as producer:
        assert producer.status().state is ProducerState.IDLE


def test_in_the_background_it_connects_by_itself(kafka_cluster: KafkaCluster) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, start="background") as producer:
        deadline = time.monotonic() + 10
        while producer.status().known_brokers == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_eagerly_the_cluster_has_answered_when_the_constructor_returns(
    kafka_cluster: KafkaCluster,
) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, start="eager") as producer:
        assert producer.status().state is ProducerState.RUNNING


def test_eagerly_an_absent_cluster_fails_the_constructor() -> None:
    with pytest.raises(BrokerConnectionError, match=r"127\.0\.0\.1:1"):
        Producer(bootstrap_servers="127.0.0.1:1", start="eager", max_block_ms=300)


def test_controller_is_told_from_a_broker(kafka_cluster: KafkaCluster) -> None:
    address = f"127.0.0.1:{kafka_cluster.brokers[0].node.controller_port}"
    options = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1_000, "unavailable_after_ms": None}

    with (
        Producer(bootstrap_servers=address, **options) as producer,  # type: ignore[arg-type]  # two kinds of values
        pytest.raises(BrokerConnectionError, match="It may be a KRaft controller"),
    ):
        producer.check(3.0)
