"""A batch without what was withdrawn from it: the rest is as if the others had never been there."""

from __future__ import annotations

import pytest

from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._record.compression import Codec, codec_for
from dekaf._wire.writer import BytesWriter
from dekaf.errors import ProduceError
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.buffer_memory import BufferMemory
from dekaf.producer._buffer.lock import new_lock
from dekaf.producer._buffer.withdrawal import rid_of_withdrawn, without_withdrawn
from dekaf.testing.decompression import decompress
from dekaf.testing.record_reader import BatchRecord, read_records
from dekaf.types import RecordMetadata
from tests.unit.producer.rooms import CALLBACKS, CallbackNotes, Heard, T

LOST = ProduceError("lost")
HEADERS = encode_headers([("h", b"1")])
COUNT = 6
CAPACITY = 10_000


class Lot:
    """A batch of records, each ten milliseconds younger than the one before, some of which are withdrawn."""

    def __init__(self, *withdrawn: int) -> None:
        self.heard = Heard()
        self.notes = {number: CallbackNotes() for number in range(COUNT) if number not in withdrawn}
        self.batch = ProducerBatch("t", 3, RecordBatchBuilder(T, BytesWriter()), 5.0, self.heard.listener())
        self.values = [b"%04d" % number + b"." * 96 for number in range(COUNT)]
        for number, value in enumerate(self.values):
            content = content_size(b"key", value, HEADERS)
            note = self.notes.get(number)
            route = None if note is None else CALLBACKS
            self.batch.append(content, T + 10 * number, b"key", value, HEADERS, note, route, None)
        self.batch.withdrawn.extend(withdrawn)


def records_of(batch: ProducerBatch, codec: Codec | None = None) -> list[BatchRecord]:
    batch.seal(codec)
    sealed = batch.sealed
    assert sealed is not None
    return read_records(decompress(sealed.codec_id, sealed.records), int(batch.record_count))


@pytest.mark.parametrize("withdrawn", [(0,), (5,), (0, 1, 2), (1, 3), (4, 0, 2)])
@pytest.mark.parametrize("name", [None, "gzip"])
@pytest.mark.parametrize("is_sealed", [True, False])
def test_others_keep_their_bytes_their_order_and_their_time(
    withdrawn: tuple[int, ...], name: str | None, is_sealed: bool
) -> None:
    lot = Lot(*withdrawn)
    codec = None if name is None else codec_for(name, None)
    if is_sealed:
        lot.batch.seal(codec)
    kept = [number for number in range(COUNT) if number not in withdrawn]

    rest = without_withdrawn(lot.batch, codec)

    assert rest.state is BatchState.OPEN
    base = int(rest.builder.base_timestamp)
    records = records_of(rest, codec)
    assert [(one.key, one.value, one.headers) for one in records] == [
        (b"key", lot.values[number], (("h", b"1"),)) for number in kept
    ]
    assert [base + one.timestamp_delta for one in records] == [T + 10 * number for number in kept]
    assert [one.offset_delta for one in records] == list(range(len(kept)))


def test_everybody_who_waits_hears_of_the_record_of_theirs() -> None:
    lot = Lot(0, 2)

    rest = without_withdrawn(lot.batch, None)
    rest.seal(None)
    rest.succeed(100, -1)
    lot.heard.notify_all()

    assert {number: notes[0][0] for number, notes in lot.notes.items()} == {
        number: RecordMetadata("t", 3, 100 + at, T + 10 * number) for at, number in enumerate((1, 3, 4, 5))
    }


def test_batch_whose_records_cannot_be_read_again_is_left_without_bytes_and_tells_everybody_who_waits() -> None:
    codec = codec_for("gzip", None)
    assert codec is not None

    def fail(_: bytes) -> bytes:
        raise MemoryError

    lot = Lot(0, 2)
    charged = int(lot.batch.charged)
    lot.batch.seal(codec)
    codec.decompress = fail

    (rest,) = rid_of_withdrawn([lot.batch], codec, BufferMemory(CAPACITY, new_lock()))
    rest.fail(LOST)
    lot.heard.notify_all()

    assert isinstance(rest.unreadable, MemoryError)
    assert (int(rest.record_count), int(rest.charged)) == (4, charged)
    assert {number: notes[0][1] for number, notes in lot.notes.items()} == dict.fromkeys((1, 3, 4, 5), LOST)


def test_what_the_batch_had_passes_on_and_nothing_is_left_behind() -> None:
    lot = Lot(1)
    told: list[int] = []
    lot.batch.flushes.append(lambda: told.append(1))
    lot.batch.urgent = True
    charged = int(lot.batch.charged)

    rest = without_withdrawn(lot.batch, None)

    assert (int(rest.charged), int(lot.batch.charged)) == (charged, 0)
    assert (lot.batch.waits, lot.batch.flushes, lot.batch.withdrawn, rest.withdrawn) == ([], [], [], [])
    assert (rest.created, rest.urgent, rest.awaited) == (5.0, True, lot.batch.awaited)
    rest.seal(None)
    rest.succeed(0, -1)
    assert told == [1]


def test_batches_of_which_nothing_was_withdrawn_are_left_as_they_are() -> None:
    batches = [Lot().batch, Lot().batch]

    assert rid_of_withdrawn(batches, None, memory()) is batches


def test_batch_of_which_nothing_is_left_is_done_and_its_memory_free() -> None:
    kept, part, gone = Lot(), Lot(1), Lot(*range(COUNT))
    buffer = memory()
    told: list[int] = []
    gone.batch.flushes.append(lambda: told.append(1))
    charged = int(gone.batch.charged)

    rest = rid_of_withdrawn([kept.batch, gone.batch, part.batch], None, buffer)

    assert [int(batch.record_count) for batch in rest] == [COUNT, COUNT - 1]
    assert rest[0] is kept.batch
    assert gone.batch.state is BatchState.DONE
    assert buffer.free == CAPACITY + charged
    assert told == [1]


def memory() -> BufferMemory:
    return BufferMemory(CAPACITY, new_lock())
