"""The cluster as a whole: who leads what, who runs, and how a test waits."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack

import pytest

from dekaf import Producer
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError, TopicAuthorizationError
from dekaf.testing import FakeCluster, ReceivedProduce, TopicSettings
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import PATIENCE, RawClient


def leaders(client: RawClient, topic: str = "orders") -> list[tuple[int, int]]:
    return [(one.leader_id, one.leader_epoch) for one in client.metadata(topic).topics[0].partitions]


def test_stopped_broker_refuses_connections_and_others_lead_instead() -> None:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster, RawClient(cluster.broker(1)) as first:
        cluster.stop_broker(1)

        assert first.is_closed_by_broker()
        with pytest.raises(ConnectionRefusedError):
            RawClient(cluster.broker(1))
        with RawClient(cluster.broker(2)) as second:
            assert [broker.node_id for broker in second.metadata("orders").brokers] == [2]
            assert leaders(second) == [(2, 1), (2, 0)]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on its loopback interface")
def test_cluster_listens_on_ipv6_where_it_is_called_so() -> None:
    with FakeCluster(nodes=2, topics={"t": 1}, host="::1") as cluster:
        servers = cluster.bootstrap_servers
        with Producer(bootstrap_servers=servers) as producer:
            producer.produce("t", None, b"v")
            hosts = {broker.host for broker in producer.check().brokers}

    assert servers == ",".join(f"[::1]:{broker.port}" for broker in cluster.brokers)
    assert hosts == {"::1"}
    assert len(cluster.log("t")) == 1


def test_broker_can_stop_without_an_election() -> None:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster:
        cluster.stop_broker(1, elect=False)

        assert cluster.leader("orders", 0) == 1


# What brokers have not heard of, and other clusters.


def test_broker_with_frozen_metadata_describes_the_topics_as_they_were() -> None:
    with FakeCluster(nodes=2, topics={"orders": 2}) as cluster, RawClient(cluster.broker(1)) as stale:
        before = cluster.topic_id("orders")
        cluster.freeze_metadata(1)
        cluster.create_topic("orders", 3)
        cluster.create_topic("new", 1)

        assert (len(leaders(stale)), stale.metadata("orders").topics[0].topic_id) == (2, before)
        assert stale.metadata("new").topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert cluster.stale_answers(1) == 3
        with RawClient(cluster.broker(2)) as fresh:
            assert len(leaders(fresh)) == 3
        cluster.thaw_metadata(1)
        assert len(leaders(stale)) == 3
        assert cluster.stale_answers(1) == 3


def test_cluster_that_is_replaced_has_another_id_other_topic_ids_and_empty_logs() -> None:
    with FakeCluster(topics={"orders": 2}) as cluster, RawClient(cluster.broker(1)) as client:
        client.produce(("orders", 0, batch()))
        before = cluster.topic_id("orders")
        cluster.replace_cluster("other")

        answer = client.metadata("orders")
        assert answer.cluster_id == cluster.cluster_id == "other"
        assert answer.topics[0].topic_id != before
        assert len(answer.topics[0].partitions) == 2
        assert cluster.log("orders") == []
        assert cluster.topics() == ["orders"]


def test_one_broker_may_belong_to_another_cluster() -> None:
    with FakeCluster(nodes=2) as cluster, RawClient(cluster.broker(1)) as one, RawClient(cluster.broker(2)) as two:
        cluster.tell_cluster_id(2, "stranger")

        assert (one.metadata().cluster_id, two.metadata().cluster_id) == (cluster.cluster_id, "stranger")


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


def free_ports(count: int) -> int:
    """Return a port that is free, and so many after it."""
    for _ in range(100):
        with ExitStack() as stack:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
            try:
                for number in range(1, count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", first + number))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports in a row")


def test_brokers_listen_at_fixed_ports_and_do_so_again() -> None:
    port = free_ports(2)

    for _ in range(2):
        with FakeCluster(nodes=2, port=port) as cluster:
            assert cluster.bootstrap_servers == f"127.0.0.1:{port},127.0.0.1:{port + 1}"
            cluster.stop_broker(1)
            cluster.start_broker(1)
            socket.create_connection(("localhost", port)).close()


def test_a_port_that_is_taken_is_refused_and_leaves_nothing_behind() -> None:
    with FakeCluster() as first:
        taken = first.broker(1).port
        threads = threading.active_count()

        with pytest.raises(ConfigurationError, match=f"port {taken} of 127.0.0.1 cannot be listened on"):
            FakeCluster(port=taken).start()

        assert threading.active_count() == threads


@pytest.mark.parametrize(("port", "nodes"), [(-1, 1), (65536, 1), (65535, 2)])
def test_ports_must_exist(port: int, nodes: int) -> None:
    with pytest.raises(ConfigurationError, match="port must be between 0 and"):
        FakeCluster(port=port, nodes=nodes)


def test_a_topic_may_be_seen_and_not_written_to() -> None:
    with FakeCluster() as cluster:
        cluster.create_topic("audit", 1, TopicSettings(is_writable=False))
        with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            assert len(producer.partitions_for("audit")) == 1
            with pytest.raises(TopicAuthorizationError):
                producer.produce("audit", value=b"a")

        assert cluster.log("audit") == []
