"""Metadata: the cluster's brokers, and who leads which partition.

https://kafka.apache.org/protocol#The_Messages_Metadata
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.fields import (
    end_struct,
    put_count,
    put_string,
    skip_struct_tags,
    take_count,
    take_i32_array,
    take_nullable_string,
    take_string,
)
from dekaf._wire.reader import Reader
from dekaf._wire.writer import NULL_UUID, BytesWriter, write_bool, write_uuid

__all__ = (
    "OPERATIONS_NOT_TOLD",
    "MetadataBroker",
    "MetadataPartition",
    "MetadataRequest",
    "MetadataResponse",
    "MetadataTopic",
)

# The versions in which something changed.
_AUTHORIZED_OPERATIONS: Final = 8
_RELIABLE_EPOCHS: Final = 9
_TOPIC_IDS: Final = 10
_LAST_CLUSTER_OPERATIONS: Final = 10
_NULLABLE_NAMES: Final = 12
_TOP_LEVEL_ERROR: Final = 13

_NO_EPOCH: Final = -1
OPERATIONS_NOT_TOLD: Final = -(1 << 31)  # in place of the operations that this client may do (KIP-430)


@final
@dataclass(frozen=True, kw_only=True)
class MetadataRequest:
    """Ask for the brokers, and for the topics named.

    Args:
        topics: names; none asks for the brokers alone.
        allow_auto_topic_creation: let the broker create missing topics, if ``auto.create.topics.enable`` is on there.
        include_topic_authorized_operations: have it say what this client may do to each topic, which costs it a look at
            its rules; from version 8 on.
    """

    topics: tuple[str, ...]
    allow_auto_topic_creation: bool
    include_topic_authorized_operations: bool = False

    def encode(self, writer: BytesWriter, version: int) -> None:
        """Append the body."""
        flexible = is_flexible(ApiKey.METADATA, version)
        put_count(writer, len(self.topics), flexible=flexible)
        for topic in self.topics:
            if version >= _TOPIC_IDS:
                # Asking by id takes version 12; a name goes with the id that means "none".
                write_uuid(writer, NULL_UUID)
            put_string(writer, topic, flexible=flexible)
            end_struct(writer, flexible=flexible)
        write_bool(writer, self.allow_auto_topic_creation)
        if _AUTHORIZED_OPERATIONS <= version <= _LAST_CLUSTER_OPERATIONS:
            write_bool(writer, False)  # noqa: FBT003 - the field's value
        if version >= _AUTHORIZED_OPERATIONS:
            write_bool(writer, self.include_topic_authorized_operations)
        end_struct(writer, flexible=flexible)


@final
@dataclass(frozen=True, kw_only=True)
class MetadataBroker:
    """One broker and where it listens."""

    node_id: int
    host: str
    port: int
    rack: str | None

    @staticmethod
    def decode(reader: Reader, version: int) -> MetadataBroker:
        """Take one element of the array of brokers."""
        flexible = is_flexible(ApiKey.METADATA, version)
        broker = MetadataBroker(
            node_id=int(reader.take_i32()),
            host=take_string(reader, flexible=flexible),
            port=int(reader.take_i32()),
            rack=take_nullable_string(reader, flexible=flexible),
        )
        skip_struct_tags(reader, flexible=flexible)
        return broker


@final
class MetadataPartition:
    """One partition and its leader.

    A plain class, not a dataclass, whose constructor would not be compiled: a cluster can have tens of thousands.

    Args:
        error_code: why the partition has no usable leader; 0 when it has one.
        index: the partition's number.
        leader_id: the leader's node id; -1 for none.
        leader_epoch: grows with every change of leader; -1 below version 9, where brokers may report old ones.
        replica_nodes: the node ids of all replicas.
    """

    def __init__(
        self, error_code: int, index: int, *, leader_id: int, leader_epoch: int, replica_nodes: tuple[int, ...]
    ) -> None:
        self.error_code: Final = error_code
        self.index: Final = index
        self.leader_id: Final = leader_id
        self.leader_epoch: Final = leader_epoch
        self.replica_nodes: Final = replica_nodes

    @staticmethod
    def decode(reader: Reader, version: int) -> MetadataPartition:
        """Take one element of a topic's array of partitions."""
        flexible = is_flexible(ApiKey.METADATA, version)
        error_code = int(reader.take_i16())
        index = int(reader.take_i32())
        leader_id = int(reader.take_i32())
        leader_epoch = int(reader.take_i32())
        replica_nodes = take_i32_array(reader, flexible=flexible)
        _skip_i32_array(reader, flexible=flexible)  # the replicas in sync
        _skip_i32_array(reader, flexible=flexible)  # the replicas off line
        skip_struct_tags(reader, flexible=flexible)
        return MetadataPartition(
            error_code,
            index,
            leader_id=leader_id,
            leader_epoch=leader_epoch if version >= _RELIABLE_EPOCHS else _NO_EPOCH,
            replica_nodes=replica_nodes,
        )


