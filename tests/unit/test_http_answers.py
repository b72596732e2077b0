"""What an HTTP server answers: a table of all errors."""

from __future__ import annotations

import json

import pytest

import dekaf.errors
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
    caused_error,
)
from dekaf.http_answers import Kind, answer_of, kind_of
from dekaf.types import DrainReport, FlushTimeoutError, ProduceAllError, RecordMetadata

SECRET = "kafka-7.internal:9092"

# By class: what it means when it is retriable and not persisted, as it is where that can be.
TABLE: dict[type[DekafError], Kind | None] = {
    DekafError: None,
    ConfigurationError: None,
    BlockingCallError: None,
    MalformedResponseError: None,
    ProducerClosedError: Kind.SAFE_TO_REPEAT,
    BrokerConnectionError: Kind.SAFE_TO_REPEAT,
    AuthenticationError: Kind.REFUSED,
    CredentialsUnavailableError: Kind.REFUSED,
    TopicAuthorizationError: Kind.REFUSED,
    ClusterAuthorizationError: Kind.REFUSED,
    SerializationError: Kind.BUG,
    RecordTooLargeError: Kind.BUG,
    InvalidRecordError: Kind.BUG,
    InvalidTimestampError: Kind.BUG,
    InvalidTopicError: Kind.BUG,
    UnsupportedCompressionTypeError: Kind.BUG,
    ProduceError: Kind.SAFE_TO_REPEAT,
    ClusterUnavailableError: Kind.SAFE_TO_REPEAT,
    BufferExhaustedError: Kind.SAFE_TO_REPEAT,
    OutOfResourcesError: Kind.SAFE_TO_REPEAT,
    DeliveryTimeoutError: Kind.SAFE_TO_REPEAT,
    DeliveryAbortedError: Kind.SAFE_TO_REPEAT,
    UnknownTopicOrPartitionError: Kind.SAFE_TO_REPEAT,
    NotEnoughReplicasError: Kind.SAFE_TO_REPEAT,
    NotLeaderOrFollowerError: Kind.SAFE_TO_REPEAT,
    OutOfOrderSequenceError: Kind.SAFE_TO_REPEAT,
    InvalidProducerEpochError: Kind.SAFE_TO_REPEAT,
    CorruptMessageError: Kind.SAFE_TO_REPEAT,
}


def classes(base: type[DekafError] = DekafError) -> set[type[DekafError]]:
    below = {one for one in base.__subclasses__() if one.__module__ == dekaf.errors.__name__}
    return {base}.union(*[classes(one) for one in below])


def made(kind: type[DekafError], *, is_retriable: bool = True, may_be_persisted: bool = False) -> DekafError:
    text = f"to {SECRET}"
    if issubclass(kind, SerializationError):
        return SerializationError(text, topic="orders", is_retriable=is_retriable, may_be_persisted=may_be_persisted)
    if issubclass(kind, ProduceError):
        return kind(text, topic="orders", is_retriable=is_retriable, may_be_persisted=may_be_persisted)
    return kind(text)


def test_every_error_is_in_the_table() -> None:
    assert set(TABLE) == classes()


@pytest.mark.parametrize("kind", TABLE)
def test_error_means_what_the_table_says(kind: type[DekafError]) -> None:
    assert kind_of(made(kind)) is TABLE[kind]


@pytest.mark.parametrize("kind", [one for one, means in TABLE.items() if means is Kind.SAFE_TO_REPEAT])
@pytest.mark.parametrize("is_retriable", [True, False])
def test_what_may_be_written_is_never_said_to_be_safe(kind: type[DekafError], is_retriable: bool) -> None:
    error = made(kind, is_retriable=is_retriable, may_be_persisted=True)
    if not isinstance(error, ProduceError):
        return

    answer = answer_of(error)

    assert answer is not None
    assert "Retry-After" not in answer.headers
    assert answer.body["may_be_persisted"] is True
    assert "twice" in answer.body["detail"]


