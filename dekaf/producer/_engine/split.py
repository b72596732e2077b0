"""Split a batch that the broker found too large into smaller ones, which share its place in line (KIP-126)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf._record.builder import RecordBatchBuilder, content_size
from dekaf._record.compression import Codec
from dekaf._record.record_batch import BATCH_OVERHEAD
from dekaf._record.record_reader import read_records
from dekaf._wire.writer import BytesWriter
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.sequences import NO_SEQUENCE, next_sequence
from dekaf.producer._waiting.record_trace import chain_for


def split(batch: ProducerBatch, codec: Codec | None, target_size: i64) -> list[ProducerBatch]:
    """Return at least two batches with the records of `batch`, each about `target_size` bytes before compression.

    Sequences, creation time, memory charged and the callers that wait pass to the children; attempts start anew. A
    batch that is not larger than the target is halved instead, or it would split into itself for ever.

    Raises:
        Exception: The codec's library failed, or there is no memory; `batch` is as it was.
    """
    sealed = batch.sealed
    assert sealed is not None
    records = sealed.records if codec is None or sealed.codec_id == 0 else codec.decompress(sealed.records)
    size: i64 = BATCH_OVERHEAD + i64(len(records))
    target = min(target_size, size // 2)
    children: list[ProducerBatch] = []
    for record in read_records(records, sealed.record_count):
        timestamp = sealed.base_timestamp + record.timestamp_delta
        content = content_size(record.key, record.value, record.headers)
        child = children[-1] if children else None
        if child is None or child.builder.size_bytes + child.builder.size_of(content, timestamp) > target:
            child = _new_child(batch, timestamp)
            children.append(child)
        child.builder.append(content, timestamp, record.key, record.value, record.headers)
    for child in children:
        child.seal(codec)
    _pass_on(batch, children)  # last of all: nothing of it fails
    return children


def _new_child(parent: ProducerBatch, timestamp: i64) -> ProducerBatch:
    builder = RecordBatchBuilder(timestamp, BytesWriter())
    return ProducerBatch(parent.topic, parent.partition, builder, parent.created, parent.listener)


def _pass_on(parent: ProducerBatch, children: list[ProducerBatch]) -> None:
    """Number the children, and give them what the parent had."""
    first: i64 = 0  # the index, in the parent, of the child's first record
    span = parent.send_order_span // len(children)
    traces = parent.take_traces()
    for number, child in enumerate(children):
        count = child.record_count
        _pass_on_waits(parent, child, first)
        shift = parent.builder.base_timestamp - child.builder.base_timestamp
        child.traces = chain_for(traces, first, first + count, shift)
        child.send_order = parent.send_order + number * span
        child.send_order_span = span
        child.is_ambiguous = parent.is_ambiguous
        child.may_be_in_later_log = parent.may_be_in_later_log
        child.was_sent_by_name = parent.was_sent_by_name
        base: i64 = NO_SEQUENCE
        if parent.identity is not None:
            base = next_sequence(parent.base_sequence, first)
        child.number(parent.identity, base)
        first += count
    parent.take_waits()  # they are the children's now
    parent.state = BatchState.DONE  # so is its outcome
    _share_memory(parent, children)
    for flush in parent.flushes:
        countdown = _Countdown(len(children), flush)
        for child in children:
            child.flushes.append(countdown.one_done)
    parent.flushes = []


def _share_memory(parent: ProducerBatch, children: list[ProducerBatch]) -> None:
    share = parent.charged // len(children)
    for child in children:
        child.charged = share
    children[0].charged = parent.charged - share * (len(children) - 1)
    parent.charged = 0


def _pass_on_waits(parent: ProducerBatch, child: ProducerBatch, first: i64) -> None:
    shift = parent.builder.base_timestamp - child.builder.base_timestamp
    for waits in parent.waits:
        mine = waits.share_out(first, first + child.record_count, shift)
        if mine is not None:
            mine.batch = child
            child.waits.append(mine)
            child.ends_at = min(child.ends_at, mine.route.ends_at)


@final
class _Countdown:
    """Calls once what was to be called when the parent is done, after the last of its children."""

    def __init__(self, count: int, tell: Callable[[], None]) -> None:
        self._left = count
        self._tell: Final = tell

    def one_done(self) -> None:
        """One child has its outcome."""
        self._left -= 1
        if self._left == 0:
            self._tell()
