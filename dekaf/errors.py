"""Every exception a caller can catch.

    DekafError
    ├── ConfigurationError (ValueError)      an option is wrong: raised at construction, lists every fault
    ├── ProducerClosedError (RuntimeError)   the producer was closed before this call
    ├── BlockingCallError (RuntimeError)     a blocking call where it would stall an event loop or a callback
    ├── BrokerConnectionError (ConnectionError)
    │   └── AuthenticationError              the broker and we do not accept each other
    │       └── CredentialsUnavailableError  there was nothing to authenticate with
    ├── MalformedResponseError               bytes that are not an answer of a Kafka broker
    ├── FlushTimeoutError (TimeoutError)     ``.report`` says how far the flush came
    ├── ProduceAllError (ExceptionGroup)     ``.results`` holds one outcome per message
    └── ProduceError                         what became of one message
        ├── SerializationError               ``.field`` is ``"key"`` or ``"value"``
        ├── RecordTooLargeError
        ├── InvalidRecordError
        ├── InvalidTimestampError
        ├── BufferExhaustedError (TimeoutError)
        ├── OutOfResourcesError
        ├── DeliveryTimeoutError (TimeoutError)
        ├── DeliveryAbortedError
        ├── ClusterUnavailableError
        ├── UnknownTopicOrPartitionError
        ├── InvalidTopicError
        ├── TopicAuthorizationError
        ├── ClusterAuthorizationError
        ├── NotEnoughReplicasError
        ├── NotLeaderOrFollowerError
        ├── OutOfOrderSequenceError
        ├── InvalidProducerEpochError
        ├── CorruptMessageError
        └── UnsupportedCompressionTypeError

``FlushTimeoutError`` and ``ProduceAllError`` carry values of `dekaf.types` and are defined there; the package exports
them beside all others. Every exception pickles. None of them shows a key, a value or a secret.
"""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = (
    "AuthenticationError",
    "BlockingCallError",
    "BrokerConnectionError",
    "BufferExhaustedError",
    "ClusterAuthorizationError",
    "ClusterUnavailableError",
    "ConfigurationError",
    "CorruptMessageError",
    "CredentialsUnavailableError",
    "DekafError",
    "DeliveryAbortedError",
    "DeliveryTimeoutError",
    "InvalidProducerEpochError",
    "InvalidRecordError",
    "InvalidTimestampError",
    "InvalidTopicError",
    "MalformedResponseError",
    "NotEnoughReplicasError",
    "NotLeaderOrFollowerError",
    "OutOfOrderSequenceError",
    "OutOfResourcesError",
    "ProduceError",
    "ProducerClosedError",
    "RecordTooLargeError",
    "SerializationError",
    "TopicAuthorizationError",
    "UnknownTopicOrPartitionError",
    "UnsupportedCompressionTypeError",
)


E = TypeVar("E", bound=BaseException)


def caused_error(error: E, cause: BaseException | None) -> E:
    """Return the error with its cause set: mypyc's machine code ignores the `from` of a `raise`."""
    error.__cause__ = cause
    return error


class DekafError(Exception):
    """The base of everything dekaf raises on purpose."""


class ConfigurationError(DekafError, ValueError):
    """An option, a combination of options, or the place a producer is made in cannot work."""


class ProducerClosedError(DekafError, RuntimeError):
    """The producer was closed; make a new one, or close it later."""


class BlockingCallError(DekafError, RuntimeError):
    """A blocking call was made where it would stall an event loop or wait for itself."""


class BrokerConnectionError(DekafError, ConnectionError):
    """No usable connection to a broker could be made or kept."""


class AuthenticationError(BrokerConnectionError):
    """The broker and this client do not accept each other: a password, a token or a certificate was refused.

    Trying again with the same credentials will hardly help, but dekaf goes on trying, ever more slowly: they may be
    replaced, or the broker be told of them.
    """


class CredentialsUnavailableError(AuthenticationError):
    """There was nothing to authenticate with: a password callable or token provider failed, or took too long."""


class MalformedResponseError(DekafError):
    """The bytes received are not a valid answer of a Kafka broker."""


