"""What the brokers of a cluster share: who leads what, and topics that come, go and grow."""

from __future__ import annotations

from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import FakeCluster
from tests.unit.testing.batches import batch, idempotent
from tests.unit.testing.raw_client import RawClient


def code_of(broker: RawClient, data: bytes, partition: int = 0) -> int:
    (answered,) = broker.produce(("orders", partition, data))
    return int(answered.error_code)


def leaders(client: RawClient, topic: str = "orders") -> list[tuple[int, int]]:
    return [(one.leader_id, one.leader_epoch) for one in client.metadata(topic).topics[0].partitions]


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
