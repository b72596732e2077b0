"""Judge a broker's answer for one batch: the rules of retrying without loss, duplicates or disorder, and nothing else.

Pure decisions. Sources: KIP-98, KIP-360, and what brokers do with sequence numbers: they keep the last five batches of
a producer id per partition, answer a repetition with the first answer's offset, and refuse everything but the next
number.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, final

from dekaf._protocol.error_codes import ErrorCode, row_for
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.sequences import SequenceState


class Verdict(Enum):
    """What is to become of a batch."""

    DELIVERED = "delivered"
    RETRY = "retry"  # the same bytes, the same sequence
    RENUMBER = "renumber"  # certainly not written, and its sequence cannot be: again under a new epoch
    SPLIT = "split"  # too large as a whole: in parts, which share its sequence range
    FAIL = "fail"


_WRONG_SEQUENCE: Final = frozenset({int(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER), int(ErrorCode.UNKNOWN_PRODUCER_ID)})


@final
class BatchContext:
    """What a verdict depends on besides the answer."""

    def __init__(self, state: SequenceState, *, is_oldest: bool, is_expired: bool, is_overtaken: bool = False) -> None:
        self.state: Final = state  # of the partition's sequences
        self.is_overtaken: Final = is_overtaken  # the broker has accepted a later batch of the partition
        self.is_oldest: Final = is_oldest  # no earlier batch of the partition is under way or waits to be repeated
        self.is_expired: Final = is_expired  # `delivery_timeout_ms` is over


def judge(batch: ProducerBatch, code: int, context: BatchContext) -> Verdict:
    """Return what becomes of a batch that was answered with `code`."""
    # DUPLICATE_SEQUENCE_NUMBER: the broker has it already, though it no longer knows the offset.
    if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
        return Verdict.DELIVERED
    if context.is_expired:
        return Verdict.FAIL
    if code == ErrorCode.MESSAGE_TOO_LARGE and batch.record_count > 1:
        return Verdict.SPLIT
    if batch.identity is not None and code in _WRONG_SEQUENCE:
        return _judge_wrong_sequence(batch, context)
    return Verdict.RETRY if row_for(code).is_retriable else Verdict.FAIL


def _judge_wrong_sequence(batch: ProducerBatch, context: BatchContext) -> Verdict:
    if not context.is_oldest:
        return Verdict.RETRY  # refused only because an earlier batch is still missing
    # Only another number helps. But an earlier attempt that was never answered may have been written, or may still lie
    # in a broker's socket and be written later: under another number the broker would not know the two for the same.
    # And one that a later batch has overtaken, which takes a broker without any memory of us, would come out of turn.
    return Verdict.FAIL if batch.is_ambiguous or context.is_overtaken else Verdict.RENUMBER
