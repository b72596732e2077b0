"""One batch of one partition: OPEN while callers append, SEALED once its bytes are fixed, DONE when its outcome is
told.

A batch that is sealed never changes its records, however often it is retried: the broker recognises a repeated batch by
its first and last sequence number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, cast, final

from mypy_extensions import i64

from dekaf._cluster.refresh import NEVER
from dekaf._record.builder import RecordBatchBuilder
from dekaf._record.compression import Codec
from dekaf._record.record_batch import RecordBatch
from dekaf._record.record_reader import read_timestamp_deltas
from dekaf._wire.writer import BytesWriter
from dekaf.errors import DekafError, InvalidRecordError, ProduceError
from dekaf.producer._buffer.sequences import NO_SEQUENCE, ProducerIdAndEpoch
from dekaf.producer._waiting.delivery import ThreadWait, copied_error
from dekaf.producer._waiting.mailbox import OutcomeFuture, OutcomeRoute, WaitKind, call_contained
from dekaf.producer._waiting.record_trace import RecordTrace, chain_of, in_order
from dekaf.types import OnDelivery, RecordMetadata

# Space between the send orders of two batches, for what one may have to be split into.
SEND_ORDER_SPAN: Final = 1 << 20


class BatchState(Enum):
    """A batch's life cycle; it only moves down."""

    OPEN = "open"  # callers append, under the accumulator's lock
    SEALED = "sealed"  # bytes fixed: waiting, in flight, or waiting to be sent again
    DONE = "done"  # outcome told; the bytes may still be on their way to a socket


def has_given_up(route: OutcomeRoute, recipient: object) -> bool:
    """Return whether a caller has given up waiting, by a timeout or with its task, and has left the record to us."""
    if route.kind is WaitKind.FUTURES:
        return cast(OutcomeFuture, recipient).done()
    return route.kind is WaitKind.DELIVERIES and cast(ThreadWait, recipient).is_abandoned


