"""A port that is opened, closed and opened again."""

from __future__ import annotations

import socket

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import FakeCluster
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import RawClient


def code_of(broker: RawClient, data: bytes, partition: int = 0) -> int:
    (answered,) = broker.produce(("orders", partition, data))
    return int(answered.error_code)


def test_broker_starts_again_on_its_port(cluster: FakeCluster) -> None:
    port = cluster.broker(1).port
    cluster.stop_broker(1)
    assert not cluster.broker(1).is_running

    cluster.start_broker(1)

    assert cluster.broker(1).port == port
    with RawClient(cluster.broker(1)) as client:
        assert code_of(client, batch()) == ErrorCode.NONE


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="without it, a port cannot be kept while it is closed")
def test_port_of_a_stopped_broker_is_kept_for_it_until_the_cluster_ends() -> None:
    """The system gives free ports to whatever connects next: the broker could not start again on it."""
    with FakeCluster() as cluster:
        address = ("127.0.0.1", cluster.broker(1).port)
        cluster.stop_broker(1)
        cluster.stop_broker(1)

        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    with socket.socket() as other:
        other.bind(address)


def test_broker_can_start_again_elsewhere(cluster: FakeCluster) -> None:
    old = cluster.broker(1).address
    cluster.stop_broker(1)

    cluster.start_broker(1, new_port=True)

    assert cluster.broker(1).address != old
    assert cluster.bootstrap_servers == cluster.broker(1).address
    with RawClient(cluster.broker(1)) as client:
        assert client.metadata().brokers[0].port == cluster.broker(1).port