def test_what_cannot_be_mended_by_repeating_is_not_asked_to_be_repeated() -> None:
    answer = answer_of(made(CorruptMessageError, is_retriable=False))

    assert answer is not None
    assert answer.headers == {}
    assert answer.body["may_be_persisted"] is False


def test_retry_is_asked_for_where_it_is_safe() -> None:
    answer = answer_of(made(ClusterUnavailableError), retry_after=7)

    assert answer is not None
    assert (answer.status, answer.headers) == (503, {"Retry-After": "7"})


def test_refusal_as_the_cause_is_a_refusal() -> None:
    refused = made(AuthenticationError)

    assert kind_of(caused_error(made(DeliveryTimeoutError), refused)) is Kind.REFUSED
    away = caused_error(made(ClusterUnavailableError), refused)
    assert kind_of(caused_error(made(BufferExhaustedError), away)) is Kind.REFUSED
    # It was sent before the credentials were refused: that it may be there counts for more.
    assert kind_of(caused_error(made(DeliveryTimeoutError, may_be_persisted=True), refused)) is Kind.MAYBE_WRITTEN


@pytest.mark.parametrize(
    ("errors", "worst"),
    [
        ([made(ClusterUnavailableError)], Kind.SAFE_TO_REPEAT),
        ([made(ClusterUnavailableError), made(CorruptMessageError, is_retriable=False)], Kind.FAILED),
        ([made(ClusterUnavailableError), made(DeliveryTimeoutError, may_be_persisted=True)], Kind.MAYBE_WRITTEN),
        ([made(DeliveryTimeoutError, may_be_persisted=True), made(TopicAuthorizationError)], Kind.REFUSED),
        ([made(RecordTooLargeError), made(TopicAuthorizationError)], Kind.BUG),
    ],
)
def test_of_several_the_worst_counts(errors: list[ProduceError], worst: Kind) -> None:
    assert kind_of(ProduceAllError.of(errors)) is worst


def test_flush_whose_time_is_over_leaves_what_was_accepted_on_its_way() -> None:
    report = DrainReport(delivered=1, failed=0, undelivered=1, elapsed=5.0)

    answer = answer_of(FlushTimeoutError("Not flushed within 5 s.", report))

    assert answer is not None
    assert (answer.kind, answer.status, answer.headers) == (Kind.MAYBE_WRITTEN, 503, {})


def test_part_that_was_written_would_be_written_twice() -> None:
    written = RecordMetadata("orders", 0, 5, 0)
    away = ClusterUnavailableError("No broker.", is_retriable=True)

    assert kind_of(ProduceAllError.of([written, away])) is Kind.MAYBE_WRITTEN
    assert kind_of(ProduceAllError.of([written, RecordTooLargeError("2 MB.")])) is Kind.BUG


@pytest.mark.parametrize(
    "other", [RecordMetadata("orders", 0, 5, 0), DeliveryTimeoutError("Late.", may_be_persisted=True)]
)
def test_part_that_may_be_written_is_told_though_another_was_refused(other: RecordMetadata | ProduceError) -> None:
    answer = answer_of(ProduceAllError.of([other, TopicAuthorizationError("No.")]))

    assert answer is not None
    assert (answer.kind, answer.headers) == (Kind.REFUSED, {})
    assert answer.body["may_be_persisted"] is True
    assert "twice" in answer.body["detail"]


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyboardInterrupt(), made(ConfigurationError)])
def test_other_errors_are_the_frameworks(error: BaseException) -> None:
    assert answer_of(error) is None


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize("may_be_persisted", [True, False])
def test_bodies_tell_nothing_of_the_inside(kind: type[DekafError], may_be_persisted: bool) -> None:
    answer = answer_of(made(kind, may_be_persisted=may_be_persisted))

    text = "" if answer is None else json.dumps(answer.body) + json.dumps(answer.headers)
    assert SECRET not in text
    assert "orders" not in text
