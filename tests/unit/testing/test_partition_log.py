from __future__ import annotations

import gzip
import time

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing.partition_log import PartitionLog, TopicSettings, next_sequence
from tests.unit.testing.batches import NOW, batch, idempotent, record, records

MAX_SEQUENCE = 2**31 - 1


@pytest.fixture
def log() -> PartitionLog:
    return PartitionLog("orders", 0, TopicSettings())


def append(log: PartitionLog, data: bytes | None, version: int = 9) -> tuple[int, int]:
    result = log.append(data, version=version)
    return result.error_code, result.base_offset


# What is stored.


def test_records_get_offsets_one_after_the_other(log: PartitionLog) -> None:
    assert append(log, batch(count=3)) == (0, 0)
    assert append(log, batch(count=2)) == (0, 3)
    assert [(stored.offset, stored.value) for stored in log.records] == [
        (0, b"0"),
        (1, b"1"),
        (2, b"2"),
        (3, b"0"),
        (4, b"1"),
    ]


def test_record_keeps_everything_it_came_with(log: PartitionLog) -> None:
    content = record(0, b"k", None, headers=[(b"a", b"1"), (b"a", None)]) + record(1, None, b"", timestamp_delta=9)
    data = batch(content, count=2, max_timestamp=NOW + 9, producer_id=7, producer_epoch=2, base_sequence=MAX_SEQUENCE)

    assert append(log, data) == (0, 0)

    first, second = log.records
    assert (first.topic, first.partition, first.key, first.value) == ("orders", 0, b"k", None)
    assert first.headers == (("a", b"1"), ("a", None))
    assert (first.timestamp_ms, second.timestamp_ms) == (NOW, NOW + 9)
    assert (first.producer_id, first.producer_epoch, first.sequence, second.sequence) == (7, 2, MAX_SEQUENCE, 0)


def test_compressed_records_are_stored(log: PartitionLog) -> None:
    assert append(log, batch(gzip.compress(records((None, b"a"))), attributes=1)) == (0, 0)
    assert [stored.value for stored in log.records] == [b"a"]


def test_topic_with_log_append_time_stamps_records_itself() -> None:
    log = PartitionLog("orders", 0, TopicSettings(log_append_time=True))

    result = log.append(batch(), version=9)

    assert abs(result.log_append_time_ms - time.time() * 1000) < 60_000
    assert log.records[0].timestamp_ms == result.log_append_time_ms


# What is refused.


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(None, ErrorCode.INVALID_RECORD, id="null"),
        pytest.param(b"", ErrorCode.INVALID_RECORD, id="empty"),
        pytest.param(batch()[:40], ErrorCode.CORRUPT_MESSAGE, id="no header"),
        pytest.param(batch()[:-1], ErrorCode.CORRUPT_MESSAGE, id="cut off"),
        pytest.param(batch() + batch(), ErrorCode.INVALID_RECORD, id="two batches"),
        pytest.param(batch(magic=1), ErrorCode.INVALID_RECORD, id="old format"),
        pytest.param(batch(crc=1), ErrorCode.CORRUPT_MESSAGE, id="checksum"),
        pytest.param(batch(base_offset=3), ErrorCode.INVALID_RECORD, id="base offset"),
        pytest.param(batch(b"", count=0), ErrorCode.INVALID_RECORD, id="no records"),
        pytest.param(batch(count=2, last_offset_delta=2), ErrorCode.INVALID_RECORD, id="last offset"),
        pytest.param(batch(records((None, b"a")), count=2), ErrorCode.INVALID_RECORD, id="fewer records"),
        pytest.param(batch(attributes=1 << 5), ErrorCode.INVALID_RECORD, id="control batch"),
        pytest.param(batch(attributes=1 << 4), ErrorCode.INVALID_TXN_STATE, id="transactional"),
        pytest.param(batch(attributes=1 << 3), ErrorCode.INVALID_TIMESTAMP, id="timestamp type"),
        pytest.param(idempotent(-1), ErrorCode.INVALID_RECORD, id="negative sequence"),
        pytest.param(batch(attributes=1), ErrorCode.UNKNOWN_SERVER_ERROR, id="not compressed"),
        pytest.param(
            batch(base_timestamp=int(time.time() * 1000) + 7_200_000), ErrorCode.INVALID_TIMESTAMP, id="from the future"
        ),
    ],
)
def test_broken_batch_is_refused(log: PartitionLog, data: bytes | None, code: ErrorCode) -> None:
    assert append(log, data) == (code, -1)
    assert log.records == []