@final
@dataclass(frozen=True, kw_only=True)
class MetadataTopic:
    """One topic and its partitions.

    Args:
        error_code: why there are no partitions; 0 when there are.
        name: the topic's name; empty if the broker sent none, which it does only for a topic asked for by id.
        topic_id: 16 bytes, all zero below version 10 and for a cluster without topic ids.
        is_internal: a topic that belongs to Kafka itself.
        partitions: in the order the broker sent them.
        authorized_operations: a bit for each operation that this client may do (``AclOperation``), if that was asked
            for, and the broker knows; else `OPERATIONS_NOT_TOLD`.
    """

    error_code: int
    name: str
    topic_id: bytes
    is_internal: bool
    partitions: tuple[MetadataPartition, ...]
    authorized_operations: int = OPERATIONS_NOT_TOLD

    @staticmethod
    def decode(reader: Reader, version: int) -> MetadataTopic:
        """Take one element of the array of topics."""
        flexible = is_flexible(ApiKey.METADATA, version)
        error_code = int(reader.take_i16())
        if version >= _NULLABLE_NAMES:
            name = take_nullable_string(reader, flexible=flexible) or ""
        else:
            name = take_string(reader, flexible=flexible)
        topic_id = reader.take_uuid() if version >= _TOPIC_IDS else NULL_UUID
        is_internal = reader.take_bool()
        count = take_count(reader, flexible=flexible)
        partitions = tuple([MetadataPartition.decode(reader, version) for _ in range(count)])
        operations = int(reader.take_i32()) if version >= _AUTHORIZED_OPERATIONS else OPERATIONS_NOT_TOLD
        skip_struct_tags(reader, flexible=flexible)
        return MetadataTopic(
            error_code=error_code,
            name=name,
            topic_id=topic_id,
            is_internal=is_internal,
            partitions=partitions,
            authorized_operations=operations,
        )


@final
@dataclass(frozen=True, kw_only=True)
class MetadataResponse:
    """What one broker knows about the cluster.

    Args:
        throttle_time_ms: send nothing more to this broker for so long.
        brokers: none at all comes from a broker that is still starting: ask again.
        cluster_id: the cluster's own id, if it has one.
        controller_id: the controller's node id; -1 if it is not known.
        topics: what was asked for, existing or not.
        error_code: of the whole answer, 0 below version 13; REBOOTSTRAP_REQUIRED asks to start over.
    """

    throttle_time_ms: int
    brokers: tuple[MetadataBroker, ...]
    cluster_id: str | None
    controller_id: int
    topics: tuple[MetadataTopic, ...]
    error_code: int

    @staticmethod
    def decode(reader: Reader, version: int) -> MetadataResponse:
        """Take the body of an answer to a request of this version."""
        flexible = is_flexible(ApiKey.METADATA, version)
        throttle_time_ms = int(reader.take_i32())
        broker_count = take_count(reader, flexible=flexible)
        brokers = tuple([MetadataBroker.decode(reader, version) for _ in range(broker_count)])
        cluster_id = take_nullable_string(reader, flexible=flexible)
        controller_id = int(reader.take_i32())
        topic_count = take_count(reader, flexible=flexible)
        topics = tuple([MetadataTopic.decode(reader, version) for _ in range(topic_count)])
        if _AUTHORIZED_OPERATIONS <= version <= _LAST_CLUSTER_OPERATIONS:
            reader.take_i32()
        error_code = int(reader.take_i16()) if version >= _TOP_LEVEL_ERROR else 0
        skip_struct_tags(reader, flexible=flexible)
        # What may follow is left alone: librdkafka's mock cluster ends its answers with one byte too many.
        return MetadataResponse(
            throttle_time_ms=throttle_time_ms,
            brokers=brokers,
            cluster_id=cluster_id,
            controller_id=controller_id,
            topics=topics,
            error_code=error_code,
        )


def _skip_i32_array(reader: Reader, *, flexible: bool) -> None:
    reader.skip(4 * take_count(reader, flexible=flexible))
