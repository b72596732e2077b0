"""Produce requests and responses."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.headers import encode_request_header
from dekaf._protocol.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import MalformedResponseError
from dekaf.testing.answers import AnsweredPartition, AnsweredTopic, Endpoint, produce_answer
from dekaf.testing.received import ReceivedProduce, decode_header, decode_request

BATCH = bytes.fromhex(
    "00000000000000000000003dffffffff02e641a44b0000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff"
    "0000000116000000010a68656c6c6f00"
)
TOPIC_ID = bytes.fromhex("0123456789abcdef0123456789abcdef")
VERSIONS = range(7, 14)

# Topic t, partition 0, error 6, the leader is 1 in epoch 12; broker 1 is b1:9092.
MOVED = (
    "02027402000000000006ffffffffffffffffffffffffffffffffffffffffffffffff0100010009000000010000000c0000000000000100"
    "0e0200000001036231000023840000"
)


def request_of(*topics: TopicProduceData, acks: int = -1) -> ProduceRequest:
    return ProduceRequest(acks, 30_000, list(topics))


def topic_of(name: str, *partitions: int, topic_id: bytes = TOPIC_ID) -> TopicProduceData:
    topic = TopicProduceData(name, topic_id)
    topic.partitions.extend([PartitionProduceData(index, BATCH[:61], BATCH[61:]) for index in partitions])
    return topic


def frame_of(request: ProduceRequest, version: int) -> bytes:
    writer = BytesWriter()
    encode_request_header(writer, ApiKey.PRODUCE, version=version, correlation_id=4, client_id=b"c")
    body = writer.getvalue() + b"".join(request.encode(version))
    return len(body).to_bytes(4, "big") + body


def received(request: ProduceRequest, version: int) -> ReceivedProduce:
    reader = Reader(frame_of(request, version)[4:])
    header = decode_header(reader, node_id=1, connection=1)
    decoded = decode_request(reader, header, {TOPIC_ID: "t", bytes(15) + b"2": "u"}.__getitem__)
    assert isinstance(decoded, ReceivedProduce)
    return decoded


def response_of(body: bytes, version: int) -> ProduceResponse:
    return ProduceResponse.decode(Reader(body), version)


@pytest.mark.parametrize(
    ("version", "head", "tail"),
    [
        (7, "0000006f0000000700000004000163ffffffff0000753000000001000174000000010000000000000049", ""),
        (9, "0000006800000009000000040001630000ffff0000753002027402000000004a", "000000"),
        (13, "000000760000000d000000040001630000ffff00007530020123456789abcdef0123456789abcdef02000000004a", "000000"),
    ],
)
def test_request_has_its_known_bytes(version: int, head: str, tail: str) -> None:
    assert frame_of(request_of(topic_of("t", 0)), version).hex() == head + BATCH.hex() + tail


@pytest.mark.parametrize("version", VERSIONS)
def test_broker_reads_what_was_written(version: int) -> None:
    request = received(request_of(topic_of("t", 0, 3), topic_of("u", 1, topic_id=bytes(15) + b"2"), acks=1), version)

    assert request.transactional_id is None
    assert (request.acks, request.timeout_ms) == (1, 30_000)
    assert request.partitions == (("t", 0), ("t", 3), ("u", 1))
    assert {batch.batch for batch in request.batches} == {BATCH}


@pytest.mark.parametrize("version", VERSIONS)
def test_batches_are_not_copied_into_the_request(version: int) -> None:
    topic = topic_of("t", 0)
    records = topic.partitions[0].records

    assert any(piece is records for piece in request_of(topic).encode(version))


def test_response_that_names_the_new_leader() -> None:
    response = response_of(bytes.fromhex(MOVED), 10)

    partition = response.topics[0].partitions[0]
    assert (response.topics[0].name, partition.index, partition.error_code) == ("t", 0, 6)
    assert (partition.base_offset, partition.log_append_time_ms, partition.log_start_offset) == (-1, -1, -1)
    assert partition.current_leader is not None
    assert (partition.current_leader.leader_id, partition.current_leader.leader_epoch) == (1, 12)
    assert [(one.node_id, one.host, one.port, one.rack) for one in response.node_endpoints] == [(1, "b1", 9092, None)]


@pytest.mark.parametrize("version", VERSIONS)
def test_response_of_every_version_is_read(version: int) -> None:
    refused = AnsweredPartition(
        index=3, error_code=87, record_errors={0: "no key", 2: None}, message="refused", leader=(2, 9)
    )
    topics = [
        AnsweredTopic(
            name="t",
            topic_id=TOPIC_ID,
            partitions=[AnsweredPartition(index=0, error_code=0, base_offset=42, log_append_time_ms=7), refused],
        )
    ]
    endpoints = [Endpoint(node_id=2, host="b2", port=9093)]
    response = response_of(produce_answer(version, topics=topics, endpoints=endpoints, throttle_time_ms=11), version)

    assert response.throttle_time_ms == 11
    assert (response.topics[0].name, response.topics[0].topic_id) == (
        ("", TOPIC_ID) if version >= 13 else ("t", bytes(16))
    )
    good, bad = response.topics[0].partitions
    assert (good.index, good.error_code, good.base_offset, good.log_append_time_ms) == (0, 0, 42, 7)
    assert (bad.index, bad.error_code, bad.base_offset) == (3, 87, -1)
    assert bad.record_errors == ({0: "no key", 2: None} if version >= 8 else {})
    assert bad.error_message == ("refused" if version >= 8 else None)
    assert (bad.current_leader is not None) is (version >= 10)
    assert len(response.node_endpoints) == (1 if version >= 10 else 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_response_cut_short_is_refused_and_nothing_else_happens(version: int) -> None:
    topics = [
        AnsweredTopic(name="t", topic_id=TOPIC_ID, partitions=[AnsweredPartition(index=0, error_code=6, leader=(2, 9))])
    ]
    whole = produce_answer(version, topics=topics, endpoints=[Endpoint(node_id=2, host="b2", port=9093)])

    for size in range(len(whole)):
        with pytest.raises(MalformedResponseError):
            response_of(whole[:size], version)
    with pytest.raises(MalformedResponseError):
        response_of(whole + b"\0", version)


def test_unknown_tags_are_skipped() -> None:
    # Tag 5 in the partition, tag 3 in the topic, tag 9 in the body.
    partition = "00000000" + "0000" + "000000000000002a" + "ffffffffffffffff" + "0000000000000000" + "01" + "00"
    topic = "027402" + partition + "0105026162" + "01030163"
    response = response_of(bytes.fromhex("02" + topic + "00000000" + "0109020000"), 10)

    assert response.topics[0].partitions[0].base_offset == 42
    assert response.topics[0].partitions[0].current_leader is None
