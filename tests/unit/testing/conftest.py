"""Fixtures for tests against a fake cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.testing import FakeCluster
from tests.kafka.users import SCRAM_USERS
from tests.unit.testing.raw_client import RawClient


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """One broker with the topic orders of two partitions."""
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster


@pytest.fixture
def sasl_cluster() -> Iterator[FakeCluster]:
    """One broker that wants to know who comes: alice, or those with a password of SCRAM."""
    with FakeCluster(topics={"orders": 1}, sasl={**SCRAM_USERS, "alice": "wonder"}) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: FakeCluster) -> Iterator[RawClient]:
    """A connection to that broker."""
    with RawClient(cluster.broker(1)) as client:
        yield client
