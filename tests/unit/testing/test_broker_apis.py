"""What a broker answers, in every version, seen over a plain socket and by other clients."""

from __future__ import annotations

import io

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import (
    FakeCluster,
    ReceivedMetadata,
    TopicSettings,
)
from tests.unit.testing import kafka_python
from tests.unit.testing.batches import batch, idempotent, records
from tests.unit.testing.raw_client import RawClient


@pytest.mark.parametrize("version", range(14))
def test_another_client_reads_the_metadata(version: int) -> None:
    with FakeCluster(nodes=2, topics={"orders": 3}) as cluster, RawClient(cluster.broker(1)) as client:
        topic = kafka_python.MetadataRequest.MetadataRequestTopic(version=version, name="orders")
        request = kafka_python.MetadataRequest(version=version, topics=[topic], allow_auto_topic_creation=True)
        client.request(ApiKey.METADATA, version, request.encode(version=version))
        frame = client.receive_frame()
        skipped = 5 if version >= 9 else 4  # the correlation id, and tagged fields

        response = kafka_python.MetadataResponse.decode(io.BytesIO(frame[skipped:]), version=version)

        assert {broker.node_id: broker.port for broker in response.brokers} == {
            node: cluster.broker(node).port for node in (1, 2)
        }
        assert [one.name for one in response.topics] == ["orders"]
        assert [(one.partition_index, one.leader_id) for one in response.topics[0].partitions] == [
            (0, 1),
            (1, 2),
            (2, 1),
        ]
        if version >= 10:
            assert response.topics[0].topic_id.bytes == cluster.topic_id("orders")


def test_metadata_names_what_does_not_exist_and_what_cannot(client: RawClient) -> None:
    response = client.metadata("missing", "not a name")

    assert [topic.error_code for topic in response.topics] == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.INVALID_TOPIC_EXCEPTION,
    ]


@pytest.mark.parametrize(("version", "body"), [(0, bytes(4)), (1, b"\xff\xff\xff\xff"), (12, b"\0\1\0\0")])
def test_all_topics_can_be_asked_for(cluster: FakeCluster, client: RawClient, version: int, body: bytes) -> None:
    client.request(ApiKey.METADATA, version, body)

    assert b"orders" in client.receive_frame()
    assert cluster.requests(ReceivedMetadata)[0].topics is None


def test_topic_can_be_asked_for_by_id(cluster: FakeCluster, client: RawClient) -> None:
    request = b"\3" + cluster.topic_id("orders") + b"\0\0" + bytes(15) + b"\1" + b"\0\0" + b"\1\0\0"

    client.request(ApiKey.METADATA, 12, request)
    frame = client.receive_frame()

    assert b"orders" in frame
    assert ErrorCode.UNKNOWN_TOPIC_ID.to_bytes(2, "big") + b"\0" in frame


def test_missing_topic_is_created_for_those_who_want_it() -> None:
    with FakeCluster(auto_create_topics=True) as cluster, RawClient(cluster.broker(1)) as client:
        unwanted = client.metadata("new", allow_auto_topic_creation=False)
        first = client.metadata("new", allow_auto_topic_creation=True)
        second = client.metadata("new", allow_auto_topic_creation=True)

    assert unwanted.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert first.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert second.topics[0].error_code == ErrorCode.NONE


@pytest.mark.parametrize("version", range(6))
def test_every_producer_gets_an_id_of_its_own(client: RawClient, version: int) -> None:
    first = client.init_producer_id(version)
    second = client.init_producer_id(version)

    assert (first.error_code, first.producer_id, first.producer_epoch) == (0, 1000, 0)
    assert second.producer_id == 1001


@pytest.mark.parametrize("version", range(6))
def test_another_client_reads_the_producer_id(client: RawClient, version: int) -> None:
    flexible = version >= 2
    body = (b"\0" if flexible else b"\xff\xff") + bytes(4)
    body += b"\xff" * 10 if version >= 3 else b""
    client.request(ApiKey.INIT_PRODUCER_ID, version, body + (b"\0" if flexible else b""))
    frame = client.receive_frame()

    response = kafka_python.InitProducerIdResponse.decode(io.BytesIO(frame[5 if flexible else 4 :]), version=version)

    assert (response.error_code, response.producer_id, response.producer_epoch) == (0, 1000, 0)


def test_ordered_producer_id_is_granted_once(cluster: FakeCluster, client: RawClient) -> None:
    cluster.grant_producer_id(5, epoch=32_766)

    granted = client.init_producer_id()

    assert (granted.producer_id, granted.producer_epoch) == (5, 32_766)
    assert client.init_producer_id().producer_id == 1000


