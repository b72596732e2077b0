"""Kafka's error codes: what each means, what the client does about it, and which exception a caller sees.

Policy lives in this table, not in a class hierarchy. https://kafka.apache.org/protocol#protocol_error_codes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

from dekaf.errors import (
    ClusterAuthorizationError,
    CorruptMessageError,
    InvalidProducerEpochError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    NotEnoughReplicasError,
    NotLeaderOrFollowerError,
    OutOfOrderSequenceError,
    ProduceError,
    RecordTooLargeError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
    UnsupportedCompressionTypeError,
)

__all__ = ("ERROR_CODES", "ErrorCode", "ErrorRow", "name_of_error", "produce_error", "row_for")


class ErrorCode(IntEnum):
    """Kafka's names for the codes a producer can meet."""

    UNKNOWN_SERVER_ERROR = -1
    NONE = 0
    CORRUPT_MESSAGE = 2
    UNKNOWN_TOPIC_OR_PARTITION = 3
    LEADER_NOT_AVAILABLE = 5
    NOT_LEADER_OR_FOLLOWER = 6
    REQUEST_TIMED_OUT = 7
    BROKER_NOT_AVAILABLE = 8
    REPLICA_NOT_AVAILABLE = 9
    MESSAGE_TOO_LARGE = 10
    NETWORK_EXCEPTION = 13
    COORDINATOR_LOAD_IN_PROGRESS = 14
    COORDINATOR_NOT_AVAILABLE = 15
    NOT_COORDINATOR = 16
    INVALID_TOPIC_EXCEPTION = 17
    RECORD_LIST_TOO_LARGE = 18
    NOT_ENOUGH_REPLICAS = 19
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
    INVALID_REQUIRED_ACKS = 21
    TOPIC_AUTHORIZATION_FAILED = 29
    CLUSTER_AUTHORIZATION_FAILED = 31
    INVALID_TIMESTAMP = 32
    UNSUPPORTED_SASL_MECHANISM = 33
    ILLEGAL_SASL_STATE = 34
    UNSUPPORTED_VERSION = 35
    INVALID_REQUEST = 42
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    POLICY_VIOLATION = 44
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    DUPLICATE_SEQUENCE_NUMBER = 46
    INVALID_PRODUCER_EPOCH = 47
    INVALID_TXN_STATE = 48
    INVALID_PRODUCER_ID_MAPPING = 49
    INVALID_TRANSACTION_TIMEOUT = 50
    CONCURRENT_TRANSACTIONS = 51
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
    SECURITY_DISABLED = 54
    KAFKA_STORAGE_ERROR = 56
    SASL_AUTHENTICATION_FAILED = 58
    UNKNOWN_PRODUCER_ID = 59
    REASSIGNMENT_IN_PROGRESS = 60
    LISTENER_NOT_FOUND = 72
    FENCED_LEADER_EPOCH = 74
    UNKNOWN_LEADER_EPOCH = 75
    UNSUPPORTED_COMPRESSION_TYPE = 76
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83
    INVALID_RECORD = 87
    THROTTLING_QUOTA_EXCEEDED = 89
    PRODUCER_FENCED = 90
    UNKNOWN_TOPIC_ID = 100
    INCONSISTENT_TOPIC_ID = 103
    TRANSACTION_ABORTABLE = 120
    REBOOTSTRAP_REQUIRED = 129


@final
@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """What is known about one error code.

    Args:
        code: the number on the wire.
        name: Kafka's name for it.
        is_retriable: the same request, sent again, may succeed.
        refreshes_metadata: what is known about the partition's leader or the topic is out of date.
        may_be_persisted: a batch answered with this code may be in the log all the same. False only where the broker
            refuses before it appends; an earlier attempt of the same batch may still have been appended.
        renews_producer_id: the producer id, its epoch or its numbering is no longer accepted; under a new one the
            same message may succeed.
        description: what happened and what to do about it, without a full stop.
        error_class: the exception for one message.
    """

    code: int
    name: str
    is_retriable: bool
    refreshes_metadata: bool
    may_be_persisted: bool
    renews_producer_id: bool
    description: str
    error_class: type[ProduceError]


def row_for(code: int) -> ErrorRow:
    """Row of a code; codes this client does not know are not retried, since what a retry would do is not known."""
    row = ERROR_CODES.get(code)
    if row is not None:
        return row
    return ErrorRow(
        code=code,
        name=f"unknown error {code}",
        is_retriable=False,
        refreshes_metadata=False,
        may_be_persisted=True,
        renews_producer_id=False,
        description="the broker answered with a code this version of dekaf does not know",
        error_class=ProduceError,
    )


