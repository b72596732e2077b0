"""A batch that was too large: its parts share its place in line, its numbers, its memory and everybody who waits."""

from __future__ import annotations

import random

import pytest

from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._record.compression import Codec, codec_for
from dekaf._wire.writer import BytesWriter
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch
from dekaf.producer._engine.split import split
from dekaf.testing.decompression import decompress
from dekaf.testing.record_reader import BatchRecord, read_records
from dekaf.types import RecordMetadata
from tests.unit.producer.rooms import CALLBACKS, CallbackNotes, Heard, T, Wakes

ME = ProducerIdAndEpoch(7, 1)
LAST = 2**31 - 1
HEADERS = encode_headers([("h", b"1")])


class Parent:
    """A sealed batch of records of a hundred bytes, each a millisecond younger than the one before."""

    def __init__(self, count: int, *, codec: Codec | None = None, base_sequence: int = 10) -> None:
        self.heard = Heard()
        self.notes = [CallbackNotes() for _ in range(count)]
        self.codec = codec
        self.batch = ProducerBatch("t", 3, RecordBatchBuilder(T, BytesWriter()), 5.0, self.heard.listener())
        self.values = [b"%04d" % number + b"." * 96 for number in range(count)]
        for number, value in enumerate(self.values):
            content = content_size(b"key", value, HEADERS)
            note = self.notes[number]
            self.batch.append(content, T + number, b"key", value, HEADERS, note, CALLBACKS, None)
        self.batch.seal(codec)
        self.batch.number(ME, base_sequence)
        self.batch.send_order = 1_000_000
        self.charged = int(self.batch.charged)

    def split(self, target: int) -> list[ProducerBatch]:
        """Return the parts."""
        return split(self.batch, self.codec, target)


def records_of(batch: ProducerBatch) -> list[BatchRecord]:
    sealed = batch.sealed
    assert sealed is not None
    return read_records(decompress(sealed.codec_id, sealed.records), int(batch.record_count))


@pytest.mark.parametrize("name", [None, "gzip"])
def test_records_are_the_same_in_the_same_order(name: str | None) -> None:
    parent = Parent(10, codec=None if name is None else codec_for(name, None))

    parts = parent.split(400)

    assert len(parts) > 2
    records = [record for part in parts for record in records_of(part)]
    assert [(one.key, one.value, one.headers) for one in records] == [
        (b"key", value, (("h", b"1"),)) for value in parent.values
    ]
    assert [part.builder.base_timestamp + record.timestamp_delta for part in parts for record in records_of(part)] == [
        T + number for number in range(10)
    ]
    assert {part.state for part in parts} == {BatchState.SEALED}


def test_parts_are_no_larger_than_wanted_before_compression() -> None:
    parts = Parent(20).split(500)

    assert all(part.builder.size_bytes <= 500 for part in parts)
    assert len(parts) == 7  # of three records each, but for the last


def test_batch_that_is_not_larger_than_wanted_is_halved() -> None:
    parts = Parent(8).split(50_000)

    assert len(parts) >= 2
    assert max(int(part.record_count) for part in parts) < 8


def test_record_larger_than_wanted_has_a_part_for_itself() -> None:
    assert [int(part.record_count) for part in Parent(3).split(1)] == [1, 1, 1]


def test_numbers_go_on_from_part_to_part_also_beyond_the_last_one() -> None:
    parent = Parent(6, base_sequence=LAST - 2)

    parts = parent.split(1)

    assert [int(part.base_sequence) for part in parts] == [LAST - 2, LAST - 1, LAST, 0, 1, 2]
    assert {part.identity for part in parts} == {ME}


def test_batch_without_numbers_is_split_into_such() -> None:
    parent = Parent(2)
    parent.batch.number(None, -1)

    assert [(part.identity, int(part.base_sequence)) for part in parent.split(1)] == [(None, -1), (None, -1)]


def test_parts_stay_before_whatever_came_after_their_parent_however_often_they_are_split() -> None:
    parent = Parent(64)
    after = int(parent.batch.send_order + parent.batch.send_order_span)

    parts = parent.split(50_000)
    while any(part.record_count > 1 for part in parts):
        parts = [new for part in parts for new in (split(part, None, 1) if part.record_count > 1 else [part])]

    orders = [int(part.send_order) for part in parts]
    assert orders == sorted(set(orders))
    assert parent.batch.send_order <= orders[0]
    assert orders[-1] < after


def test_memory_is_shared_out_to_the_byte_and_age_and_doubt_are_kept() -> None:
    parent = Parent(7)
    parent.batch.is_ambiguous = True
    parent.batch.was_sent_by_name = True

    parts = parent.split(1)

    assert sum(int(part.charged) for part in parts) == parent.charged
    assert int(parent.batch.charged) == 0
    assert {part.created for part in parts} == {5.0}
    assert all(part.is_ambiguous and part.was_sent_by_name for part in parts)
    assert {int(part.attempts) for part in parts} == {0}


def test_each_record_is_told_of_its_own_part_once() -> None:
    parent = Parent(9)
    parts = parent.split(400)

    random.Random(1).shuffle(parts)
    for part in parts:
        first = int(part.base_sequence) - 10
        part.succeed(500 + first, -1)
    parent.heard.notify_all()

    assert parent.notes == [[(RecordMetadata("t", 3, 500 + number, T + number), None)] for number in range(9)]
    assert parent.batch.waits == []


def test_flush_waits_for_the_last_part() -> None:
    parent = Parent(4)
    told = Wakes()
    parent.batch.flushes.append(told)

    *others, last = parent.split(1)
    for part in others:
        part.succeed(0, -1)
    assert told.count == 0
    last.succeed(0, -1)

    assert told.count == 1
