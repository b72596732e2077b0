"""One batch: whom it tells, what it tells them, and that it does so once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dekaf._record.builder import RecordBatchBuilder, content_size
from dekaf._record.compression import codec_for
from dekaf._wire.writer import BytesWriter
from dekaf.errors import InvalidRecordError, ProduceError
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch
from dekaf.producer._waiting.mailbox import CALLBACK_COST, LoopMailbox, OutcomeRoute, WaitKind
from dekaf.types import RecordMetadata
from tests.unit.producer.rooms import CALLBACKS, DELIVERIES, CallbackNotes, Heard, T, Wakes

LOST = ProduceError("on purpose", topic="t", partition=3)


class Batch:
    """A batch under construction, and what its listener hears."""

    def __init__(self, *, keeps_timestamps: bool = False) -> None:
        self.heard = Heard()
        listener = self.heard.listener()
        listener.keeps_timestamps = keeps_timestamps
        self.made = ProducerBatch("t", 3, RecordBatchBuilder(T, BytesWriter()), 0.0, listener)

    def add(
        self,
        recipient: object | None = None,
        route: OutcomeRoute | None = None,
        *,
        value: bytes = b"v",
        timestamp: int = T,
    ) -> int:
        """Append one record; return what it is charged."""
        content = content_size(None, value, None)
        return int(self.made.append(content, timestamp, None, value, None, recipient, route, None))

    def succeed(self, base_offset: int = 100, log_append_ms: int = -1) -> bool:
        """Have everybody told of a success, the callbacks too."""
        was_first = self.made.succeed(base_offset, log_append_ms)
        self.heard.notify_all()
        return was_first

    def fail(self, error: ProduceError = LOST) -> bool:
        """Have everybody told of a failure, the callbacks too."""
        was_first = self.made.fail(error)
        self.heard.notify_all()
        return was_first


@pytest.fixture
def batch() -> Batch:
    return Batch()


# Appending.


def test_record_is_charged_its_bytes_and_the_cost_of_whoever_waits(batch: Batch) -> None:
    without = batch.add()
    with_callback = batch.add(CallbackNotes(), CALLBACKS)

    assert with_callback == without + CALLBACK_COST
    assert int(batch.made.charged) == without + with_callback
    assert int(batch.made.record_count) == 2


def test_records_that_are_told_in_the_same_way_share_their_waits(batch: Batch) -> None:
    other = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False)
    for route in (CALLBACKS, other, CALLBACKS, None, CALLBACKS):
        batch.add(CallbackNotes(), route)

    assert [(waits.route, len(waits.recipients)) for waits in batch.made.waits] == [(CALLBACKS, 3), (other, 1)]


@pytest.mark.parametrize(("route", "awaited"), [(None, False), (CALLBACKS, False), (DELIVERIES, True)])
def test_batch_that_somebody_waits_for_may_not_linger(batch: Batch, route: OutcomeRoute | None, awaited: bool) -> None:
    batch.add(CallbackNotes(), route)

    assert batch.made.awaited is awaited


# Telling.


def test_each_record_is_told_its_own_place_and_time(batch: Batch) -> None:
    notes = [CallbackNotes() for _ in range(4)]
    for note, shift in zip(notes, (0, 5, 5, -3), strict=True):
        batch.add()  # nobody waits for these in between
        batch.add(note, CALLBACKS, timestamp=T + shift)

    assert batch.succeed()

    assert [note[0] for note in notes] == [
        (RecordMetadata("t", 3, 100 + index, T + shift), None)
        for index, shift in zip((1, 3, 5, 7), (0, 5, 5, -3), strict=True)
    ]
    assert batch.made.state is BatchState.DONE


def test_time_of_the_log_is_everybodys(batch: Batch) -> None:
    notes = CallbackNotes()
    batch.add(notes, CALLBACKS, timestamp=T + 5)

    batch.succeed(log_append_ms=T + 99)

    assert notes == [(RecordMetadata("t", 3, 100, T + 99), None)]


def test_offset_that_is_not_known_is_not_made_up_for_later_records(batch: Batch) -> None:
    notes = CallbackNotes()
    for _ in range(3):
        batch.add(notes, CALLBACKS)

    batch.succeed(base_offset=-1)

    assert [metadata and metadata.offset for metadata, _ in notes] == [-1, -1, -1]


@pytest.mark.parametrize("later", [Batch.succeed, Batch.fail])
def test_outcome_is_told_once(batch: Batch, later: Callable[[Batch], bool]) -> None:
    notes = CallbackNotes()
    batch.add(notes, CALLBACKS)

    assert batch.fail()
    assert not later(batch)

    assert notes == [(None, LOST)]


def test_failure_that_nobody_waits_for_is_counted(batch: Batch) -> None:
    batch.add()
    batch.add(CallbackNotes(), CALLBACKS)
    batch.add()

    batch.fail()

    assert batch.heard.unheard == [("t", 2, LOST)]


def test_success_that_nobody_waits_for_is_nothing_to_report(batch: Batch) -> None:
    batch.add()

    batch.succeed()

    assert batch.heard.unheard == []


def test_flushes_are_told_after_everybody_else(batch: Batch) -> None:
    order: list[str] = []
    batch.made.flushes.append(lambda: order.append("flush"))
    batch.made.listener.batch_done = lambda _: order.append("listener")

    batch.fail()
    batch.fail()

    assert order == ["listener", "flush"]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_callback_that_raises_does_not_keep_the_next_from_being_told(batch: Batch, kind: type[BaseException]) -> None:
    def fail(_: object, __: object) -> None:
        raise failure

    failure = kind("on purpose")
    notes = CallbackNotes()
    batch.add(fail, CALLBACKS)
    batch.add(notes, CALLBACKS)

    batch.succeed()

    assert len(notes) == 1
    assert batch.heard.broken == [("t", failure)]


# Futures of a loop.


def futures_of(batch: Batch, mailbox: LoopMailbox, count: int) -> list[asyncio.Future[RecordMetadata]]:
    futures: list[asyncio.Future[RecordMetadata]] = []
    for _ in range(count):
        futures.append(asyncio.get_running_loop().create_future())
        batch.add(futures[-1], mailbox.awaited.endless)
    return futures


@pytest.mark.asyncio
async def test_futures_of_a_failed_batch_each_get_an_error_of_their_own(batch: Batch) -> None:
    """One exception raised in several tasks would grow the traceback of each."""
    futures = futures_of(batch, LoopMailbox(asyncio.get_running_loop(), Wakes()), 2)

    batch.fail()
    errors = await asyncio.gather(*futures, return_exceptions=True)

    assert [str(error) for error in errors] == [str(LOST)] * 2
    assert errors[0] is not errors[1]


@pytest.mark.asyncio
async def test_failure_whose_task_went_away_is_counted(batch: Batch) -> None:
    gone, waits = futures_of(batch, LoopMailbox(asyncio.get_running_loop(), Wakes()), 2)
    gone.cancel()

    batch.fail()
    with pytest.raises(ProduceError):
        await waits

    assert batch.heard.unheard == [("t", 1, LOST)]


@pytest.mark.asyncio
async def test_waits_of_a_loop_that_is_closed_are_counted() -> None:
    loop = asyncio.new_event_loop()
    batch = Batch()
    batch.add(loop.create_future(), LoopMailbox(loop, Wakes()).awaited.endless)
    loop.close()

    batch.fail()

    assert batch.heard.unheard == [("t", 1, LOST)]


# Errors of single records (KIP-467).


def test_records_at_fault_are_told_why_and_the_others_that_they_may_try_again(batch: Batch) -> None:
    notes = CallbackNotes()
    for _ in range(3):
        batch.add(notes, CALLBACKS)
    batch.made.record_errors = {1: "too old", 2: None}

    batch.fail(InvalidRecordError("rejected", topic="t", partition=3, code=87))

    errors = [error for _, error in notes]
    assert all(type(error) is InvalidRecordError and error.code == 87 for error in errors)
    assert [error is not None and error.is_retriable for error in errors] == [True, False, False]
    assert "refused because of other records of the same batch" in str(errors[0])
    assert "too old" in str(errors[1])
    assert "rejected" in str(errors[2])


def test_record_beside_one_at_fault_is_not_said_to_be_unwritten_where_that_is_not_known(batch: Batch) -> None:
    notes = CallbackNotes()
    batch.add(notes, CALLBACKS)
    batch.made.record_errors = {1: "too old"}

    batch.fail(InvalidRecordError("rejected", topic="t", partition=3, code=87, may_be_persisted=True))

    ((_, error),) = notes
    assert "not written" not in str(error)
    assert "may have been written" in str(error)


# Bytes.


def test_sealed_batch_keeps_its_records_whatever_numbers_it_is_given(batch: Batch) -> None:
    batch.add(value=b"one")
    batch.add(value=b"two")
    batch.made.seal(None)
    sealed = batch.made.sealed
    assert sealed is not None
    records = sealed.records
    first = ProducerIdAndEpoch(7, 0)

    batch.made.number(first, 5)
    header = batch.made.header
    batch.made.number(first.bumped(), 0)

    assert batch.made.state is BatchState.SEALED
    assert batch.made.sealed is sealed
    assert sealed.records == records
    assert batch.made.header != header
    assert batch.made.size_on_wire() == sealed.size_bytes


def test_batch_without_an_identity_is_numbered_as_none(batch: Batch) -> None:
    batch.add()
    batch.made.seal(None)

    batch.made.number(None, -1)

    assert batch.made.header is not None
    assert batch.made.header.hex().count("f" * 16) == 1  # the producer id, -1
    assert batch.made.identity is None


def test_batch_that_was_given_up_while_it_was_compressed_stays_done(batch: Batch) -> None:
    codec = codec_for("gzip", None)
    batch.add(value=b"." * 500)
    batch.fail()

    batch.made.seal(codec)

    assert batch.made.state is BatchState.DONE
    assert not batch.succeed()


@pytest.mark.parametrize(("keeps_timestamps", "kept"), [(True, [0, 7, -2]), (False, [])])
def test_timestamps_of_all_records_are_kept_only_for_a_listener_that_wants_them(
    keeps_timestamps: bool, kept: list[int]
) -> None:
    batch = Batch(keeps_timestamps=keeps_timestamps)
    for shift in (0, 7, -2):
        batch.add(timestamp=T + shift)

    batch.made.seal(None)

    assert [int(delta) for delta in batch.made.timestamp_deltas] == kept


# Sharing out, when a batch is split.


def test_waits_are_shared_out_by_the_index_of_their_records(batch: Batch) -> None:
    notes = [CallbackNotes() for _ in range(6)]
    for note, shift in zip(notes, (0, 0, 4, 4, 9, 9), strict=True):
        batch.add(note, CALLBACKS, timestamp=T + shift)
    batch.add()
    (waits,) = batch.made.waits

    middle = waits.share_out(2, 5, -4)  # of a batch that begins with the third record, 4 ms later
    nobody = waits.share_out(6, 7, 0)

    assert nobody is None
    assert middle is not None
    assert middle.recipients == notes[2:5]
    child = Batch()
    middle.batch = child.made
    child.made.builder = RecordBatchBuilder(T + 4, BytesWriter())
    child.made.waits.append(middle)
    child.succeed(base_offset=50)
    assert [note[0][0] for note in notes[2:5]] == [
        RecordMetadata("t", 3, 50, T + 4),
        RecordMetadata("t", 3, 51, T + 4),
        RecordMetadata("t", 3, 52, T + 9),
    ]
