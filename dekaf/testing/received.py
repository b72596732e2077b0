"""The requests that a fake broker received, decoded as far as tests ask about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.fields import skip_struct_tags, take_bytes, take_nullable_string, take_string
from dekaf._wire.reader import Reader
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import MalformedResponseError

__all__ = (
    "ProducedBatch",
    "ReceivedApiVersions",
    "ReceivedInitProducerId",
    "ReceivedMetadata",
    "ReceivedProduce",
    "ReceivedRequest",
    "ReceivedSaslAuthenticate",
    "ReceivedSaslHandshake",
    "RequestHeader",
    "decode_header",
    "decode_request",
)

_FIRST_PRODUCE: Final = 3
_FIRST_PRODUCE_WITH_IDS: Final = 13
_FIRST_METADATA_WITH_IDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeader:
    """What stands in front of every request, and where it came from.

    Args:
        api_key: the API called.
        version: the API's version.
        correlation_id: the number that the answer repeats.
        client_id: the name the client gave itself.
        node_id: the broker that received the request.
        connection: the number of the connection in the cluster, from 1.
        received_at: `time.monotonic` when the whole request had arrived, in seconds.
    """

    api_key: int
    version: int
    correlation_id: int
    client_id: str | None
    node_id: int
    connection: int
    received_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request; those of the APIs that are served have classes of their own."""

    header: RequestHeader

    @property
    def api_key(self) -> int:
        """The API called."""
        return self.header.api_key

    @property
    def version(self) -> int:
        """The version it was called in."""
        return self.header.version

    @property
    def node_id(self) -> int:
        """The broker that received it."""
        return self.header.node_id

    @property
    def connection(self) -> int:
        """The number of the connection it came over."""
        return self.header.connection

    @property
    def received_at(self) -> float:
        """`time.monotonic` when it had arrived, in seconds."""
        return self.header.received_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedApiVersions(ReceivedRequest):
    """A client introduces itself; the fields are empty in versions that do not have them."""

    client_software_name: str = ""
    client_software_version: str = ""
    cluster_id: str | None = None
    expected_node_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMetadata(ReceivedRequest):
    """A client asks about topics; None stands for all of them, and an id for a topic asked for by it."""

    topics: tuple[str, ...] | None
    topic_ids: tuple[bytes, ...] = ()
    allow_auto_topic_creation: bool = True
    wants_operations: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducedBatch:
    """What a Produce request holds for one partition; the topic is empty if its id is not known."""

    topic: str
    topic_id: bytes
    partition: int
    batch: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedProduce(ReceivedRequest):
    """A client writes."""

    transactional_id: str | None
    acks: int
    timeout_ms: int
    batches: tuple[ProducedBatch, ...]

    @property
    def partitions(self) -> tuple[tuple[str, int], ...]:
        """The topic-partitions written to, in the order of the request."""
        return tuple([(batch.topic, batch.partition) for batch in self.batches])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedInitProducerId(ReceivedRequest):
    """A client asks for a producer id."""

    transactional_id: str | None
    transaction_timeout_ms: int
    producer_id: int = -1
    producer_epoch: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSaslHandshake(ReceivedRequest):
    """A client names the mechanism by which it will authenticate."""

    mechanism: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSaslAuthenticate(ReceivedRequest):
    """A client sends a message of its mechanism; with PLAIN that is a password, so no repr shows it."""

    auth_bytes: bytes = field(repr=False)


def decode_header(reader: Reader, *, node_id: int, connection: int) -> RequestHeader:
    """Take the part of a request's header that every version has."""
    return RequestHeader(
        api_key=int(reader.take_i16()),
        version=int(reader.take_i16()),
        correlation_id=int(reader.take_i32()),
        client_id=reader.take_nullable_string(),
        node_id=node_id,
        connection=connection,
        received_at=time.monotonic(),
    )


def decode_request(reader: Reader, header: RequestHeader, topic_name: Callable[[bytes], str]) -> ReceivedRequest:
    """Take the rest of a request, whose API and version the broker speaks.

    Args:
        reader: behind what `decode_header` took.
        header: that header.
        topic_name: finds the name of a topic by its id; empty if there is none.

    Raises:
        MalformedResponseError: the bytes are not such a request.
    """
    api = ApiKey(header.api_key)
    flexible = is_flexible(api, header.version)
    skip_struct_tags(reader, flexible=flexible)
    request: ReceivedRequest
    if api is ApiKey.PRODUCE:
        request = _decode_produce(reader, header, topic_name)
    elif api is ApiKey.METADATA:
        request = _decode_metadata(reader, header)
    elif api is ApiKey.API_VERSIONS:
        request = _decode_api_versions(reader, header)
    elif api is ApiKey.INIT_PRODUCER_ID:
        request = _decode_init_producer_id(reader, header)
    elif api is ApiKey.SASL_HANDSHAKE:
        request = ReceivedSaslHandshake(header=header, mechanism=take_string(reader, flexible=False))
    else:
        request = ReceivedSaslAuthenticate(header=header, auth_bytes=take_bytes(reader, flexible=flexible))
    skip_struct_tags(reader, flexible=flexible)
    reader.expect_end()
    return request