class ProduceError(DekafError):
    """One message was not, or not certainly, written.

    ``str(error)`` names the topic-partition, what happened, and whether producing the message again is safe.

    Args:
        message: what happened and what to do about it, without key, value or secret. Topic, partition and the advice
            about retrying are added by ``str()``.
        topic: the message's topic, when known.
        partition: its partition, when it was chosen already.
        code: Kafka's error code, when a broker answered with one.
        is_retriable: producing the same message again may succeed.
        may_be_persisted: the message may be in the log, or may still arrive there. When False it is not and will not
            be. The retry that can never write twice is
            ``if error.is_retriable and not error.may_be_persisted``.

    Kafka's error codes: https://kafka.apache.org/protocol#protocol_error_codes
    """

    def __init__(
        self,
        message: str,
        *,
        topic: str | None = None,
        partition: int | None = None,
        code: int | None = None,
        is_retriable: bool = False,
        may_be_persisted: bool = False,
    ) -> None:
        # Only the message goes into args: unpickling calls the class with args, then restores the attributes.
        super().__init__(message)
        self.message = message
        self.topic = topic
        self.partition = partition
        self.code = code
        self.is_retriable = is_retriable
        self.may_be_persisted = may_be_persisted

    def __str__(self) -> str:
        where = self.topic or ""
        if where and self.partition is not None:
            where = f"{where}-{self.partition}"
        text = f"{where}: {self.message}" if where else self.message
        advice = _ADVICE[self.is_retriable, self.may_be_persisted]
        if not advice:
            return text
        return f"{text} {advice}" if text.endswith((".", "!", "?")) else f"{text}. {advice}"

    def as_dict(self) -> dict[str, Any]:
        """Return type, message, topic and partition, as JSON takes them."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "topic": self.topic,
            "partition": self.partition,
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any:
        from dekaf._json_schemas import produce_error_schema  # noqa: PLC0415 - pydantic's library takes 50 ms

        return produce_error_schema(cls, write=cls.as_dict)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any, /) -> dict[str, Any]:
        from dekaf._json_schemas import produce_error_description  # noqa: PLC0415 - as above

        return produce_error_description(cls.__name__)

    @property
    def __pydantic_serializer__(self) -> Any:
        from dekaf._json_schemas import serializer_of  # noqa: PLC0415 - as above

        return serializer_of(ProduceError)


# By (is_retriable, may_be_persisted).
_ADVICE = {
    (True, False): "It was not written: producing it again is safe.",
    (True, True): "It may have been written: producing it again may write it twice.",
    (False, True): "It may have been written all the same.",
    (False, False): "",
}


class SerializationError(ProduceError):
    """The key or the value could not be turned into bytes; ``field`` tells which of them."""

    def __init__(  # noqa: PLR0913 - ProduceError's signature and the field
        self,
        message: str,
        *,
        topic: str | None = None,
        partition: int | None = None,
        code: int | None = None,
        is_retriable: bool = False,
        may_be_persisted: bool = False,
        field: str | None = None,
    ) -> None:
        super().__init__(
            message,
            topic=topic,
            partition=partition,
            code=code,
            is_retriable=is_retriable,
            may_be_persisted=may_be_persisted,
        )
        self.field = field


class RecordTooLargeError(ProduceError):
    """The record exceeds ``max_request_size`` or the limit of the broker or topic (``max.message.bytes``)."""


class InvalidRecordError(ProduceError):
    """The broker refused the record's content, for instance a missing key on a compacted topic."""


class InvalidTimestampError(ProduceError):
    """The record's timestamp is outside what the topic accepts (``message.timestamp.*.max.ms``)."""


class BufferExhaustedError(ProduceError, TimeoutError):
    """``buffer_memory`` stayed full for ``max_block_ms``, or is full where waiting is not allowed."""


class OutOfResourcesError(ProduceError):
    """The system gives the producer no thread, no file descriptor or no memory to work with; later it may."""


class DeliveryTimeoutError(ProduceError, TimeoutError):
    """No outcome arrived within ``delivery_timeout_ms``, ``produce_timeout_ms``, or the call's deadline or timeout."""


class DeliveryAbortedError(ProduceError):
    """The producer was closed, or its engine failed, before the outcome was known."""


class ClusterUnavailableError(ProduceError):
    """No broker has been reachable for ``unavailable_after_ms``; calls that would wait end at once meanwhile."""


class UnknownTopicOrPartitionError(ProduceError):
    """The partition does not exist; or brokers have denied the topic for ``max_block_ms``."""


class InvalidTopicError(ProduceError):
    """The topic's name is not one Kafka allows."""


class TopicAuthorizationError(ProduceError):
    """The client may not write to this topic."""


class ClusterAuthorizationError(ProduceError):
    """The client lacks a right on the cluster itself."""


class NotEnoughReplicasError(ProduceError):
    """Fewer replicas are in sync than the topic's ``min.insync.replicas`` demands."""


class NotLeaderOrFollowerError(ProduceError):
    """The broker asked does not lead the partition (any more)."""


class OutOfOrderSequenceError(ProduceError):
    """The broker missed an earlier batch of this producer on the partition."""


class InvalidProducerEpochError(ProduceError):
    """The broker knows a newer epoch of this producer id."""


class CorruptMessageError(ProduceError):
    """The batch's checksum did not match when the broker read it."""


class UnsupportedCompressionTypeError(ProduceError):
    """The broker, or the topic, does not accept this compression type."""