def test_zstd_needs_the_version_that_allows_it(log: PartitionLog) -> None:
    assert append(log, batch(attributes=4), version=6) == (ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, -1)


def test_batch_may_be_as_large_as_the_topic_allows_and_no_larger() -> None:
    data = batch()

    exact = PartitionLog("orders", 0, TopicSettings(max_message_bytes=len(data)))
    small = PartitionLog("orders", 0, TopicSettings(max_message_bytes=len(data) - 1))

    assert append(exact, data) == (0, 0)
    assert append(small, data) == (ErrorCode.MESSAGE_TOO_LARGE, -1)


def test_compacted_topic_names_the_records_without_a_key() -> None:
    log = PartitionLog("orders", 0, TopicSettings(compacted=True))

    result = log.append(batch(records((b"k", b"a"), (None, b"b")), count=2), version=9)

    assert result.error_code == ErrorCode.INVALID_RECORD
    assert list(result.record_errors) == [1]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(batch(record(5, None, b"a")), id="offsets"),
        pytest.param(batch(record(0, None, b"a", timestamp_delta=3), max_timestamp=NOW + 3), id="base timestamp"),
        pytest.param(batch(max_timestamp=-1), id="maximum timestamp"),
        pytest.param(batch(attributes=1 << 7), id="attributes"),
        pytest.param(batch(base_sequence=0), id="sequence without a producer id"),
    ],
)
def test_what_brokers_let_pass_is_noted(log: PartitionLog, data: bytes) -> None:
    result = log.append(data, version=9)

    assert result.error_code == ErrorCode.NONE
    assert len(result.violations) == 1


def test_proper_batch_violates_nothing(log: PartitionLog) -> None:
    assert log.append(idempotent(0, 3), version=9).violations == ()


# Sequence numbers.


def test_next_sequence_follows(log: PartitionLog) -> None:
    assert append(log, idempotent(0, 3)) == (0, 0)
    assert append(log, idempotent(3, 2)) == (0, 3)


def test_gap_is_out_of_order(log: PartitionLog) -> None:
    append(log, idempotent(0, 3))

    assert append(log, idempotent(4)) == (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
    assert len(log.records) == 3


def test_each_of_the_last_five_batches_is_recognised_and_an_older_one_is_not(log: PartitionLog) -> None:
    for sequence in range(6):
        append(log, idempotent(sequence))

    repeated = [log.append(idempotent(sequence), version=9) for sequence in range(6)]

    assert repeated[0].error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert [result.base_offset for result in repeated[1:]] == [1, 2, 3, 4, 5]
    assert all(result.is_duplicate for result in repeated[1:])
    assert len(log.records) == 6


def test_same_first_sequence_with_another_count_is_no_duplicate(log: PartitionLog) -> None:
    append(log, idempotent(0, 3))

    assert append(log, idempotent(0, 2)) == (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)


def test_sequence_wraps_to_zero_within_a_batch_and_between_batches(log: PartitionLog) -> None:
    assert append(log, idempotent(MAX_SEQUENCE - 1, 3)) == (0, 0)  # ends at 0
    assert append(log, idempotent(1)) == (0, 3)
    assert append(log, idempotent(MAX_SEQUENCE - 1, 3)) == (0, 0)
    assert next_sequence(MAX_SEQUENCE) == 0


def test_unknown_producer_may_begin_anywhere(log: PartitionLog) -> None:
    assert append(log, idempotent(17)) == (0, 0)


def test_new_epoch_begins_at_zero(log: PartitionLog) -> None:
    append(log, idempotent(0, 3))

    assert append(log, idempotent(3, epoch=1)) == (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
    assert append(log, idempotent(0, epoch=1)) == (0, 3)


def test_old_epoch_is_fenced(log: PartitionLog) -> None:
    append(log, idempotent(0, epoch=1))

    assert append(log, idempotent(0, epoch=0)) == (ErrorCode.INVALID_PRODUCER_EPOCH, -1)


def test_producers_do_not_disturb_each_other(log: PartitionLog) -> None:
    append(log, idempotent(0, 2, producer_id=1))
    append(log, idempotent(0, 2, producer_id=2))

    assert append(log, idempotent(2, producer_id=1)) == (0, 4)


def test_forgotten_producer_is_an_unknown_one(log: PartitionLog) -> None:
    append(log, idempotent(0, 3))
    log.forget_producers()

    assert append(log, idempotent(0, 3)) == (0, 3)