def _decode_api_versions(reader: Reader, header: RequestHeader) -> ReceivedApiVersions:
    if header.version < 3:
        return ReceivedApiVersions(header=header)
    return ReceivedApiVersions(
        header=header,
        client_software_name=reader.take_compact_string(),
        client_software_version=reader.take_compact_string(),
        cluster_id=reader.take_compact_nullable_string() if header.version >= 5 else None,
        expected_node_id=int(reader.take_i32()) if header.version >= 5 else -1,
    )


def _decode_metadata(reader: Reader, header: RequestHeader) -> ReceivedMetadata:
    version = header.version
    flexible = is_flexible(ApiKey.METADATA, version)
    count = _take_count(reader, flexible=flexible)
    names: list[str] = []
    ids: list[bytes] = []
    for _ in range(count):
        topic_id = reader.take_uuid() if version >= _FIRST_METADATA_WITH_IDS else NULL_UUID
        if version >= _FIRST_METADATA_WITH_IDS:
            name = take_nullable_string(reader, flexible=flexible)
        else:
            name = take_string(reader, flexible=flexible)
        skip_struct_tags(reader, flexible=flexible)
        if name is None:
            ids.append(topic_id)
        else:
            names.append(name)
    auto_creation = reader.take_bool() if version >= 4 else True
    reader.skip(1 if 8 <= version <= 10 else 0)  # the wish for the cluster's authorized operations
    wants_operations = reader.take_bool() if version >= 8 else False
    # Version 0 has no null array: there an empty one asks for everything.
    wants_all = count == -1 or (count == 0 and version == 0)
    return ReceivedMetadata(
        header=header,
        topics=None if wants_all else tuple(names),
        topic_ids=tuple(ids),
        allow_auto_topic_creation=auto_creation,
        wants_operations=wants_operations,
    )


def _decode_produce(reader: Reader, header: RequestHeader, topic_name: Callable[[bytes], str]) -> ReceivedProduce:
    version = header.version
    if version < _FIRST_PRODUCE:
        raise MalformedResponseError(f"Produce {version} is older than the current batch format.")
    flexible = is_flexible(ApiKey.PRODUCE, version)
    transactional_id = take_nullable_string(reader, flexible=flexible)
    acks = int(reader.take_i16())
    timeout_ms = int(reader.take_i32())
    batches: list[ProducedBatch] = []
    for _ in range(_take_count(reader, flexible=flexible)):
        if version >= _FIRST_PRODUCE_WITH_IDS:
            topic_id = reader.take_uuid()
            name = topic_name(topic_id)
        else:
            topic_id = NULL_UUID
            name = take_string(reader, flexible=flexible)
        for _ in range(_take_count(reader, flexible=flexible)):
            partition = int(reader.take_i32())
            batch = reader.take_compact_nullable_bytes() if flexible else reader.take_nullable_bytes()
            batches.append(ProducedBatch(topic=name, topic_id=topic_id, partition=partition, batch=batch))
            skip_struct_tags(reader, flexible=flexible)
        skip_struct_tags(reader, flexible=flexible)
    return ReceivedProduce(
        header=header, transactional_id=transactional_id, acks=acks, timeout_ms=timeout_ms, batches=tuple(batches)
    )


def _decode_init_producer_id(reader: Reader, header: RequestHeader) -> ReceivedInitProducerId:
    flexible = is_flexible(ApiKey.INIT_PRODUCER_ID, header.version)
    return ReceivedInitProducerId(
        header=header,
        transactional_id=take_nullable_string(reader, flexible=flexible),
        transaction_timeout_ms=int(reader.take_i32()),
        producer_id=int(reader.take_i64()) if header.version >= 3 else -1,
        producer_epoch=int(reader.take_i16()) if header.version >= 3 else -1,
    )


def _take_count(reader: Reader, *, flexible: bool) -> int:
    """Take an array's count; -1 for null, which means something in a Metadata request."""
    return int(reader.take_compact_array_count() if flexible else reader.take_array_count())