def name_of_error(error: BaseException) -> str:
    """Return what an error is counted under: Kafka's name if a broker answered with its code, else its class's."""
    code = error.code if isinstance(error, ProduceError) else None
    if code is None:
        return type(error).__name__
    row = ERROR_CODES.get(code)
    return f"ERROR_{code}" if row is None else row.name


def produce_error(
    code: int, topic: str, *, partition: int | None, detail: str | None = None, may_be_persisted: bool
) -> ProduceError:
    """Make the exception for one message.

    Args:
        code: Kafka's error code.
        topic: the message's topic.
        partition: its partition, when it was chosen already.
        detail: what the broker said beyond the code.
        may_be_persisted: whether any attempt may have reached the log; the row knows about a single answer only.
    """
    row = row_for(code)
    message = f"{row.description} ({row.name})."
    if detail:
        message = f"{message} The broker said: {detail}"
    return row.error_class(
        message,
        topic=topic,
        partition=partition,
        code=code,
        is_retriable=row.is_retriable or row.renews_producer_id,
        may_be_persisted=may_be_persisted,
    )


def _row(code: ErrorCode, traits: str, description: str, error_class: type[ProduceError] = ProduceError) -> ErrorRow:
    return ErrorRow(
        code=int(code),
        name=code.name,
        is_retriable="R" in traits,
        refreshes_metadata="M" in traits,
        may_be_persisted="W" in traits,
        renews_producer_id="N" in traits,
        description=description,
        error_class=error_class,
    )


