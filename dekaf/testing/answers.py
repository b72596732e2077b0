"""Write the answers of a broker, in every version that it may advertise.

https://kafka.apache.org/protocol#protocol_messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dekaf._protocol.api import ApiKey, is_flexible, response_header_version
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.fields import end_struct, put_bytes, put_count, put_nullable_string, put_string
from dekaf._wire.writer import (
    BytesWriter,
    write_bool,
    write_compact_string,
    write_empty_tags,
    write_i16_be,
    write_i32_be,
    write_i64_be,
    write_uuid,
    write_uvarint,
)
from dekaf.testing.broker_versions import AdvertisedVersions

__all__ = (
    "NO_OPERATIONS",
    "AnsweredPartition",
    "AnsweredTopic",
    "DescribedPartition",
    "DescribedTopic",
    "Endpoint",
    "api_versions_answer",
    "frame",
    "init_producer_id_answer",
    "metadata_answer",
    "produce_answer",
    "sasl_authenticate_answer",
    "sasl_handshake_answer",
)

NO_OPERATIONS: Final = -(2**31)  # how Kafka writes that the client did not ask for the authorized operations
_FINALIZED_FEATURES_EPOCH: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A broker and where it listens."""

    node_id: int
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedPartition:
    """One partition in a Metadata answer."""

    error_code: int
    index: int
    leader_id: int
    leader_epoch: int
    replicas: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedTopic:
    """One topic in a Metadata answer; the name is None for an id that no topic has."""

    error_code: int
    name: str | None
    topic_id: bytes
    partitions: Sequence[DescribedPartition] = ()
    operations: int = NO_OPERATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredPartition:
    """One partition in a Produce answer."""

    index: int
    error_code: int
    base_offset: int = -1
    log_append_time_ms: int = -1
    record_errors: Mapping[int, str | None] = field(default_factory=dict)
    message: str | None = None
    leader: tuple[int, int] | None = None


@dataclass(slots=True, kw_only=True)
class AnsweredTopic:
    """One topic in a Produce answer."""

    name: str
    topic_id: bytes
    partitions: list[AnsweredPartition] = field(default_factory=list)


def frame(api: ApiKey, version: int, correlation_id: int, body: bytes) -> bytes:
    """Return an answer with its header and its size in front."""
    writer = BytesWriter()
    write_i32_be(writer, correlation_id)
    if response_header_version(api, version) >= 1:
        write_empty_tags(writer)
    message = writer.getvalue() + body
    return len(message).to_bytes(4, "big") + message


def api_versions_answer(
    version: int, *, error_code: int, ranges: AdvertisedVersions, throttle_time_ms: int = 0
) -> bytes:
    """Return the body of an ApiVersions answer."""
    flexible = is_flexible(ApiKey.API_VERSIONS, version)
    writer = BytesWriter()
    write_i16_be(writer, error_code)
    put_count(writer, len(ranges), flexible=flexible)
    for api, (lowest, highest) in sorted(ranges.items()):
        write_i16_be(writer, api)
        write_i16_be(writer, lowest)
        write_i16_be(writer, highest)
        end_struct(writer, flexible=flexible)
    if version >= 1:
        write_i32_be(writer, throttle_time_ms)
    if flexible:
        _put_features(writer, version)
    return writer.getvalue()


def metadata_answer(
    version: int,
    *,
    brokers: Sequence[Endpoint],
    cluster_id: str,
    topics: Sequence[DescribedTopic],
    error_code: int = ErrorCode.NONE,
    throttle_time_ms: int = 0,
) -> bytes:
    """Return the body of a Metadata answer; the broker named first is the controller."""
    flexible = is_flexible(ApiKey.METADATA, version)
    writer = BytesWriter()
    if version >= 3:
        write_i32_be(writer, throttle_time_ms)
    put_count(writer, len(brokers), flexible=flexible)
    for broker in brokers:
        _put_endpoint(writer, broker, flexible=flexible, has_rack=version >= 1)
    if version >= 2:
        put_nullable_string(writer, cluster_id, flexible=flexible)
    if version >= 1:
        write_i32_be(writer, brokers[0].node_id if brokers else -1)
    put_count(writer, len(topics), flexible=flexible)
    for topic in topics:
        _put_described_topic(writer, topic, version)
    if 8 <= version <= 10:
        write_i32_be(writer, NO_OPERATIONS)
    if version >= 13:
        write_i16_be(writer, error_code)
    end_struct(writer, flexible=flexible)
    return writer.getvalue()