def test_impossible_identities_are_refused(client: RawClient) -> None:
    assert client.init_producer_id(producer_id=3).error_code == ErrorCode.INVALID_REQUEST
    assert client.init_producer_id(transactional_id="").error_code == ErrorCode.INVALID_REQUEST
    assert client.init_producer_id(transactional_id="tx").error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


@pytest.mark.parametrize("version", range(3, 14))
def test_batch_is_stored(cluster: FakeCluster, client: RawClient, version: int) -> None:
    sent = client.send_produce(("orders", 1, batch(count=2)), version=version, topic_id=cluster.topic_id("orders"))
    frame = client.receive_frame()

    response = kafka_python.ProduceResponse.decode(io.BytesIO(frame[5 if version >= 9 else 4 :]), version=version)
    partition = response.responses[0].partition_responses[0]

    assert int.from_bytes(frame[:4], "big") == sent
    assert (partition.index, partition.error_code, partition.base_offset) == (1, 0, 0)
    assert partition.log_append_time_ms == -1
    assert [record.value for record in cluster.log("orders", 1)] == [b"0", b"1"]


@pytest.mark.parametrize("version", [8, 9, 12])
def test_record_errors_reach_the_client(cluster: FakeCluster, client: RawClient, version: int) -> None:
    cluster.create_topic("compact", 1, TopicSettings(compacted=True))

    (partition,) = client.produce(("compact", 0, batch(records((b"k", b"1"), (None, b"2")), count=2)), version=version)

    assert partition.error_code == ErrorCode.INVALID_RECORD
    assert list(partition.record_errors) == [1]
    assert partition.error_message == "One or more records have been rejected"


def test_several_batches_are_judged_one_by_one(cluster: FakeCluster, client: RawClient) -> None:
    answered = client.produce(("orders", 0, batch()), ("orders", 1, batch(crc=1)), ("missing", 0, batch()))

    assert [(partition.error_code, partition.base_offset) for partition in answered] == [
        (ErrorCode.NONE, 0),
        (ErrorCode.CORRUPT_MESSAGE, -1),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1),
    ]
    assert len(cluster.log("orders")) == 1


def test_missing_partition_is_unknown(client: RawClient) -> None:
    (partition,) = client.produce(("orders", 2, batch()))

    assert partition.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_unknown_topic_id_is_named_in_the_answer(client: RawClient) -> None:
    unknown = bytes(15) + b"\1"
    sent = client.send_produce(("", 0, batch()), version=13, topic_id=unknown)

    (topic,) = client.produce_response(sent, 13).topics

    assert topic.topic_id == unknown
    assert topic.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_impossible_acks_are_refused(client: RawClient) -> None:
    (partition,) = client.produce(("orders", 0, batch()), acks=2)

    assert partition.error_code == ErrorCode.INVALID_REQUIRED_ACKS


def test_duplicate_is_answered_with_the_original_offset(cluster: FakeCluster, client: RawClient) -> None:
    for _ in range(2):
        (partition,) = client.produce(("orders", 0, idempotent(0, 3)))
        assert (partition.error_code, partition.base_offset) == (0, 0)

    first, second = cluster.attempts("orders", 0)
    assert first.is_appended
    assert not second.is_appended
    assert first.batch == second.batch == idempotent(0, 3)


def test_request_that_wants_no_answer_gets_none(cluster: FakeCluster, client: RawClient) -> None:
    client.send_produce(acks=0)
    cluster.wait_for_records("orders", 1)

    assert client.api_versions(0).error_code == ErrorCode.NONE  # the next bytes belong to the next request


def test_failure_without_an_answer_closes_the_connection(client: RawClient) -> None:
    client.send_produce(("missing", 0, batch()), acks=0)

    assert client.is_closed_by_broker()


def test_partition_that_stands_twice_in_a_request_is_a_violation(cluster: FakeCluster, client: RawClient) -> None:
    client.produce(("orders", 0, batch()), ("orders", 0, batch()))

    assert cluster.violations == ["orders-0 stands twice in one Produce request"]


def test_topics_that_are_gone_are_told_apart_by_their_ids(cluster: FakeCluster, client: RawClient) -> None:
    client.produce(("", 0, batch()), ("", 0, batch()), version=13, topic_id=b"a" * 16 + b"b" * 16)

    assert cluster.violations == []


def test_idempotent_batch_without_all_acks_is_a_violation(cluster: FakeCluster, client: RawClient) -> None:
    client.produce(("orders", 0, idempotent(0)), acks=1)

    assert cluster.violations == ["orders-0: an idempotent batch with acks 1"]