# The letters: R retriable, M refresh the metadata, W possibly written, N a new producer id helps.
#
# W is left out only where the broker refuses before it appends. With acks=all the leader appends first and waits for
# its followers afterwards; what it answers when it loses the leadership (6), the partition (3) or the disk (56) while
# it waits looks the same as a refusal.
_ROWS: Final = (
    _row(
        ErrorCode.UNKNOWN_SERVER_ERROR,
        "W",
        "the broker failed unexpectedly while it handled the request; its log has the reason",
    ),
    _row(ErrorCode.NONE, "W", "no error"),
    _row(
        ErrorCode.CORRUPT_MESSAGE,
        "R",
        "the batch did not match its checksum when the broker read it, or a message without a key went to a "
        "compacted topic of an old broker",
        CorruptMessageError,
    ),
    _row(
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "RMW",
        "the topic or partition does not exist on this broker: create the topic, or check its name",
        UnknownTopicOrPartitionError,
    ),
    _row(ErrorCode.LEADER_NOT_AVAILABLE, "RMW", "the partition is between two leaders"),
    _row(
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        "RMW",
        "the broker asked does not lead the partition any more",
        NotLeaderOrFollowerError,
    ),
    _row(ErrorCode.REQUEST_TIMED_OUT, "RW", "the followers did not confirm the write within the request's timeout"),
    _row(ErrorCode.BROKER_NOT_AVAILABLE, "W", "the broker is not available"),
    _row(ErrorCode.REPLICA_NOT_AVAILABLE, "RMW", "a replica of the partition is not available"),
    _row(
        ErrorCode.MESSAGE_TOO_LARGE,
        "",
        "the message is larger than the topic accepts: send less, or raise the topic's max.message.bytes",
        RecordTooLargeError,
    ),
    _row(ErrorCode.NETWORK_EXCEPTION, "RMW", "the connection was lost before the broker's answer arrived"),
    _row(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "R", "the coordinator is still loading its state"),
    _row(ErrorCode.COORDINATOR_NOT_AVAILABLE, "R", "no coordinator is available yet"),
    _row(ErrorCode.NOT_COORDINATOR, "R", "the broker asked is not the coordinator any more"),
    _row(
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        "",
        "the topic's name is not allowed (1 to 249 letters, digits, dots, underscores or dashes, not . or ..), or the "
        "topic is internal to Kafka",
        InvalidTopicError,
    ),
    _row(
        ErrorCode.RECORD_LIST_TOO_LARGE,
        "",
        "the batch is larger than a segment of the topic's log: lower batch_size, or raise the topic's segment.bytes",
        RecordTooLargeError,
    ),
    _row(
        ErrorCode.NOT_ENOUGH_REPLICAS,
        "R",
        "fewer replicas are in sync than the topic's min.insync.replicas demands",
        NotEnoughReplicasError,
    ),
    _row(
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        "RW",
        "the leader wrote the message, but then fewer replicas were in sync than min.insync.replicas demands",
        NotEnoughReplicasError,
    ),
    _row(ErrorCode.INVALID_REQUIRED_ACKS, "", "the broker does not accept this value of acks"),
    _row(
        ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        "",
        "the client may not write to the topic: grant it WRITE there",
        TopicAuthorizationError,
    ),
    _row(
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        "",
        "the client lacks a right on the cluster: grant it IDEMPOTENT_WRITE, or set enable_idempotence to False",
        ClusterAuthorizationError,
    ),
    _row(
        ErrorCode.INVALID_TIMESTAMP,
        "",
        "the timestamp is outside what the topic accepts (message.timestamp.before.max.ms, .after.max.ms)",
        InvalidTimestampError,
    ),
    _row(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "", "the broker does not offer this SASL mechanism"),
    _row(ErrorCode.ILLEGAL_SASL_STATE, "", "the broker expected the connection to authenticate first"),
    _row(ErrorCode.UNSUPPORTED_VERSION, "", "the broker does not support the version of this request"),
    _row(ErrorCode.INVALID_REQUEST, "W", "the broker could not make sense of the request"),
    _row(
        ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        "",
        "the topic still uses a message format without headers and sequence numbers: raise its message.format.version",
    ),
    _row(ErrorCode.POLICY_VIOLATION, "", "a policy of the cluster forbids this"),
    _row(
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        "N",
        "the broker missed an earlier batch of this producer on the partition",
        OutOfOrderSequenceError,
    ),
    _row(ErrorCode.DUPLICATE_SEQUENCE_NUMBER, "W", "the broker has this batch already"),
    _row(
        ErrorCode.INVALID_PRODUCER_EPOCH,
        "N",
        "the broker knows a newer epoch of this producer id",
        InvalidProducerEpochError,
    ),
    _row(ErrorCode.INVALID_TXN_STATE, "N", "the broker does not expect this in the producer's present state"),
    _row(ErrorCode.INVALID_PRODUCER_ID_MAPPING, "N", "the producer id does not belong to the transactional id"),
    _row(ErrorCode.INVALID_TRANSACTION_TIMEOUT, "", "the broker does not allow transactions to stay open so long"),
    _row(ErrorCode.CONCURRENT_TRANSACTIONS, "R", "an earlier transaction of this producer is still being completed"),
    _row(
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        "",
        "the client may not use this transactional id: grant it WRITE on the id",
    ),
    _row(ErrorCode.SECURITY_DISABLED, "", "security features are off on this broker"),
    _row(ErrorCode.KAFKA_STORAGE_ERROR, "RMW", "the leader's disk failed"),
    _row(ErrorCode.SASL_AUTHENTICATION_FAILED, "", "the broker refused the credentials"),
    _row(
        ErrorCode.UNKNOWN_PRODUCER_ID,
        "N",
        "the broker has forgotten this producer on the partition",
        OutOfOrderSequenceError,
    ),
    _row(ErrorCode.REASSIGNMENT_IN_PROGRESS, "W", "the partition is being moved to other brokers"),
    _row(ErrorCode.LISTENER_NOT_FOUND, "RMW", "the partition's leader has no listener of the kind we connected to"),
    _row(ErrorCode.FENCED_LEADER_EPOCH, "RMW", "the partition has had a newer leader than the request assumed"),
    _row(ErrorCode.UNKNOWN_LEADER_EPOCH, "RW", "the broker has not heard of the partition's newest leader yet"),
    _row(
        ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
        "",
        "the broker or topic does not accept the compression type: choose another compression_type",
        UnsupportedCompressionTypeError,
    ),
    _row(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, "RMW", "no replica of the partition may become its leader now"),
    _row(
        ErrorCode.INVALID_RECORD,
        "",
        "the broker refused the message's content, for instance a missing key on a compacted topic",
        InvalidRecordError,
    ),
    _row(ErrorCode.THROTTLING_QUOTA_EXCEEDED, "R", "the client used up its quota"),
    _row(
        ErrorCode.PRODUCER_FENCED,
        "N",
        "another producer has taken over this producer's identity",
        InvalidProducerEpochError,
    ),
    _row(
        ErrorCode.UNKNOWN_TOPIC_ID,
        "RM",
        "the topic was deleted, or deleted and created again",
        UnknownTopicOrPartitionError,
    ),
    _row(
        ErrorCode.INCONSISTENT_TOPIC_ID,
        "RM",
        "the topic was deleted and created again",
        UnknownTopicOrPartitionError,
    ),
    _row(ErrorCode.TRANSACTION_ABORTABLE, "", "the transaction has to be aborted"),
    _row(ErrorCode.REBOOTSTRAP_REQUIRED, "MW", "the broker no longer belongs to the cluster we knew"),
)

ERROR_CODES: Final[Mapping[int, ErrorRow]] = {row.code: row for row in _ROWS}