def produce_answer(
    version: int, *, topics: Sequence[AnsweredTopic], endpoints: Sequence[Endpoint] = (), throttle_time_ms: int = 0
) -> bytes:
    """Return the body of a Produce answer."""
    flexible = is_flexible(ApiKey.PRODUCE, version)
    writer = BytesWriter()
    put_count(writer, len(topics), flexible=flexible)
    for topic in topics:
        if version >= 13:
            write_uuid(writer, topic.topic_id)
        else:
            put_string(writer, topic.name, flexible=flexible)
        put_count(writer, len(topic.partitions), flexible=flexible)
        for partition in topic.partitions:
            _put_answered_partition(writer, partition, version)
        end_struct(writer, flexible=flexible)
    write_i32_be(writer, throttle_time_ms)
    if version >= 10 and endpoints:
        _put_tagged(writer, 0, _node_endpoints(endpoints), count=1)
    else:
        end_struct(writer, flexible=flexible)
    return writer.getvalue()


def init_producer_id_answer(
    version: int, *, error_code: int, producer_id: int = -1, producer_epoch: int = -1, throttle_time_ms: int = 0
) -> bytes:
    """Return the body of an InitProducerId answer."""
    writer = BytesWriter()
    write_i32_be(writer, throttle_time_ms)
    write_i16_be(writer, error_code)
    write_i64_be(writer, producer_id)
    write_i16_be(writer, producer_epoch)
    end_struct(writer, flexible=is_flexible(ApiKey.INIT_PRODUCER_ID, version))
    return writer.getvalue()


def sasl_handshake_answer(*, error_code: int, mechanisms: Sequence[str]) -> bytes:
    """Return the body of a SaslHandshake answer, which is the same in every version."""
    writer = BytesWriter()
    write_i16_be(writer, error_code)
    put_count(writer, len(mechanisms), flexible=False)
    for mechanism in mechanisms:
        put_string(writer, mechanism, flexible=False)
    return writer.getvalue()


def sasl_authenticate_answer(
    version: int,
    *,
    error_code: int,
    error_message: str | None = None,
    auth_bytes: bytes = b"",
    session_lifetime_ms: int = 0,
) -> bytes:
    """Return the body of a SaslAuthenticate answer."""
    flexible = is_flexible(ApiKey.SASL_AUTHENTICATE, version)
    writer = BytesWriter()
    write_i16_be(writer, error_code)
    put_nullable_string(writer, error_message, flexible=flexible)
    put_bytes(writer, auth_bytes, flexible=flexible)
    if version >= 1:
        write_i64_be(writer, session_lifetime_ms)
    end_struct(writer, flexible=flexible)
    return writer.getvalue()


def _put_features(writer: BytesWriter, version: int) -> None:
    """Append what real brokers say about features, so that clients meet tagged fields."""
    supported = [("metadata.version", 1, 25)]
    if version >= 4:  # only since then may a feature's lowest level be 0
        supported.append(("transaction.version", 0, 2))
    _put_tagged(writer, 0, _feature_levels(supported), count=3)
    _put_tagged(writer, 1, _FINALIZED_FEATURES_EPOCH.to_bytes(8, "big"))
    # Here the highest level comes first.
    _put_tagged(writer, 2, _feature_levels([("metadata.version", 25, 25), ("transaction.version", 2, 2)]))


def _feature_levels(features: Sequence[tuple[str, int, int]]) -> bytes:
    writer = BytesWriter()
    put_count(writer, len(features), flexible=True)
    for name, first, second in features:
        write_compact_string(writer, name)
        write_i16_be(writer, first)
        write_i16_be(writer, second)
        write_empty_tags(writer)
    return writer.getvalue()


