"""Metadata requests and responses."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.metadata import OPERATIONS_NOT_TOLD, MetadataBroker, MetadataRequest, MetadataResponse
from dekaf._wire.reader import Reader
from dekaf.errors import MalformedResponseError
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import METADATA

ONE_TOPIC = MetadataRequest(topics=("t",), allow_auto_topic_creation=True)
TWO_TOPICS = MetadataRequest(topics=("t", "ü"), allow_auto_topic_creation=False)
TOPIC_ID = bytes.fromhex("0123456789abcdef0123456789abcdef")


def decode(version: int) -> MetadataResponse:
    return MetadataResponse.decode(Reader(bytes.fromhex(METADATA[version])), version)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (7, "0000001300030007000000020001630000000100017401"),
        (12, "000000230003000c00000002000163000200000000000000000000000000000000027400010000"),
    ],
)
def test_request_for_one_topic_has_its_known_bytes(version: int, expected: str) -> None:
    assert frame(ApiKey.METADATA, version, 2, ONE_TOPIC) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (7, "000000170003000700000002000163000000020001740002c3bc00"),
        (8, "000000190003000800000002000163000000020001740002c3bc000000"),
        (9, "000000180003000900000002000163000302740003c3bc0000000000"),
        (
            10,
            (
                "000000380003000a000000020001630003000000000000000000000000000000000274000000000000000000000000000000000003"
                "c3bc0000000000"
            ),
        ),
        (
            11,
            (
                "000000370003000b000000020001630003000000000000000000000000000000000274000000000000000000000000000000000003"
                "c3bc00000000"
            ),
        ),
        (
            13,
            (
                "000000370003000d000000020001630003000000000000000000000000000000000274000000000000000000000000000000000003"
                "c3bc00000000"
            ),
        ),
    ],
)
def test_request_for_two_topics_equals_another_clients(version: int, expected: str) -> None:
    assert frame(ApiKey.METADATA, version, 2, TWO_TOPICS) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (7, "000000100003000700000002000163" + "00000000" + "00"),
        (12, "000000100003000c00000002000163" + "00" + "01" + "000000"),
    ],
)
def test_no_topics_ask_for_the_brokers_alone(version: int, expected: str) -> None:
    request = MetadataRequest(topics=(), allow_auto_topic_creation=False)

    assert frame(ApiKey.METADATA, version, 2, request) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (7, "0000001300030007000000020001630000000100017400"),  # which cannot ask for it
        (8, "00000015000300080000000200016300000001000174000001"),
        (12, "000000230003000c00000002000163000200000000000000000000000000000000027400000100"),
    ],
)
def test_request_may_ask_what_this_client_may_do(version: int, expected: str) -> None:
    request = MetadataRequest(topics=("t",), allow_auto_topic_creation=False, include_topic_authorized_operations=True)

    assert frame(ApiKey.METADATA, version, 2, request) == expected


@pytest.mark.parametrize("version", [8, 12])
def test_response_gives_what_this_client_may_do(version: int) -> None:
    first = METADATA[version].find("80000000")
    told = METADATA[version][:first] + "00000110" + METADATA[version][first + 8 :]

    topics = MetadataResponse.decode(Reader(bytes.fromhex(told)), version).topics

    assert [topic.authorized_operations for topic in topics] == [0x110, OPERATIONS_NOT_TOLD]


@pytest.mark.parametrize("version", METADATA)
def test_response_that_was_not_asked_does_not_tell_what_this_client_may_do(version: int) -> None:
    assert {topic.authorized_operations for topic in decode(version).topics} == {OPERATIONS_NOT_TOLD}


@pytest.mark.parametrize("version", METADATA)
def test_response_gives_the_brokers_and_the_cluster(version: int) -> None:
    response = decode(version)

    assert response.throttle_time_ms == 3
    assert response.brokers == (
        MetadataBroker(node_id=1, host="b1", port=9092, rack=None),
        MetadataBroker(node_id=2, host="b2", port=9093, rack="r"),
    )
    assert response.cluster_id == "abc"
    assert response.controller_id == 1
    assert response.error_code == (129 if version >= 13 else 0)


@pytest.mark.parametrize("version", METADATA)
def test_response_gives_the_topics(version: int) -> None:
    first, second = decode(version).topics

    assert (first.error_code, first.name, first.is_internal) == (0, "t", False)
    assert first.topic_id == (TOPIC_ID if version >= 10 else bytes(16))
    assert len(first.partitions) == 2
    assert (second.error_code, second.name, second.is_internal) == (3, "gone", True)
    assert second.topic_id == bytes(16)
    assert second.partitions == ()


@pytest.mark.parametrize("version", METADATA)
def test_response_gives_the_leader_of_each_partition(version: int) -> None:
    led, leaderless = decode(version).topics[0].partitions

    assert (led.error_code, led.index, led.leader_id, led.replica_nodes) == (0, 0, 1, (1, 2))
    assert (leaderless.error_code, leaderless.index, leaderless.leader_id, leaderless.replica_nodes) == (5, 1, -1, ())


@pytest.mark.parametrize(("version", "epoch"), [(7, -1), (8, -1), (9, 12), (13, 12)])
def test_leader_epoch_counts_only_where_brokers_report_it_reliably(version: int, epoch: int) -> None:
    assert decode(version).topics[0].partitions[0].leader_epoch == epoch


@pytest.mark.parametrize("version", [12, 13])
def test_topic_without_a_name_gets_an_empty_one(version: int) -> None:
    body = METADATA[version].replace("05676f6e65", "00")

    response = MetadataResponse.decode(Reader(bytes.fromhex(body)), version)

    assert [topic.name for topic in response.topics] == ["t", ""]


def test_topic_without_a_name_is_refused_where_it_must_have_one() -> None:
    body = METADATA[11].replace("05676f6e65", "00")

    with pytest.raises(MalformedResponseError):
        MetadataResponse.decode(Reader(bytes.fromhex(body)), 11)


def test_array_the_broker_calls_null_is_empty() -> None:
    response = MetadataResponse.decode(Reader(bytes.fromhex("00000000" + "00" + "00" + "ffffffff" + "00" + "00")), 12)

    assert response.brokers == ()
    assert response.cluster_id is None
    assert response.controller_id == -1
    assert response.topics == ()


@pytest.mark.parametrize("version", METADATA)
def test_bytes_behind_an_answer_are_left_alone(version: int) -> None:
    """librdkafka's mock cluster ends its answers in version 13 with one byte too many."""
    response = MetadataResponse.decode(Reader(bytes.fromhex(METADATA[version]) + b"\0"), version)

    assert [broker.host for broker in response.brokers] == ["b1", "b2"]
    assert len(response.topics[0].partitions) == 2