@final
class BatchWaits:
    """The records of one batch whose outcome goes to one place, in order; an object per record would be dear.

    Neighbours whose timestamps are equal form a run: what is kept of each record is its recipient alone.
    """

    def __init__(self, route: OutcomeRoute) -> None:
        self.route: Final = route
        self.batch: ProducerBatch | None = None
        self.called = 0  # callbacks that have run
        self.recipients: list[object] = []
        self._starts: list[i64] = []  # of each run: its first recipient,
        self._indexes: list[i64] = []  # the index in the batch of that recipient's record,
        self._deltas: list[i64] = []  # and the timestamp of all its records, minus the batch's base timestamp
        self._next_index: i64 = -1  # what would continue the last run
        self._delta: i64 = 0

    def add(self, recipient: object, index: i64, delta: i64) -> None:
        """Remember whom to tell of the record at `index`."""
        if index != self._next_index or delta != self._delta:
            self._starts.append(len(self.recipients))
            self._indexes.append(index)
            self._deltas.append(delta)
            self._delta = delta
        self._next_index = index + 1
        self.recipients.append(recipient)

    def share_out(self, first: i64, end: i64, shift: i64) -> BatchWaits | None:
        """Return the waits of the records from `first` to before `end`, for a batch that begins with `first`.

        `shift` is what that batch's base timestamp is earlier by. None if none of them is waited for.
        """
        mine: BatchWaits | None = None
        for recipient, index, delta in self._records():
            if first <= index < end:
                if mine is None:
                    mine = BatchWaits(self.route)
                mine.add(recipient, index - first, delta + shift)
        return mine

    def indexes(self) -> list[i64]:
        """Return the indexes, in the batch, of the records."""
        return [index for _, index, _ in self._records()]

    def still_waiting(self) -> BatchWaits:
        """Return the waits of those who have not given up meanwhile."""
        mine = BatchWaits(self.route)
        for recipient, index, delta in self._records():
            if not has_given_up(self.route, recipient):
                mine.add(recipient, index, delta)
        return mine

    def moved(self, places: Mapping[i64, i64], shift: i64) -> BatchWaits:
        """Return the same waits for a batch in which the records have other indexes.

        Args:
            places: The new index of each record, by the old one.
            shift: What that batch's base timestamp is earlier by.
        """
        mine = BatchWaits(self.route)
        for recipient, index, delta in self._records():
            mine.add(recipient, places[index], delta + shift)
        return mine

    def _records(self) -> list[tuple[object, i64, i64]]:
        """Return what was added, in order: of batches that are taken apart, which few are."""
        return [
            (self.recipients[at], self._indexes[run] - self._starts[run] + at, self._deltas[run])
            for run in range(len(self._starts))
            for at in range(self._starts[run], self._end_of(run))
        ]

    def callback_count(self) -> int:
        """Return how many callbacks there are; 0 where something else hears of the outcomes."""
        return len(self.recipients) if self.route.kind is WaitKind.CALLBACKS else 0

    def drop(self) -> None:
        """Note that the recipients can be told nothing any more: their loop is closed."""
        batch = self.batch
        assert batch is not None
        if batch.error is not None:
            batch.listener.unobserved_failure(batch.topic, len(self.recipients), batch.record_error(-1))
        batch.listener.callbacks_dropped(self.callback_count())

    def notify(self) -> None:
        """Tell every recipient; called on the thread they belong to, once the batch is done."""
        batch = self.batch
        assert batch is not None
        interrupt: BaseException | None = None
        for run in range(len(self._starts)):
            start, end = self._starts[run], self._end_of(run)
            offset = self._indexes[run] - start
            if self.route.kind is WaitKind.CALLBACKS:
                interrupt = self._call_back(batch, start, end, offset, self._deltas[run]) or interrupt
            elif self.route.kind is WaitKind.FUTURES:
                self._resolve(batch, start, end, offset, self._deltas[run])
            elif self.route.kind is WaitKind.DELIVERIES:
                self._complete(batch, start, end, offset, self._deltas[run])
        if interrupt is not None and self.route.mailbox is not None:
            raise interrupt  # the loop's owner wants to end it; by now every recipient has been told

    def _end_of(self, run: int) -> i64:
        return self._starts[run + 1] if run + 1 < len(self._starts) else len(self.recipients)

    def _call_back(self, batch: ProducerBatch, start: i64, end: i64, offset: i64, delta: i64) -> BaseException | None:
        """Call the callbacks of a run; return the last KeyboardInterrupt or SystemExit among what they raised."""
        failed = batch.error is not None
        interrupt: BaseException | None = None
        for at in range(start, end):
            callback = cast(OnDelivery, self.recipients[at])
            if failed:
                failure = call_contained(callback, None, batch.record_error(offset + at))
            else:
                failure = call_contained(callback, batch.metadata_at(offset + at, delta), None)
            self.called += 1
            if failure is None:
                continue
            batch.listener.callback_failed(batch.topic, failure)
            if isinstance(failure, (KeyboardInterrupt, SystemExit)):
                interrupt = failure
        self.route.checked = None
        return interrupt

    def _resolve(self, batch: ProducerBatch, start: i64, end: i64, offset: i64, delta: i64) -> None:
        failed = batch.error is not None
        unheard = 0
        for at in range(start, end):
            future = cast(OutcomeFuture, self.recipients[at])
            if future.done():  # its task was cancelled or ran out of time, and would not hear of a failure
                unheard += 1
            elif failed:
                future.set_exception(copied_error(batch.record_error(offset + at)))
            else:
                future.set_result(batch.metadata_at(offset + at, delta))
        if failed and unheard:
            batch.listener.unobserved_failure(batch.topic, unheard, batch.record_error(-1))

    def _complete(self, batch: ProducerBatch, start: i64, end: i64, offset: i64, delta: i64) -> None:
        failed = batch.error is not None
        for at in range(start, end):
            wait = cast(ThreadWait, self.recipients[at])
            if failed:
                wait.complete(None, batch.record_error(offset + at))
            else:
                wait.complete(batch.metadata_at(offset + at, delta), None)


