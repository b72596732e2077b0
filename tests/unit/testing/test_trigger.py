"""Everything that can go wrong with a request, as a test says it."""

from __future__ import annotations

import time

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import MalformedResponseError
from dekaf.testing import FakeCluster, ReceivedProduce
from tests.unit.testing.batches import batch, idempotent
from tests.unit.testing.raw_client import RawClient


def codes(client: RawClient, *partitions: int) -> list[int]:
    answered = client.produce(*[("orders", partition, batch()) for partition in partitions or (0,)])
    return [int(partition.error_code) for partition in answered]


def test_failed_batch_can_be_stored_all_the_same(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True)

    assert codes(client) == [7]
    assert len(cluster.log("orders", 0)) == 1
    assert cluster.attempts()[0].error_code == 7
    assert cluster.attempts()[0].is_appended


def test_error_carries_message_and_record_errors(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, message="no", record_errors={0: "bad", 3: None})

    (answered,) = client.produce(("orders", 0, batch()))

    assert answered.error_message == "no"
    assert answered.record_errors == {0: "bad", 3: None}


def test_metadata_can_fail_for_a_topic(cluster: FakeCluster, client: RawClient) -> None:
    cluster.create_topic("audit")
    cluster.on(ApiKey.METADATA, topic="orders").fail_once(ErrorCode.LEADER_NOT_AVAILABLE)

    answered = client.metadata("orders", "audit").topics

    assert [topic.error_code for topic in answered] == [ErrorCode.LEADER_NOT_AVAILABLE, ErrorCode.NONE]
    assert client.metadata("orders").topics[0].error_code == ErrorCode.NONE


def test_metadata_can_fail_for_a_partition(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.METADATA, topic="orders", partition=1).fail_once(ErrorCode.LISTENER_NOT_FOUND)

    first, second = client.metadata("orders").topics[0].partitions

    assert (first.error_code, first.leader_id) == (ErrorCode.NONE, 1)
    assert (second.error_code, second.leader_id) == (ErrorCode.LISTENER_NOT_FOUND, -1)


def test_metadata_can_ask_the_client_to_start_over(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.METADATA).fail_once(ErrorCode.REBOOTSTRAP_REQUIRED)

    assert client.metadata("orders", version=13).error_code == ErrorCode.REBOOTSTRAP_REQUIRED


def test_metadata_can_name_no_brokers(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.METADATA).name_no_brokers()

    assert client.metadata("orders").brokers == ()
    assert len(client.metadata("orders").brokers) == 1


def test_metadata_can_name_another_leader_than_there_is(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.METADATA, topic="orders", partition=0).hint_leader(9, 4)

    partition = client.metadata("orders").topics[0].partitions[0]

    assert (partition.error_code, partition.leader_id, partition.leader_epoch) == (ErrorCode.NONE, 9, 4)


def test_greeting_can_fail(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.API_VERSIONS).fail_once(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)

    assert client.api_versions(3).error_code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED


def test_greeting_can_be_refused_in_a_version_that_is_advertised(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.API_VERSIONS).fail_once(ErrorCode.UNSUPPORTED_VERSION)

    refused = client.api_versions(4)

    assert (refused.error_code, refused.ranges) == (ErrorCode.UNSUPPORTED_VERSION, {})


def test_partition_can_be_left_out_of_the_answer(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE, partition=0).omit_partition()

    answered = client.produce(("orders", 0, batch()), ("orders", 1, batch()))

    assert [int(partition.index) for partition in answered] == [1]
    assert len(cluster.log("orders", 0)) == 1


def test_topic_and_partition_can_be_left_out_of_metadata(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.METADATA, topic="orders").omit_partition()
    cluster.on(ApiKey.METADATA, topic="orders", partition=0, nth=2).omit_partition()

    assert client.metadata("orders").topics == ()
    assert [partition.index for partition in client.metadata("orders").topics[0].partitions] == [1]


@pytest.mark.parametrize("version", [9, 13])
def test_answer_can_name_a_partition_nobody_asked_about(cluster: FakeCluster, client: RawClient, version: int) -> None:
    cluster.on(ApiKey.PRODUCE).add_partition("orders", 99)

    answered = client.produce(("orders", 0, batch()), version=version, topic_id=cluster.topic_id("orders"))

    assert [int(partition.index) for partition in answered] == [0, 99]


def test_every_answer_can_throttle(cluster: FakeCluster, client: RawClient) -> None:
    for api in ApiKey:
        cluster.on(api).throttle(250)

    assert client.api_versions(3).throttle_time_ms == 250
    assert client.metadata("orders").throttle_time_ms == 250
    assert client.init_producer_id().throttle_time_ms == 250
    assert client.produce_response(client.send_produce()).throttle_time_ms == 250
    assert client.produce_response(client.send_produce()).throttle_time_ms == 0


@pytest.mark.parametrize("version", [10, 13])
def test_leader_can_be_hinted_at(cluster: FakeCluster, client: RawClient, version: int) -> None:
    cluster.on(ApiKey.PRODUCE).hint_leader(1, 12)

    sent = client.send_produce(version=version, topic_id=cluster.topic_id("orders"))
    response = client.produce_response(sent, version)

    (answered,) = response.topics[0].partitions
    assert answered.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert answered.current_leader is not None
    assert (answered.current_leader.leader_id, answered.current_leader.leader_epoch) == (1, 12)
    assert [(node.node_id, node.port) for node in response.node_endpoints] == [(1, cluster.broker(1).port)]
    assert cluster.log("orders") == []


