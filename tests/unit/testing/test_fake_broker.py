"""What one broker answers, in every version, seen over a plain socket."""

from __future__ import annotations

import io

import pytest

from dekaf._protocol.api import ApiKey, VersionRange
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import (
    FakeCluster,
    ReceivedApiVersions,
    ReceivedInitProducerId,
    ReceivedMetadata,
    ReceivedProduce,
    TopicSettings,
    UnknownVersionAnswer,
)
from tests.unit.testing import kafka_python
from tests.unit.testing.batches import batch, idempotent, records
from tests.unit.testing.raw_client import RawClient, produce_body

# ApiVersions.


@pytest.mark.parametrize("version", range(5))
def test_broker_tells_its_versions(client: RawClient, version: int) -> None:
    response = client.api_versions(version)

    assert response.error_code == ErrorCode.NONE
    assert response.ranges[ApiKey.PRODUCE] == VersionRange(0, 13)
    assert response.ranges[ApiKey.API_VERSIONS] == VersionRange(0, 4)


@pytest.mark.parametrize("version", range(5))
def test_another_client_reads_the_versions(client: RawClient, version: int) -> None:
    body = b"\x04raw\x041.0\0" if version >= 3 else b""
    sent = client.request(ApiKey.API_VERSIONS, version, body)
    frame = client.receive_frame()

    response = kafka_python.ApiVersionsResponse.decode(io.BytesIO(frame[4:]), version=version)

    assert int.from_bytes(frame[:4], "big") == sent
    assert {key.api_key: (key.min_version, key.max_version) for key in response.api_keys}[3] == (0, 13)


def test_versions_can_be_replaced_one_by_one() -> None:
    with FakeCluster(versions={ApiKey.PRODUCE: (0, 7)}) as cluster, RawClient(cluster.broker(1)) as client:
        assert client.api_versions(0).ranges[ApiKey.PRODUCE] == VersionRange(0, 7)


def test_old_release_advertises_its_own_versions() -> None:
    with FakeCluster(kafka="2.1") as cluster, RawClient(cluster.broker(1)) as client:
        ranges = client.api_versions(2).ranges

    assert ranges[ApiKey.METADATA] == VersionRange(0, 7)
    assert ranges[ApiKey.INIT_PRODUCER_ID] == VersionRange(0, 1)


def test_upgraded_broker_advertises_more_to_new_connections() -> None:
    with FakeCluster(kafka="2.8") as cluster:
        cluster.broker(1).advertise({ApiKey.PRODUCE: (0, 12)})

        with RawClient(cluster.broker(1)) as client:
            assert client.api_versions(3).ranges[ApiKey.PRODUCE] == VersionRange(0, 12)


def test_unknown_version_is_answered_with_what_is_known(client: RawClient) -> None:
    response = client.api_versions(99)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.ranges == {ApiKey.API_VERSIONS: VersionRange(0, 4)}
    assert client.api_versions(4).error_code == ErrorCode.NONE  # the connection goes on


def test_release_before_2_4_does_not_say_what_it_knows() -> None:
    with FakeCluster(kafka="2.1") as cluster, RawClient(cluster.broker(1)) as client:
        response = client.api_versions(3)

    assert (response.error_code, response.ranges) == (ErrorCode.UNSUPPORTED_VERSION, {})


def test_unknown_version_may_reset_the_connection() -> None:
    with (
        FakeCluster(unknown_version=UnknownVersionAnswer.RESET) as cluster,
        RawClient(cluster.broker(1)) as client,
    ):
        client.request(ApiKey.API_VERSIONS, 99, b"")

        assert client.is_reset_by_broker()


