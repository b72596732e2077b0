"""Metadata cannot be held hostage: by a broker that throttles, leaves another one out, or ends in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from dekaf import Producer
from dekaf.testing import ApiKey, FakeCluster

PATIENCE = 20.0  # seconds


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"a": 1, "b": 1}) as cluster:
        cluster.move_leader("a", 0, 1)
        cluster.move_leader("b", 0, 2)
        yield cluster


def test_throttled_connection_does_not_keep_others_from_being_made(cluster: FakeCluster) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers.split(",")[0]) as producer:
        producer.produce("a", None, b"1")
        cluster.on(ApiKey.PRODUCE).throttle(60_000)
        producer.produce("a", None, b"2")

        assert producer.produce("b", None, b"3", timeout=PATIENCE).offset == 0
        assert len(producer.check(PATIENCE).brokers) == 2


def test_check_asks_another_broker_when_a_connection_is_lost(cluster: FakeCluster) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("a", None, b"1")
        cluster.on(ApiKey.METADATA).close_before_append()

        assert len(producer.check(PATIENCE).brokers) == 2


def test_wait_of_a_batch_ends_when_its_new_leader_is_known(cluster: FakeCluster) -> None:
    cluster.hint_leaders(enabled=False)
    with Producer(
        bootstrap_servers=cluster.bootstrap_servers, retry_backoff_ms=10_000, retry_backoff_max_ms=10_000
    ) as producer:
        producer.produce("a", None, b"1")
        producer.produce("b", None, b"1")
        cluster.move_leader("a", 0, 2)
        started = monotonic()

        producer.produce("a", None, b"2", timeout=PATIENCE)

    assert monotonic() - started < 8.0