def test_delayed_answer_comes_after_the_delay(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).delay(0.1)
    started = time.monotonic()

    assert codes(client) == [0]
    assert time.monotonic() - started >= 0.1


def test_held_answer_comes_when_it_is_released(cluster: FakeCluster, client: RawClient) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    sent = client.send_produce()
    cluster.wait_until(lambda: held.waiting == 1)

    assert len(cluster.log("orders", 0)) == 1
    assert client.has_nothing_to_read()

    held.release()

    assert client.produce_response(sent).topics[0].partitions[0].error_code == 0
    assert codes(client) == [0]  # nothing is held any more


def test_request_can_be_held_up_before_it_is_stored(cluster: FakeCluster, client: RawClient) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold(before_append=True)
    sent = client.send_produce()
    cluster.wait_until(lambda: held.waiting == 1)
    stored = cluster.log("orders", 0)

    held.release()

    assert stored == []
    assert client.produce_response(sent).topics[0].partitions[0].base_offset == 0


def test_request_held_up_is_stored_even_if_its_client_has_gone(cluster: FakeCluster) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold(before_append=True)
    with RawClient(cluster.broker(1)) as client:
        client.send_produce(("orders", 0, idempotent(0)))
        cluster.wait_until(lambda: held.waiting == 1)
    cluster.wait_until(lambda: not cluster.connections[0].is_open)

    held.release()

    assert len(cluster.wait_for_records("orders", 1)) == 1


def test_requests_behind_a_held_one_are_received_but_wait_their_turn(cluster: FakeCluster, client: RawClient) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    sent = [client.send_produce() for _ in range(3)]

    cluster.wait_for_requests(ReceivedProduce, 3)
    cluster.wait_until(lambda: held.waiting == 1)
    assert len(cluster.log("orders", 0)) == 1

    held.release()

    offsets = [client.produce_response(one).topics[0].partitions[0].base_offset for one in sent]
    assert offsets == [0, 1, 2]


def test_clearing_faults_releases_what_is_held(cluster: FakeCluster, client: RawClient) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    sent = client.send_produce()
    cluster.wait_until(lambda: held.waiting == 1)

    cluster.clear_faults()

    assert client.produce_response(sent).topics[0].partitions[0].error_code == 0


@pytest.mark.parametrize(("append", "stored"), [(True, 1), (False, 0)])
def test_request_without_an_answer_blocks_its_connection_and_no_other(
    cluster: FakeCluster, client: RawClient, append: bool, stored: int
) -> None:
    fault = cluster.on(ApiKey.PRODUCE).never_answer(append=append)
    client.send_produce()
    client.send_produce()
    cluster.wait_until(lambda: fault.hits == 1)
    cluster.wait_for_requests(ReceivedProduce, 2)

    assert client.has_nothing_to_read()
    assert len(cluster.log("orders", 0)) == stored
    with RawClient(cluster.broker(1)) as another:
        assert codes(another) == [0]


def test_connection_can_end_before_the_batch_is_stored(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).close_before_append()
    client.send_produce()

    assert client.is_closed_by_broker()
    assert cluster.log("orders") == []


def test_connection_can_end_after_the_batch_was_stored(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).close_after_append()
    client.send_produce()

    assert client.is_closed_by_broker()
    assert len(cluster.log("orders")) == 1


def test_requests_behind_the_one_that_ended_the_connection_are_lost(cluster: FakeCluster, client: RawClient) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    cluster.on(ApiKey.PRODUCE).close_after_append()
    client.send_produce()
    client.send_produce()
    cluster.wait_for_requests(ReceivedProduce, 2)

    held.release()

    assert client.is_closed_by_broker()
    cluster.wait_until(lambda: not cluster.connections[0].is_open)
    assert len(cluster.log("orders")) == 1


def test_connection_can_be_reset(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.API_VERSIONS).reset()
    client.request(ApiKey.API_VERSIONS, 0, b"")

    assert client.is_reset_by_broker()


def test_answer_can_end_in_the_middle(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).half_a_frame()
    client.send_produce()

    size = int.from_bytes(client.receive(4), "big")
    rest = client.receive(size)

    assert 0 < len(rest) < size
    assert len(cluster.log("orders")) == 1


def test_answer_can_lack_its_last_bytes_in_a_frame_that_is_in_order(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).truncate()

    with pytest.raises(MalformedResponseError):
        client.produce_response(client.send_produce())
    assert codes(client) == [0]


def test_answer_can_have_another_requests_number(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).wrong_correlation_id()

    sent = client.send_produce()

    assert int.from_bytes(client.receive_frame()[:4], "big") == sent + 1


def test_answer_can_be_replaced_by_anything(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).garbage(b"\x15\x03\x01\0\2\2\x28")
    client.send_produce()

    assert client.receive(7) == b"\x15\x03\x01\0\2\2\x28"


def test_answer_can_be_rewritten(cluster: FakeCluster, client: RawClient) -> None:
    given: list[bytes] = []

    def backwards(answer: bytes) -> bytes:
        given.append(answer)
        return answer[::-1]

    cluster.on(ApiKey.PRODUCE).rewrite(backwards)
    client.send_produce()

    received = client.receive(4)
    assert received == given[0][::-1][:4]
    assert int.from_bytes(given[0][:4], "big") == len(given[0]) - 4
    assert len(cluster.log("orders", 0)) == 1
    client.receive(len(given[0]) - 4)
    assert codes(client) == [0]


def test_reset_closes_without_storing(cluster: FakeCluster, client: RawClient) -> None:
    cluster.on(ApiKey.PRODUCE).reset()
    client.send_produce()

    assert client.is_reset_by_broker()
    assert cluster.log("orders") == []
