"""Produce: record batches to the leaders of their partitions, and where they landed.

https://kafka.apache.org/protocol#The_Messages_Produce
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.fields import (
    end_struct,
    put_count,
    put_nullable_string,
    put_string,
    skip_struct_tags,
    take_count,
    take_nullable_string,
    take_string,
)
from dekaf._wire.reader import Reader
from dekaf._wire.writer import NULL_UUID, BytesWriter, write_i16, write_i32, write_uuid, write_uvarint

__all__ = (
    "LAST_WITH_NAMES",
    "BrokerEndpoint",
    "LeaderHint",
    "PartitionProduceData",
    "PartitionProduceResponse",
    "ProduceRequest",
    "ProduceResponse",
    "TopicProduceData",
    "TopicProduceResponse",
)

# Version 13 names topics by id; a request with a topic whose id is not known must stay below.
LAST_WITH_NAMES: Final = 12

_RECORD_ERRORS: Final = 8
_LEADER_HINTS: Final = 10
_TOPIC_IDS: Final = 13
_CURRENT_LEADER_TAG: Final = 0
_NODE_ENDPOINTS_TAG: Final = 0


@final
class PartitionProduceData:
    """One batch for one partition: the batch's header and its records, which are never copied together by us."""

    def __init__(self, index: i64, header: bytes, records: bytes) -> None:
        self.index: Final = index
        self.header: Final = header
        self.records: Final = records


@final
class TopicProduceData:
    """The batches for one topic, at most one per partition."""

    def __init__(self, name: str, topic_id: bytes) -> None:
        self.name: Final = name
        self.topic_id: Final = topic_id
        self.partitions: list[PartitionProduceData] = []


@final
class ProduceRequest:
    """Batches for one broker.

    Args:
        acks: -1 for all in-sync replicas, 1 for the leader, 0 for no response at all.
        timeout_ms: how long the broker may wait for the replicas.
        topics: each topic at most once.
    """

    def __init__(self, acks: i64, timeout_ms: i64, topics: list[TopicProduceData]) -> None:
        self.acks: Final = acks
        self.timeout_ms: Final = timeout_ms
        self.topics: Final = topics

    def encode(self, version: int) -> list[bytes]:
        """Return the body as pieces to be written one after the other."""
        flexible = is_flexible(ApiKey.PRODUCE, version)
        pieces: list[bytes] = []
        writer = BytesWriter()
        put_nullable_string(writer, None, flexible=flexible)  # transactional id
        write_i16(writer, self.acks)
        write_i32(writer, self.timeout_ms)
        put_count(writer, len(self.topics), flexible=flexible)
        for topic in self.topics:
            if version >= _TOPIC_IDS:
                write_uuid(writer, topic.topic_id)
            else:
                put_string(writer, topic.name, flexible=flexible)
            put_count(writer, len(topic.partitions), flexible=flexible)
            for partition in topic.partitions:
                size: i64 = len(partition.header) + len(partition.records)
                write_i32(writer, partition.index)
                if flexible:
                    write_uvarint(writer, size + 1)
                else:
                    write_i32(writer, size)
                writer.write(partition.header)
                pieces.append(writer.getvalue())
                pieces.append(partition.records)
                writer = BytesWriter()
                end_struct(writer, flexible=flexible)
            end_struct(writer, flexible=flexible)
        end_struct(writer, flexible=flexible)
        pieces.append(writer.getvalue())
        return pieces


@final
class LeaderHint:
    """Who leads a partition now, told by a broker that no longer does (KIP-951)."""

    def __init__(self, leader_id: i64, leader_epoch: i64) -> None:
        self.leader_id: Final = leader_id
        self.leader_epoch: Final = leader_epoch


@final
class BrokerEndpoint:
    """Where a broker named in a hint listens."""

    def __init__(self, node_id: i64, host: str, port: i64, rack: str | None) -> None:
        self.node_id: Final = node_id
        self.host: Final = host
        self.port: Final = port
        self.rack: Final = rack