def _keep_no_count(_: int) -> None:
    """Count nothing: of callbacks that were dropped, until the producer's statistics do."""


@final
class BatchListener:
    """Where batches report what has no other owner: the producer's statistics, and the user's hooks, if any."""

    def __init__(
        self,
        unobserved_failure: Callable[[str, int, ProduceError], None],
        callback_failed: Callable[[str, BaseException], None],
        post_to_callback_thread: Callable[[BatchWaits], None],
    ) -> None:
        self.unobserved_failure = unobserved_failure
        self.callback_failed = callback_failed
        self.post_to_callback_thread = post_to_callback_thread
        self.callbacks_dropped: Callable[[int], None] = _keep_no_count  # of an event loop that was closed
        self.batch_sent: Callable[[ProducerBatch], None] | None = None  # each time a connection has taken one
        self.batch_done: Callable[[ProducerBatch], None] | None = None  # once its outcome is known
        self.batch_traced: Callable[[ProducerBatch], None] | None = None  # likewise, of one with traces
        self.keeps_timestamps = False  # the listener's hook wants those of all records, not only the awaited ones


@final
class ProducerBatch:
    """Callers touch it under the accumulator's lock while it is OPEN; afterwards it belongs to the I/O thread."""

    def __init__(
        self, topic: str, partition: i64, builder: RecordBatchBuilder, created: float, listener: BatchListener
    ) -> None:
        self.topic: Final = topic
        self.partition: Final = partition
        self.builder = builder
        self.created = created  # monotonic seconds; of the oldest record in it
        self.listener = listener
        self.state = BatchState.OPEN
        self.charged: i64 = 0  # bytes of buffer memory to give back
        self.awaited = False  # a caller blocks or awaits: do not linger when the leader is idle
        self.urgent = False  # a flush or close waits: do not linger
        self.ends_at = NEVER  # monotonic seconds: when the first of those ends that wait for its records
        self.withdrawn: list[i64] = []  # indexes of records that leave it before it is sent, their outcome told
        self.unreadable: Exception | None = None  # why its bytes are lost, though not sent: it can only fail
        self.is_compressing = False  # by the thread that filled it: it is not to be sent yet
        self.closed_by = 0  # the ident of that thread
        self.waits: list[BatchWaits] = []
        self.timestamp_deltas: list[i64] = []  # all records', to the base timestamp, if the listener keeps them
        self.last_waits: BatchWaits | None = None
        self.flushes: list[Callable[[], None]] = []
        self.traces: RecordTrace | None = None  # of records that a tracer or a listener asked about, latest first

        self.sealed: RecordBatch | None = None
        self.header: bytes | None = None
        self.identity: ProducerIdAndEpoch | None = None
        self.base_sequence: i64 = NO_SEQUENCE
        self.send_order: i64 = 0  # counts up over all batches of a partition: their order, beyond the sequences' wrap
        self.send_order_span: i64 = SEND_ORDER_SPAN  # how many numbers it may hand on to the batches it is split into
        self.attempts: i64 = 0
        self.is_ambiguous = False  # an earlier attempt got no answer: it may be in the log
        self.queue_life = 0  # of its partition's queue, when it was sent last
        self.was_sent_by_name = False  # its latest attempt: it goes to whichever topic has the name when it arrives
        self.may_be_in_later_log = False  # an ambiguous attempt was sent by name: it is not gone with the topic
        self.previous_error: DekafError | None = None  # what the attempt before was refused with, or its answer lost to

        self.base_offset: i64 = -1
        self.log_append_ms: i64 = -1
        self.error: ProduceError | None = None
        self.record_errors: dict[int, str | None] = {}

    @property
    def record_count(self) -> i64:
        """How many records it holds."""
        return self.builder.record_count

    def append(  # noqa: PLR0913 # a record's own fields
        self,
        content: i64,
        timestamp: i64,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        recipient: object | None,
        route: OutcomeRoute | None,
        fresh: BatchWaits | None,
        trace: RecordTrace | None = None,
    ) -> i64:
        """Write one record and remember whom to tell of it; return what it is charged.

        `fresh` waits were made in case nothing goes to `route` yet.
        """
        builder = self.builder
        charge = builder.append(content, timestamp, key, value, headers)
        if route is not None:
            charge += route.cost_bytes
            waits = self.find_waits(route)
            if waits is None:
                waits = BatchWaits(route) if fresh is None else fresh
                waits.batch = self
                self.waits.append(waits)
                self.last_waits = waits
                if route.ends_at < self.ends_at:  # noqa: PLR1730 # min() would box both numbers
                    self.ends_at = route.ends_at
            waits.add(recipient, builder.record_count - 1, timestamp - builder.base_timestamp)
            if route.is_awaited:
                self.awaited = True
        if trace is not None:
            charge += trace.cost_bytes
            trace.index = builder.record_count - 1
            trace.delta = timestamp - builder.base_timestamp
            trace.following = self.traces
            self.traces = trace
        self.charged += charge
        return charge

    def find_waits(self, route: OutcomeRoute) -> BatchWaits | None:
        """Return the waits that go to `route`, if any record has some already."""
        waits = self.last_waits
        if waits is not None and waits.route is route:
            return waits
        for waits in self.waits:
            if waits.route is route:
                self.last_waits = waits
                return waits
        return None

    def take_waits(self) -> list[BatchWaits]:
        """Return whom to tell, and forget them.

        They know the batch: one that still knew them, too, would be garbage that only Python's collector finds.
        """
        waits = self.waits
        self.waits = []
        self.last_waits = None
        return waits

    def take_ended(self, is_over: Callable[[OutcomeRoute], bool]) -> list[BatchWaits]:
        """Return whom to tell that their wait is over, and forget them; once callers append no more."""
        ended = [waits for waits in self.waits if is_over(waits.route)]
        self.waits = [waits for waits in self.waits if not is_over(waits.route)]
        self.last_waits = None
        self.ends_at = min([NEVER, *[waits.route.ends_at for waits in self.waits]])
        return ended

    def take_traces(self) -> list[RecordTrace]:
        """Return the traces of its records, in order, and forget them."""
        traces = in_order(self.traces)
        self.traces = None
        return traces

    def move_traces(self, part: ProducerBatch, indexes: list[i64]) -> None:
        """Give the traces of these records, as they are, to a part through which their outcome is told."""
        if self.traces is None:
            return
        traces = self.take_traces()
        gone = set(indexes)
        part.traces = chain_of([trace for trace in traces if trace.index in gone])
        self.traces = chain_of([trace for trace in traces if trace.index not in gone])

    def part_for(self, waits: BatchWaits) -> ProducerBatch:
        """Return a batch without bytes through which to tell some of the recipients, apart from the others."""
        builder = RecordBatchBuilder(self.builder.base_timestamp, _NO_WRITER)
        builder.record_count = len(waits.recipients)
        part = ProducerBatch(self.topic, self.partition, builder, self.created, self.listener)
        waits.batch = part
        part.waits.append(waits)
        return part

    def seal(self, codec: Codec | None) -> BytesWriter:
        """Fix the bytes; return the writer, whose memory can serve the next batch."""
        if self.listener.keeps_timestamps:
            self.timestamp_deltas = read_timestamp_deltas(self.builder.writer.getvalue(), self.record_count)
        self.sealed = self.builder.build(codec)
        if self.state is BatchState.OPEN:  # it may have been given up while the thread that filled it compressed it
            self.state = BatchState.SEALED
        writer = self.builder.writer
        self.builder.writer = _NO_WRITER
        return writer

    def number(self, identity: ProducerIdAndEpoch | None, base_sequence: i64) -> None:
        """Give (or, after an epoch bump, give again) producer id, epoch and sequence; the records stay as they are."""
        assert self.sealed is not None
        self.identity = identity
        self.base_sequence = base_sequence
        if identity is None:
            self.header = self.sealed.header(-1, -1, -1)
        else:
            self.header = self.sealed.header(identity.producer_id, identity.epoch, base_sequence)

    def size_on_wire(self) -> i64:
        """Return its bytes in a request."""
        return self.sealed.size_bytes if self.sealed is not None else self.builder.size_bytes

    def succeed(self, base_offset: i64, log_append_ms: i64) -> bool:
        """Tell every recipient where the records landed; False if an outcome was told before."""
        if self.state is BatchState.DONE:
            return False
        self.base_offset = base_offset
        self.log_append_ms = log_append_ms
        self._tell()
        return True

    def fail(self, error: ProduceError) -> bool:
        """Tell every recipient that the records were not delivered; False if an outcome was told before."""
        if self.state is BatchState.DONE:
            return False
        self.error = error
        self._tell()
        return True

    def end_wait(self, error: ProduceError) -> None:
        """Tell every recipient `error` in place of an outcome, which the records are yet to have."""
        self.error = error
        self.state = BatchState.DONE
        self._tell_recipients()

    def forget_bytes(self) -> None:
        """Drop the records' bytes: neither a retry nor a socket needs them any more."""
        self.sealed = None
        self.header = None

    def metadata_at(self, index: i64, delta: i64) -> RecordMetadata:
        """Return where a record landed. An unknown base offset stays unknown for every record of the batch."""
        offset: i64 = -1
        if self.base_offset >= 0:
            offset = self.base_offset + index
        timestamp = self.log_append_ms
        if timestamp < 0:
            timestamp = self.builder.base_timestamp + delta
        return RecordMetadata(self.topic, self.partition, offset, timestamp)

    def record_error(self, index: i64) -> ProduceError:
        """Return a record's error: its own where the broker named the records at fault (KIP-467)."""
        error = self.error
        assert error is not None
        if not self.record_errors or index < 0:
            return error
        if int(index) in self.record_errors:
            detail = self.record_errors[int(index)] or error.message
            return InvalidRecordError(
                detail,
                topic=self.topic,
                partition=int(self.partition),
                code=error.code,
                may_be_persisted=error.may_be_persisted,
            )
        return InvalidRecordError(
            "refused because of other records of the same batch",
            topic=self.topic,
            partition=int(self.partition),
            code=error.code,
            is_retriable=True,
            may_be_persisted=error.may_be_persisted,  # an earlier attempt may have been written, and its answer lost
        )

    def _tell(self) -> None:
        self.state = BatchState.DONE
        listener = self.listener
        unheard = self.record_count - self._tell_recipients()
        try:
            if self.error is not None and unheard > 0:
                listener.unobserved_failure(self.topic, int(unheard), self.error)
            if listener.batch_done is not None:
                listener.batch_done(self)
            if self.traces is not None and listener.batch_traced is not None:
                listener.batch_traced(self)
        finally:  # whatever happens, no flush may wait for ever because of it
            flushes = self.flushes
            self.flushes = []
            for flush in flushes:
                flush()

    def _tell_recipients(self) -> i64:
        """Tell them; return how many hear of it."""
        heard: i64 = 0
        for waits in self.take_waits():
            told = True
            route = waits.route
            if route.mailbox is not None:
                is_counted = route.kind is WaitKind.CALLBACKS
                told = route.mailbox.post_callbacks(waits) if is_counted else route.mailbox.post(waits)
            elif route.kind is WaitKind.CALLBACKS:
                self.listener.post_to_callback_thread(waits)
            elif route.kind is WaitKind.NOBODY:
                told = False
            else:
                waits.notify()
            if told:
                heard += i64(len(waits.recipients))
            else:
                self.listener.callbacks_dropped(waits.callback_count())
        return heard


_NO_WRITER: Final = BytesWriter()  # stands in a sealed batch's builder, whose own writer went back to the pool
