"""Which requests a fault strikes, and how often."""

from __future__ import annotations

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import ALWAYS, FakeCluster
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import RawClient


def codes(client: RawClient, *partitions: int) -> list[int]:
    answered = client.produce(*[("orders", partition, batch()) for partition in partitions or (0,)])
    return [int(partition.error_code) for partition in answered]


def test_fault_strikes_once_by_default(cluster: FakeCluster, client: RawClient) -> None:
    fault = cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.REQUEST_TIMED_OUT)

    assert [codes(client), codes(client)] == [[7], [0]]
    assert fault.hits == 1
    assert len(cluster.log("orders", 0)) == 1


def test_fault_strikes_as_often_as_it_is_told(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.REQUEST_TIMED_OUT, times=2)

    assert [codes(client) for _ in range(3)] == [[7], [7], [0]]


def test_fault_strikes_until_it_is_cancelled(cluster: FakeCluster, client: RawClient) -> None:
    fault = cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.REQUEST_TIMED_OUT)
    struck = [codes(client) for _ in range(3)]
    fault.cancel()

    assert struck == [[7], [7], [7]]
    assert codes(client) == [0]


def test_faults_of_one_kind_queue_up(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.REQUEST_TIMED_OUT)
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.NOT_ENOUGH_REPLICAS)

    assert [codes(client) for _ in range(3)] == [[7], [19], [0]]


def test_fault_can_wait_for_the_nth_request(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE, nth=3).fail_once(ErrorCode.REQUEST_TIMED_OUT)

    assert [codes(client) for _ in range(4)] == [[0], [0], [7], [0]]


def test_fault_strikes_only_the_partition_it_names(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE, topic="orders", partition=1).fail_once(ErrorCode.REQUEST_TIMED_OUT)

    assert codes(client, 0, 1) == [0, 7]


def test_fault_without_a_partition_strikes_all_of_a_request(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.REQUEST_TIMED_OUT)

    assert codes(client, 0, 1) == [7, 7]


def test_fault_strikes_only_the_topic_it_names(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE, topic="audit").fail_once(ErrorCode.REQUEST_TIMED_OUT)

    assert codes(client) == [0]


def test_fault_strikes_only_the_broker_it_names() -> None:
    with FakeCluster(nodes=2) as cluster:
        cluster.broker(2).on(ApiKey.INIT_PRODUCER_ID).fail_once(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)

        with RawClient(cluster.broker(1)) as first, RawClient(cluster.broker(2)) as second:
            assert first.init_producer_id().error_code == ErrorCode.NONE
            assert second.init_producer_id().error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def test_fault_strikes_only_the_api_it_names(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.INIT_PRODUCER_ID).fail_once(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)

    assert codes(client) == [0]


def test_cleared_faults_strike_no_more(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.REQUEST_TIMED_OUT)
    cluster.clear_faults()

    assert codes(client) == [0]


def test_faults_of_different_kinds_strike_the_same_request(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).throttle(70, times=ALWAYS)
    cluster.on(ApiKey.PRODUCE, partition=0).fail_once(ErrorCode.REQUEST_TIMED_OUT)
    held = cluster.on(ApiKey.PRODUCE).hold()
    sent = client.send_produce()
    cluster.wait_until(lambda: held.waiting == 1)

    held.release()
    response = client.produce_response(sent)

    assert response.throttle_time_ms == 70
    assert response.topics[0].partitions[0].error_code == ErrorCode.REQUEST_TIMED_OUT
