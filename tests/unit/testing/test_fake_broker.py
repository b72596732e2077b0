"""One broker: its address, its connections, and what it reads of them."""

from __future__ import annotations

import socket

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import (
    FakeCluster,
)
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import RawClient


def test_connections_are_remembered_with_who_opened_them(cluster: FakeCluster) -> None:
    with RawClient(cluster.broker(1)) as client:
        client.api_versions(3, "raw-client", "2.5")
    cluster.wait_until(lambda: not cluster.connections[0].is_open)
    with RawClient(cluster.broker(1)) as client:
        client.api_versions(0)

    first, second = cluster.broker(1).connections
    assert (first.number, first.client_id, first.software_name, first.software_version) == (
        1,
        "raw",
        "raw-client",
        "2.5",
    )
    assert (second.number, second.software_name) == (2, "")


def code_of(broker: RawClient, data: bytes, partition: int = 0) -> int:
    (answered,) = broker.produce(("orders", partition, data))
    return int(answered.error_code)


def test_broker_can_advertise_another_address(cluster: FakeCluster, client: RawClient) -> None:
    cluster.broker(1).advertise_address("kafka.internal", 9092)

    (broker,) = client.metadata().brokers

    assert (broker.host, broker.port) == ("kafka.internal", 9092)


def test_broker_can_close_its_connections_and_go_on(cluster: FakeCluster, client: RawClient) -> None:
    client.api_versions(0)
    cluster.broker(1).close_connections()

    assert client.is_closed_by_broker()
    with RawClient(cluster.broker(1)) as another:
        assert code_of(another, batch()) == ErrorCode.NONE


def test_broker_that_does_not_read_leaves_bytes_with_the_client() -> None:
    with (
        FakeCluster(topics={"orders": 1}, receive_buffer_bytes=4096) as cluster,
        socket.create_connection((cluster.broker(1).host, cluster.broker(1).port), timeout=0.2) as client,
    ):
        cluster.wait_until(lambda: cluster.connections)
        cluster.broker(1).pause_reading()

        with pytest.raises(TimeoutError):
            client.sendall(b"\0\xf0\0\0" + bytes(0xF00000))
        assert cluster.requests() == []


def test_broker_reads_on_where_it_paused(cluster: FakeCluster, client: RawClient) -> None:
    client.api_versions(0)
    cluster.broker(1).pause_reading()
    sent = client.send_produce()
    assert client.has_nothing_to_read()

    cluster.broker(1).resume_reading()

    assert client.produce_response(sent).topics[0].partitions[0].error_code == ErrorCode.NONE


def test_paused_broker_does_not_read_from_new_connections_either(cluster: FakeCluster) -> None:
    cluster.broker(1).pause_reading()

    with RawClient(cluster.broker(1)) as client:
        client.request(ApiKey.API_VERSIONS, 0, b"")
        assert client.has_nothing_to_read()