@pytest.mark.parametrize("token", ["", "has space", "1.0+local", "-dash", "under_score"])
def test_software_name_and_version_must_be_tokens(client: RawClient, token: str) -> None:
    encoded = bytes([len(token) + 1]) + token.encode()

    assert client.api_versions_with(3, b"\x02a" + encoded + b"\0").error_code == ErrorCode.INVALID_REQUEST
    assert client.api_versions_with(3, encoded + b"\x02a" + b"\0").error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        pytest.param(b"\0\xff\xff\xff\xff", ErrorCode.NONE, id="nothing expected"),
        pytest.param(b"\x0dfake-cluster\0\0\0\1", ErrorCode.NONE, id="this broker"),
        pytest.param(b"\x0dfake-cluster\0\0\0\2", ErrorCode.REBOOTSTRAP_REQUIRED, id="another broker"),
        pytest.param(b"\2x\0\0\0\1", ErrorCode.REBOOTSTRAP_REQUIRED, id="another cluster"),
        pytest.param(b"\0\0\0\0\1", ErrorCode.INVALID_REQUEST, id="node without a cluster"),
    ],
)
def test_newest_broker_checks_whom_the_client_expects(identity: bytes, code: ErrorCode) -> None:
    with FakeCluster(kafka="4.4") as cluster, RawClient(cluster.broker(1)) as client:
        sent = client.request(ApiKey.API_VERSIONS, 5, b"\x02a\x02b" + identity + b"\0")

        assert client.response(ApiKey.API_VERSIONS, 5, sent).take_i16() == code


# Metadata.


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


# InitProducerId.


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


# Produce.


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


def test_idempotent_batch_without_all_acks_is_a_violation(cluster: FakeCluster, client: RawClient) -> None:
    client.produce(("orders", 0, idempotent(0)), acks=1)

    assert cluster.violations == ["orders-0: an idempotent batch with acks 1"]


# What is no request.


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff\xff\xff", id="negative size"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\0\0\0\2\0\3", id="no header"),
        pytest.param(b"\0\0\0\x0a\0\x01\0\x04\0\0\0\1\xff\xff", id="an API that is not served"),
        pytest.param(b"\0\0\0\x0a\0\x03\0\x63\0\0\0\1\xff\xff", id="a version that is not advertised"),
        pytest.param(b"\0\0\0\x0a\0\x00\0\x02\0\0\0\1\xff\xff", id="a batch format of old"),
        pytest.param(b"\0\0\0\x0b\0\x12\0\x00\0\0\0\1\xff\xff\0", id="bytes behind the request"),
    ],
)
def test_what_is_no_request_closes_the_connection(cluster: FakeCluster, client: RawClient, data: bytes) -> None:
    client.send(data)

    assert client.is_closed_by_broker()
    assert len(cluster.violations) == 1


# What the broker remembers.


def test_requests_are_remembered_with_their_essentials(cluster: FakeCluster, client: RawClient) -> None:
    client.api_versions(3, "raw-client", "2.5")
    client.metadata("orders", allow_auto_topic_creation=True)
    client.init_producer_id()
    client.produce(("orders", 0, batch()), ("orders", 1, batch()))

    (greeting,) = cluster.requests(ReceivedApiVersions)
    (metadata,) = cluster.requests(ReceivedMetadata)
    (identity,) = cluster.requests(ReceivedInitProducerId)
    (produce,) = cluster.requests(ReceivedProduce)
    assert (greeting.client_software_name, greeting.client_software_version) == ("raw-client", "2.5")
    assert (metadata.topics, metadata.allow_auto_topic_creation, metadata.version) == (("orders",), True, 12)
    assert (identity.transactional_id, identity.transaction_timeout_ms) == (None, 60_000)
    assert (produce.acks, produce.timeout_ms, produce.partitions) == (-1, 30_000, (("orders", 0), ("orders", 1)))
    assert produce.header.client_id == "raw"
    assert [request.api_key for request in cluster.broker(1).requests] == [18, 3, 22, 0]


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


def test_request_in_many_pieces_and_many_requests_in_one_piece_are_understood(client: RawClient) -> None:
    body = produce_body([("orders", 0, batch())], version=9)
    sent = client.request(ApiKey.PRODUCE, 9, body)
    client.produce_response(sent)
    frame = b"\0\0\0\x0a\0\x12\0\x00\0\0\0\x07\xff\xff"

    for position in range(len(frame)):
        client.send(frame[position : position + 1])
    client.send(frame * 3)

    assert [client.receive_frame()[:4] for _ in range(4)] == [b"\0\0\0\x07"] * 4