def _put_endpoint(writer: BytesWriter, endpoint: Endpoint, *, flexible: bool, has_rack: bool = True) -> None:
    write_i32_be(writer, endpoint.node_id)
    put_string(writer, endpoint.host, flexible=flexible)
    write_i32_be(writer, endpoint.port)
    if has_rack:
        put_nullable_string(writer, None, flexible=flexible)
    end_struct(writer, flexible=flexible)


def _put_described_topic(writer: BytesWriter, topic: DescribedTopic, version: int) -> None:
    flexible = is_flexible(ApiKey.METADATA, version)
    write_i16_be(writer, topic.error_code)
    if version >= 12:
        put_nullable_string(writer, topic.name, flexible=flexible)
    else:
        put_string(writer, topic.name or "", flexible=flexible)
    if version >= 10:
        write_uuid(writer, topic.topic_id)
    if version >= 1:
        write_bool(writer, False)  # noqa: FBT003 - the field's value: no topic is internal
    put_count(writer, len(topic.partitions), flexible=flexible)
    for partition in topic.partitions:
        _put_described_partition(writer, partition, version)
    if version >= 8:
        write_i32_be(writer, topic.operations)
    end_struct(writer, flexible=flexible)


def _put_described_partition(writer: BytesWriter, partition: DescribedPartition, version: int) -> None:
    flexible = is_flexible(ApiKey.METADATA, version)
    write_i16_be(writer, partition.error_code)
    write_i32_be(writer, partition.index)
    write_i32_be(writer, partition.leader_id)
    if version >= 7:
        write_i32_be(writer, partition.leader_epoch)
    _put_nodes(writer, partition.replicas, flexible=flexible)
    _put_nodes(writer, partition.replicas, flexible=flexible)  # those in sync
    if version >= 5:
        _put_nodes(writer, (), flexible=flexible)  # those off line
    end_struct(writer, flexible=flexible)


def _put_nodes(writer: BytesWriter, nodes: Sequence[int], *, flexible: bool) -> None:
    put_count(writer, len(nodes), flexible=flexible)
    for node in nodes:
        write_i32_be(writer, node)


def _put_answered_partition(writer: BytesWriter, partition: AnsweredPartition, version: int) -> None:
    flexible = is_flexible(ApiKey.PRODUCE, version)
    write_i32_be(writer, partition.index)
    write_i16_be(writer, partition.error_code)
    write_i64_be(writer, partition.base_offset)
    write_i64_be(writer, partition.log_append_time_ms)
    if version >= 5:
        write_i64_be(writer, 0 if partition.error_code == ErrorCode.NONE else -1)  # where the log starts
    if version >= 8:
        put_count(writer, len(partition.record_errors), flexible=flexible)
        for index, message in partition.record_errors.items():
            write_i32_be(writer, index)
            put_nullable_string(writer, message, flexible=flexible)
            end_struct(writer, flexible=flexible)
        put_nullable_string(writer, partition.message, flexible=flexible)
    if version >= 10 and partition.leader is not None:
        leader_id, leader_epoch = partition.leader
        _put_tagged(writer, 0, _two_i32(leader_id, leader_epoch), count=1)
    else:
        end_struct(writer, flexible=flexible)


def _two_i32(first: int, second: int) -> bytes:
    writer = BytesWriter()
    write_i32_be(writer, first)
    write_i32_be(writer, second)
    write_empty_tags(writer)
    return writer.getvalue()


def _node_endpoints(endpoints: Sequence[Endpoint]) -> bytes:
    writer = BytesWriter()
    put_count(writer, len(endpoints), flexible=True)
    for endpoint in endpoints:
        _put_endpoint(writer, endpoint, flexible=True)
    return writer.getvalue()


def _put_tagged(writer: BytesWriter, tag: int, content: bytes, *, count: int = 0) -> None:
    """Append a tagged field; with a count, begin the section with the number of its fields."""
    if count:
        write_uvarint(writer, count)
    write_uvarint(writer, tag)
    write_uvarint(writer, len(content))
    writer.write(content)
