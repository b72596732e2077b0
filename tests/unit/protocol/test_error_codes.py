"""The table of error codes, and the exceptions made from it."""

from __future__ import annotations

import pickle

import pytest

from dekaf._protocol.error_codes import ERROR_CODES, ErrorCode, produce_error, row_for
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

RETRIABLE = {2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 51, 56, 72, 74, 75, 83, 89, 100, 103}
REFRESHES_METADATA = {3, 5, 6, 9, 13, 56, 72, 74, 83, 100, 103, 129}
REFUSED_BEFORE_APPENDING = {2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 43, 44, 45, 47, 48, 76, 87, 90, 100, 103, 120}
WRITTEN_OR_UNKNOWN = {-1, 3, 6, 7, 13, 20, 46, 56}


def codes(attribute: str) -> set[int]:
    return {code for code, row in ERROR_CODES.items() if getattr(row, attribute)}


def test_every_named_code_has_a_row_with_its_name() -> None:
    assert {code: row.name for code, row in ERROR_CODES.items()} == {int(code): code.name for code in ErrorCode}
    assert all(row.code == code for code, row in ERROR_CODES.items())


@pytest.mark.mistake("aiokafka PR 1115")
def test_retriable_codes_are_those_kafka_calls_retriable() -> None:
    assert codes("is_retriable") == RETRIABLE


def test_codes_about_leaders_and_topics_refresh_the_metadata() -> None:
    assert codes("refreshes_metadata") == REFRESHES_METADATA


def test_codes_after_which_a_batch_may_be_in_the_log_say_so() -> None:
    assert codes("may_be_persisted") >= WRITTEN_OR_UNKNOWN
    assert not codes("may_be_persisted") & REFUSED_BEFORE_APPENDING


def test_codes_about_the_producers_identity_call_for_a_new_one() -> None:
    assert codes("renews_producer_id") == {45, 47, 48, 49, 59, 90}


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (2, CorruptMessageError),
        (3, UnknownTopicOrPartitionError),
        (6, NotLeaderOrFollowerError),
        (10, RecordTooLargeError),
        (17, InvalidTopicError),
        (18, RecordTooLargeError),
        (19, NotEnoughReplicasError),
        (20, NotEnoughReplicasError),
        (29, TopicAuthorizationError),
        (31, ClusterAuthorizationError),
        (32, InvalidTimestampError),
        (45, OutOfOrderSequenceError),
        (47, InvalidProducerEpochError),
        (59, OutOfOrderSequenceError),
        (76, UnsupportedCompressionTypeError),
        (87, InvalidRecordError),
        (90, InvalidProducerEpochError),
        (100, UnknownTopicOrPartitionError),
        (44, ProduceError),
    ],
)
def test_code_becomes_the_exception_people_catch(code: int, error_class: type[ProduceError]) -> None:
    error = produce_error(code, "orders", partition=3, may_be_persisted=False)

    assert type(error) is error_class
    assert (error.topic, error.partition, error.code) == ("orders", 3, code)
    assert str(error).startswith("orders-3: ")
    assert ERROR_CODES[code].name in str(error)


def test_exception_carries_what_the_caller_of_the_table_knows() -> None:
    error = produce_error(87, "orders", partition=None, detail="no key", may_be_persisted=True)

    assert error.partition is None
    assert error.may_be_persisted
    assert not error.is_retriable
    assert "no key" in str(error)


@pytest.mark.parametrize(
    ("code", "expected"), [(7, True), (19, True), (45, True), (90, True), (10, False), (29, False)]
)
def test_retry_is_suggested_where_a_retry_may_succeed(code: int, expected: bool) -> None:
    assert produce_error(code, "orders", partition=0, may_be_persisted=False).is_retriable is expected


@pytest.mark.parametrize("code", [-2, 99, 12345])
def test_unknown_code_is_named_by_number_and_not_retried(code: int) -> None:
    row = row_for(code)
    error = produce_error(code, "orders", partition=0, may_be_persisted=row.may_be_persisted)

    assert not row.is_retriable
    assert row.may_be_persisted
    assert type(error) is ProduceError
    assert f"unknown error {code}" in str(error)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_code_makes_an_exception_that_pickles(code: int) -> None:
    error = produce_error(code, "orders", partition=1, detail="why", may_be_persisted=True)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_description_fits_into_a_sentence(code: int) -> None:
    description = ERROR_CODES[code].description

    assert description
    assert not description.endswith(".")
