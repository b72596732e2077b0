"""The cluster's thread ends with it, whatever is under way."""

from __future__ import annotations

import threading

from dekaf._protocol.api import ApiKey
from dekaf.testing import FakeCluster
from tests.unit.testing.raw_client import RawClient


def test_cluster_ends_its_thread() -> None:
    with FakeCluster(nodes=2) as cluster, RawClient(cluster.broker(1)) as client:
        client.api_versions(0)
        assert [thread.name for thread in threading.enumerate()].count("dekaf-fake-cluster") == 1

    assert "dekaf-fake-cluster" not in [thread.name for thread in threading.enumerate()]


def test_cluster_ends_while_requests_are_held() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster, RawClient(cluster.broker(1)) as client:
        held = cluster.on(ApiKey.PRODUCE).hold()
        client.send_produce()
        cluster.wait_until(lambda: held.waiting == 1)

    assert "dekaf-fake-cluster" not in [thread.name for thread in threading.enumerate()]


def test_cluster_that_was_never_started_can_be_stopped() -> None:
    FakeCluster().stop()
