"""What becomes of a batch: one answer, one verdict."""

from __future__ import annotations

import pytest

from dekaf._protocol.error_codes import ERROR_CODES, ErrorCode
from dekaf._record.builder import RecordBatchBuilder
from dekaf._wire.writer import BytesWriter
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch, SequenceState
from dekaf.producer._engine.verdict import BatchContext, Verdict, judge
from tests.unit.producer.rooms import Heard, T

IDENTITY = ProducerIdAndEpoch(1, 0)
WRONG_SEQUENCE = (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.UNKNOWN_PRODUCER_ID)
DELIVERED = (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER)


def batch_of(records: int = 1, *, is_idempotent: bool = True, is_ambiguous: bool = False) -> ProducerBatch:
    batch = ProducerBatch("t", 0, RecordBatchBuilder(T, BytesWriter()), 0.0, Heard().listener())
    for _ in range(records):
        batch.append(10, T, None, b"value", None, None, None, None)
    batch.identity = IDENTITY if is_idempotent else None
    batch.is_ambiguous = is_ambiguous
    return batch


def context(
    state: SequenceState = SequenceState.CONTINUOUS, *, is_oldest: bool = True, is_expired: bool = False
) -> BatchContext:
    return BatchContext(state, is_oldest=is_oldest, is_expired=is_expired)


@pytest.mark.parametrize("code", DELIVERED)
@pytest.mark.parametrize("is_expired", [True, False])
def test_what_is_written_is_delivered_even_late(code: int, is_expired: bool) -> None:
    assert judge(batch_of(), code, context(is_expired=is_expired)) is Verdict.DELIVERED


@pytest.mark.parametrize("code", [code for code in ERROR_CODES if code not in DELIVERED])
def test_nothing_is_tried_again_after_its_time(code: int) -> None:
    assert judge(batch_of(3), code, context(is_expired=True)) is Verdict.FAIL


@pytest.mark.parametrize("is_idempotent", [True, False])
@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_every_code_of_the_table_has_its_verdict(code: int, is_idempotent: bool) -> None:
    row = ERROR_CODES[code]
    if code in DELIVERED:
        expected = Verdict.DELIVERED
    elif code in WRONG_SEQUENCE and is_idempotent:
        expected = Verdict.RENUMBER
    else:
        expected = Verdict.RETRY if row.is_retriable else Verdict.FAIL

    assert judge(batch_of(is_idempotent=is_idempotent), code, context()) is expected


@pytest.mark.parametrize("code", [-2, 1, 4, 999])
def test_code_nobody_knows_is_not_tried_again(code: int) -> None:
    assert judge(batch_of(), code, context()) is Verdict.FAIL


@pytest.mark.parametrize("code", WRONG_SEQUENCE)
def test_wrong_sequence_behind_an_earlier_batch_waits_for_that_one(code: int) -> None:
    for is_ambiguous in (True, False):
        batch = batch_of(is_ambiguous=is_ambiguous)
        assert judge(batch, code, context(is_oldest=False)) is Verdict.RETRY


@pytest.mark.parametrize("code", WRONG_SEQUENCE)
@pytest.mark.parametrize("state", SequenceState)
def test_wrong_sequence_of_the_oldest_asks_for_another_number(code: int, state: SequenceState) -> None:
    assert judge(batch_of(), code, context(state)) is Verdict.RENUMBER


@pytest.mark.parametrize("code", WRONG_SEQUENCE)
@pytest.mark.parametrize("state", SequenceState)
def test_what_may_be_written_already_never_gets_another_number(code: int, state: SequenceState) -> None:
    assert judge(batch_of(is_ambiguous=True), code, context(state)) is Verdict.FAIL


def test_batch_that_is_too_large_is_split_unless_it_is_one_record() -> None:
    assert judge(batch_of(2), ErrorCode.MESSAGE_TOO_LARGE, context()) is Verdict.SPLIT
    assert judge(batch_of(1), ErrorCode.MESSAGE_TOO_LARGE, context()) is Verdict.FAIL


@pytest.mark.parametrize("code", WRONG_SEQUENCE)
def test_what_a_later_batch_has_overtaken_is_not_written_after_it(code: int) -> None:
    context = BatchContext(SequenceState.CONTINUOUS, is_oldest=True, is_expired=False, is_overtaken=True)

    assert judge(batch_of(), code, context) is Verdict.FAIL
