"""The Kafka producer for Python web applications: fast, bounded, fork-safe, and there when a view asks for it."""

from __future__ import annotations

from dekaf._version import __version__ as __version__
from dekaf._weak_references import forbid_weak_references as _forbid_weak_references
from dekaf.abc import ProducerListener
from dekaf.builder import AsyncProducerBuilder, Kafka, ProducerBuilder
from dekaf.errors import (
    AuthenticationError,
    BlockingCallError,
    BrokerConnectionError,
    BufferExhaustedError,
    ClusterAuthorizationError,
    ClusterUnavailableError,
    ConfigurationError,
    CorruptMessageError,
    CredentialsUnavailableError,
    DekafError,
    DeliveryAbortedError,
    DeliveryTimeoutError,
    InvalidProducerEpochError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    MalformedResponseError,
    NotEnoughReplicasError,
    NotLeaderOrFollowerError,
    OutOfOrderSequenceError,
    OutOfResourcesError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
    UnsupportedCompressionTypeError,
)
from dekaf.message import ProducerMessage
from dekaf.partitioning import Partitioner
from dekaf.producer import (
    AsyncProducer,
    AsyncTopicProducer,
    ProducedMessages,
    Producer,
    ProducerConfig,
    ProducerOptions,
    RecordedMessage,
    TopicProducer,
)
from dekaf.producer._buffer import batch as _compiled_room
from dekaf.registry import ProducerRegistry
from dekaf.serialization import JsonSerializer, Serializer
from dekaf.sigterm import drain_on_sigterm
from dekaf.types import (
    Acks,
    BrokerInfo,
    ClusterDescription,
    ConnectionSecurity,
    DrainReport,
    FlushTimeoutError,
    Headers,
    PartitionInfo,
    ProduceAllError,
    ProducerState,
    ProducerStatus,
    RecordMetadata,
    SerializationContext,
    TopicPartition,
)

# Whether the private rooms run as mypyc's machine code, or from the same source in the interpreter.
compiled: bool = not (_compiled_room.__file__ or "").endswith(".py")
if compiled:
    _forbid_weak_references(AsyncProducer, AsyncTopicProducer, Headers, Producer, ProducerMessage, TopicProducer)

__all__ = (
    "Acks",
    "AsyncProducer",
    "AsyncProducerBuilder",
    "AsyncTopicProducer",
    "AuthenticationError",
    "BlockingCallError",
    "BrokerConnectionError",
    "BrokerInfo",
    "BufferExhaustedError",
    "ClusterAuthorizationError",
    "ClusterDescription",
    "ClusterUnavailableError",
    "ConfigurationError",
    "ConnectionSecurity",
    "CorruptMessageError",
    "CredentialsUnavailableError",
    "DekafError",
    "DeliveryAbortedError",
    "DeliveryTimeoutError",
    "DrainReport",
    "FlushTimeoutError",
    "Headers",
    "InvalidProducerEpochError",
    "InvalidRecordError",
    "InvalidTimestampError",
    "InvalidTopicError",
    "JsonSerializer",
    "Kafka",
    "MalformedResponseError",
    "NotEnoughReplicasError",
    "NotLeaderOrFollowerError",
    "OutOfOrderSequenceError",
    "OutOfResourcesError",
    "PartitionInfo",
    "Partitioner",
    "ProduceAllError",
    "ProduceError",
    "ProducedMessages",
    "Producer",
    "ProducerBuilder",
    "ProducerClosedError",
    "ProducerConfig",
    "ProducerListener",
    "ProducerMessage",
    "ProducerOptions",
    "ProducerRegistry",
    "ProducerState",
    "ProducerStatus",
    "RecordMetadata",
    "RecordTooLargeError",
    "RecordedMessage",
    "SerializationContext",
    "SerializationError",
    "Serializer",
    "TopicAuthorizationError",
    "TopicPartition",
    "TopicProducer",
    "UnknownTopicOrPartitionError",
    "UnsupportedCompressionTypeError",
    "compiled",
    "drain_on_sigterm",
)
