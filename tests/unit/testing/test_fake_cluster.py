"""The cluster as a whole: who leads what, who runs, and how a test waits."""

from __future__ import annotations

import socket
import threading

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError
from dekaf.testing import FakeCluster, ReceivedProduce
from tests.unit.testing.batches import batch, idempotent
from tests.unit.testing.raw_client import PATIENCE, RawClient


def leaders(client: RawClient, topic: str = "orders") -> list[tuple[int, int]]:
    return [(one.leader_id, one.leader_epoch) for one in client.metadata(topic).topics[0].partitions]


def code_of(broker: RawClient, data: bytes, partition: int = 0) -> int:
    (answered,) = broker.produce(("orders", partition, data))
    return int(answered.error_code)


# Leaders.


def test_brokers_lead_partitions_in_turn() -> None:
    with FakeCluster(nodes=3, topics={"orders": 4}) as cluster, RawClient(cluster.broker(2)) as client:
        assert leaders(client) == [(1, 0), (2, 0), (3, 0), (1, 0)]
        assert [cluster.leader("orders", partition) for partition in range(4)] == [1, 2, 3, 1]


def test_only_the_leader_takes_batches_and_others_name_it() -> None:
    with FakeCluster(nodes=2, topics={"orders": 1}) as cluster, RawClient(cluster.broker(2)) as client:
        response = client.produce_response(client.send_produce(version=12), 12)

        answered = response.topics[0].partitions[0]
        assert answered.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert answered.current_leader is not None
        assert answered.current_leader.leader_id == 1
        assert [node.port for node in response.node_endpoints] == [cluster.broker(1).port]


def test_brokers_may_keep_the_leader_to_themselves() -> None:
    with FakeCluster(nodes=2, topics={"orders": 1}) as cluster, RawClient(cluster.broker(2)) as client:
        cluster.hint_leaders(enabled=False)

        response = client.produce_response(client.send_produce(version=12), 12)

        assert response.topics[0].partitions[0].current_leader is None
        assert response.node_endpoints == []


def test_moved_leader_takes_over_the_log_and_the_sequences() -> None:
    with (
        FakeCluster(nodes=2, topics={"orders": 1}) as cluster,
        RawClient(cluster.broker(1)) as first,
        RawClient(cluster.broker(2)) as second,
    ):
        assert code_of(first, idempotent(0)) == ErrorCode.NONE

        cluster.move_leader("orders", 0, 2)

        assert code_of(first, idempotent(1)) == ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert code_of(second, idempotent(2)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert code_of(second, idempotent(1)) == ErrorCode.NONE
        assert leaders(second) == [(2, 1)]
        assert cluster.leader_epoch("orders", 0) == 1


def test_partition_can_be_without_a_leader(cluster: FakeCluster, client: RawClient) -> None:
    cluster.move_leader("orders", 0, None)

    partition = client.metadata("orders").topics[0].partitions[0]

    assert (partition.error_code, partition.leader_id) == (ErrorCode.LEADER_NOT_AVAILABLE, -1)
    assert code_of(client, batch()) == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_leader_can_forget_producers(cluster: FakeCluster, client: RawClient) -> None:
    for partition in (0, 1):
        code_of(client, idempotent(0), partition)

    cluster.forget_producers("orders", 0)

    assert code_of(client, idempotent(9), 0) == ErrorCode.NONE
    assert code_of(client, idempotent(9), 1) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


# Topics.


def test_topic_of_the_same_name_is_another_topic(cluster: FakeCluster, client: RawClient) -> None:
    old = cluster.topic_id("orders")
    client.produce(("orders", 0, batch()))

    cluster.create_topic("orders", 1)
    (answered,) = client.produce(("orders", 0, batch()), version=13, topic_id=old)

    assert cluster.topic_id("orders") != old
    assert cluster.log("orders") == []
    assert answered.error_code == ErrorCode.UNKNOWN_TOPIC_ID
    assert client.metadata("orders").topics[0].topic_id == cluster.topic_id("orders")


def test_deleted_topic_is_unknown(cluster: FakeCluster, client: RawClient) -> None:
    cluster.delete_topic("orders")

    assert code_of(client, batch()) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_topic_can_grow(cluster: FakeCluster, client: RawClient) -> None:
    cluster.add_partitions("orders", 2)

    assert len(leaders(client)) == 4
    assert code_of(client, batch(), 3) == ErrorCode.NONE


# Brokers that stop and start.


def test_stopped_broker_refuses_connections_and_others_lead_instead() -> None:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster, RawClient(cluster.broker(1)) as first:
        cluster.stop_broker(1)

        assert first.is_closed_by_broker()
        with pytest.raises(ConnectionRefusedError):
            RawClient(cluster.broker(1))
        with RawClient(cluster.broker(2)) as second:
            assert [broker.node_id for broker in second.metadata("orders").brokers] == [2]
            assert leaders(second) == [(2, 1), (2, 0)]


def test_broker_can_stop_without_an_election() -> None:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster:
        cluster.stop_broker(1, elect=False)

        assert cluster.leader("orders", 0) == 1


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


# Waiting and looking.


def test_waiting_ends_when_the_condition_holds(cluster: FakeCluster) -> None:
    def produce() -> None:
        with RawClient(cluster.broker(1)) as client:
            client.produce(("orders", 1, batch(count=2)))

    worker = threading.Thread(target=produce)
    worker.start()

    assert [record.partition for record in cluster.wait_for_records("orders", 2)] == [1, 1]
    assert len(cluster.wait_for_requests(ReceivedProduce)) == 1
    worker.join(PATIENCE)


def test_waiting_in_vain_says_what_the_cluster_saw(cluster: FakeCluster, client: RawClient) -> None:
    client.api_versions(0)
    client.produce(("orders", 0, batch()))

    with pytest.raises(TimeoutError, match=r"1 ApiVersions, 1 Produce; connections: 1; records: orders 1$"):
        cluster.wait_until(lambda: len(cluster.log("orders")) == 2, timeout=0.01)


def test_attempts_can_be_asked_for_by_partition(cluster: FakeCluster, client: RawClient) -> None:
    client.produce(("orders", 0, batch()), ("orders", 1, batch(count=2)))

    (attempt,) = cluster.attempts("orders", 1)

    assert attempt.header is not None
    assert (attempt.header.record_count, attempt.batch, attempt.node_id) == (2, batch(count=2), 1)
    assert len(cluster.attempts()) == 2


def test_unknown_release_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"kafka='1\.0': must be one of 2\.1"):
        FakeCluster(kafka="1.0")


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