@final
class PartitionProduceResponse:
    """What became of one batch."""

    def __init__(self, index: i64, error_code: i64, base_offset: i64, log_append_time_ms: i64) -> None:
        self.index: Final = index
        self.error_code: Final = error_code
        self.base_offset: Final = base_offset
        self.log_append_time_ms: Final = log_append_time_ms  # -1 unless the topic uses LogAppendTime
        self.log_start_offset: i64 = -1
        self.record_errors: dict[int, str | None] = {}  # by index in the batch (KIP-467)
        self.error_message: str | None = None
        self.current_leader: LeaderHint | None = None

    @staticmethod
    def decode(reader: Reader, version: int) -> PartitionProduceResponse:
        """Take one element of a topic's array of partitions."""
        flexible = is_flexible(ApiKey.PRODUCE, version)
        response = PartitionProduceResponse(reader.take_i32(), reader.take_i16(), reader.take_i64(), reader.take_i64())
        response.log_start_offset = reader.take_i64()
        if version >= _RECORD_ERRORS:
            for _ in range(take_count(reader, flexible=flexible)):
                index = int(reader.take_i32())
                response.record_errors[index] = take_nullable_string(reader, flexible=flexible)
                skip_struct_tags(reader, flexible=flexible)
            response.error_message = take_nullable_string(reader, flexible=flexible)
        if version >= _LEADER_HINTS:
            response.current_leader = _take_leader_hint(reader)
        else:
            skip_struct_tags(reader, flexible=flexible)
        return response


@final
class TopicProduceResponse:
    """What became of the batches for one topic, which is named by name or by id as the version demands."""

    def __init__(self, name: str, topic_id: bytes) -> None:
        self.name: Final = name
        self.topic_id: Final = topic_id
        self.partitions: list[PartitionProduceResponse] = []


@final
class ProduceResponse:
    """The answer to a request with acks other than 0."""

    def __init__(self) -> None:
        self.topics: list[TopicProduceResponse] = []
        self.throttle_time_ms: i64 = 0
        self.node_endpoints: list[BrokerEndpoint] = []

    @staticmethod
    def decode(reader: Reader, version: int) -> ProduceResponse:
        """Take the body of an answer to a request of this version."""
        flexible = is_flexible(ApiKey.PRODUCE, version)
        response = ProduceResponse()
        for _ in range(take_count(reader, flexible=flexible)):
            if version >= _TOPIC_IDS:
                topic = TopicProduceResponse("", reader.take_uuid())
            else:
                topic = TopicProduceResponse(take_string(reader, flexible=flexible), NULL_UUID)
            for _ in range(take_count(reader, flexible=flexible)):
                topic.partitions.append(PartitionProduceResponse.decode(reader, version))
            skip_struct_tags(reader, flexible=flexible)
            response.topics.append(topic)
        response.throttle_time_ms = reader.take_i32()
        if version >= _LEADER_HINTS:
            response.node_endpoints = _take_node_endpoints(reader)
        else:
            skip_struct_tags(reader, flexible=flexible)
        reader.expect_end()
        return response


def _take_leader_hint(reader: Reader) -> LeaderHint | None:
    hint: LeaderHint | None = None
    for _ in range(reader.take_tagged_count()):
        if reader.take_uvarint() != _CURRENT_LEADER_TAG:
            reader.skip_tagged()
            continue
        end = reader.take_tagged_end()
        hint = LeaderHint(reader.take_i32(), reader.take_i32())
        reader.skip_tags()
        reader.finish_tagged(end)
    return hint


def _take_node_endpoints(reader: Reader) -> list[BrokerEndpoint]:
    endpoints: list[BrokerEndpoint] = []
    for _ in range(reader.take_tagged_count()):
        if reader.take_uvarint() != _NODE_ENDPOINTS_TAG:
            reader.skip_tagged()
            continue
        end = reader.take_tagged_end()
        for _ in range(take_count(reader, flexible=True)):
            node_id = reader.take_i32()
            host = reader.take_compact_string()
            port = reader.take_i32()
            endpoints.append(BrokerEndpoint(node_id, host, port, reader.take_compact_nullable_string()))
            reader.skip_tags()
        reader.finish_tagged(end)
    return endpoints
