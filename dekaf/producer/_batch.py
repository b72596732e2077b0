"""One batch of one partition: OPEN while callers append, SEALED once its bytes are fixed, DONE when its outcome is
told.

A batch that is sealed never changes its records, however often it is retried: the broker recognises a repeated batch by
its first and last sequence number.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, cast, final

from mypy_extensions import i64

from dekaf._record.builder import RecordBatchBuilder
from dekaf._record.compression import Codec
from dekaf._record.record_batch import RecordBatch
from dekaf._wire.writer import BytesWriter
from dekaf.errors import InvalidRecordError, ProduceError
from dekaf.producer._delivery import DeliveryFuture, own_copy
from dekaf.producer._idempotence import NO_SEQUENCE, ProducerIdAndEpoch
from dekaf.producer._mailbox import Destination, OutcomeFuture, WaitKind, call_contained
from dekaf.types import OnDelivery, RecordMetadata

# Room between the issue numbers of two batches, for what one may have to be split into.
ISSUE_SPAN: Final = 1 << 20


class BatchState(Enum):
    """A batch's life cycle; it only moves down."""

    OPEN = "open"  # callers append, under the accumulator's lock
    SEALED = "sealed"  # bytes fixed: waiting, in flight, or waiting to be sent again
    DONE = "done"  # outcome told; the bytes may still be on their way to a socket


@final
class BatchWaits:
    """The records of one batch whose outcome goes to one place: parallel lists; an object per record would be dear."""

    def __init__(self, destination: Destination) -> None:
        self.destination: Final = destination
        self.batch: ProducerBatch | None = None
        self.sinks: list[object] = []
        self.indexes: list[i64] = []
        self.deltas: list[i64] = []  # timestamp minus the batch's base timestamp: mostly small, cached integers

    def add(self, sink: object, index: i64, delta: i64) -> None:
        """Remember whom to tell of the record at `index`."""
        self.sinks.append(sink)
        self.indexes.append(index)
        self.deltas.append(delta)

    def open(self) -> None:
        """Tell everybody; called on the thread they belong to, once the batch is done."""
        batch = self.batch
        assert batch is not None
        if self.destination.kind is WaitKind.CALLBACKS:
            self._call_back(batch)
        elif self.destination.kind is WaitKind.FUTURES:
            self._resolve(batch)
        else:
            self._complete(batch)

    def _call_back(self, batch: ProducerBatch) -> None:
        failed = batch.error is not None
        interrupt: BaseException | None = None
        for at, sink in enumerate(self.sinks):
            callback = cast(OnDelivery, sink)
            index = self.indexes[at]
            if failed:
                failure = call_contained(callback, None, batch.error_at(index))
            else:
                failure = call_contained(callback, batch.metadata_at(index, self.deltas[at]), None)
            if failure is None:
                continue
            batch.listener.callback_failed(batch.topic, failure)
            if isinstance(failure, (KeyboardInterrupt, SystemExit)):
                interrupt = failure
        if interrupt is not None and self.destination.mailbox is not None:
            raise interrupt  # the loop's owner wants to end it; by now everybody has been told

    def _resolve(self, batch: ProducerBatch) -> None:
        failed = batch.error is not None
        unheard = 0
        for at, sink in enumerate(self.sinks):
            future = cast(OutcomeFuture, sink)
            if future.done():  # its task was cancelled or ran out of time: nobody hears of a failure
                unheard += 1
            elif failed:
                future.set_exception(own_copy(batch.error_at(self.indexes[at])))
            else:
                future.set_result(batch.metadata_at(self.indexes[at], self.deltas[at]))
        if failed and unheard:
            batch.listener.unheard_failure(batch.topic, unheard, batch.error_at(-1))

    def _complete(self, batch: ProducerBatch) -> None:
        failed = batch.error is not None
        for at, sink in enumerate(self.sinks):
            delivery = cast(DeliveryFuture, sink)
            if failed:
                delivery.complete(None, batch.error_at(self.indexes[at]))
            else:
                delivery.complete(batch.metadata_at(self.indexes[at], self.deltas[at]), None)


@final
class BatchListener:
    """Where batches report what has no other owner; the engine's statistics give the two callables."""

    def __init__(
        self,
        unheard_failure: Callable[[str, int, ProduceError], None],
        callback_failed: Callable[[str, BaseException], None],
        post_to_callback_thread: Callable[[BatchWaits], None],
    ) -> None:
        self.unheard_failure = unheard_failure
        self.callback_failed = callback_failed
        self.post_to_callback_thread = post_to_callback_thread


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
        self.last_timestamp: i64 = builder.base_timestamp
        self.charged: i64 = 0  # bytes of buffer memory to give back
        self.awaited = False  # somebody blocks or awaits: do not linger when the leader is idle
        self.urgent = False  # a flush or close waits: do not linger
        self.ready = True  # False while the thread that filled it compresses it
        self.waits: list[BatchWaits] = []
        self.last_waits: BatchWaits | None = None
        self.flushes: list[Callable[[], None]] = []

        self.sealed: RecordBatch | None = None
        self.header: bytes | None = None
        self.identity: ProducerIdAndEpoch | None = None
        self.base_sequence: i64 = NO_SEQUENCE
        self.issue: i64 = 0  # counts up over all batches of a partition: their order, beyond the sequences' wrap
        self.issue_span: i64 = ISSUE_SPAN  # how many numbers it may hand on to the batches it is split into
        self.attempts: i64 = 0
        self.is_ambiguous = False  # an earlier attempt got no answer: it may be in the log

        self.base_offset: i64 = -1
        self.log_append_ms: i64 = -1
        self.error: ProduceError | None = None
        self.record_errors: dict[int, str | None] = {}

    @property
    def record_count(self) -> i64:
        """How many records it holds."""
        return self.builder.record_count

    def write(self, content: i64, timestamp: i64, key: bytes | None, value: bytes | None, headers: bytes | None) -> i64:
        """Write one record; return the bytes it takes."""
        builder = self.builder
        before = builder.size_bytes
        builder.append(builder.body_size(content, timestamp), timestamp, key, value, headers)
        self.last_timestamp = timestamp
        return builder.size_bytes - before

    def add_sink(self, sink: object, destination: Destination, fresh: BatchWaits | None) -> None:
        """Remember whom to tell of the record just written; `fresh` waits were made in case there are none yet."""
        waits = self.find_waits(destination)
        if waits is None:
            waits = BatchWaits(destination) if fresh is None else fresh
            waits.batch = self
            self.waits.append(waits)
            self.last_waits = waits
        builder = self.builder
        waits.add(sink, builder.record_count - 1, self.last_timestamp - builder.base_timestamp)
        if destination.is_awaited:
            self.awaited = True

    def find_waits(self, destination: Destination) -> BatchWaits | None:
        """Return the waits that go to `destination`, if any record has some already."""
        waits = self.last_waits
        if waits is not None and waits.destination is destination:
            return waits
        for waits in self.waits:
            if waits.destination is destination:
                self.last_waits = waits
                return waits
        return None

    def seal(self, codec: Codec | None) -> BytesWriter:
        """Fix the bytes; return the writer, whose memory can serve the next batch."""
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
        """Tell everybody where the records landed; False if an outcome was told before."""
        if self.state is BatchState.DONE:
            return False
        self.base_offset = base_offset
        self.log_append_ms = log_append_ms
        self._tell()
        return True

    def fail(self, error: ProduceError) -> bool:
        """Tell everybody that the records were not delivered; False if an outcome was told before."""
        if self.state is BatchState.DONE:
            return False
        self.error = error
        self._tell()
        return True

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

    def error_at(self, index: i64) -> ProduceError:
        """Return a record's error: its own where the broker named the records at fault (KIP-467)."""
        error = self.error
        assert error is not None
        if not self.record_errors or index < 0:
            return error
        if int(index) in self.record_errors:
            detail = self.record_errors[int(index)] or error.message
            return InvalidRecordError(detail, topic=self.topic, partition=int(self.partition), code=error.code)
        return InvalidRecordError(
            "not written because the broker rejected other records of the same batch",
            topic=self.topic,
            partition=int(self.partition),
            code=error.code,
            is_retriable=True,
        )

    def _tell(self) -> None:
        self.state = BatchState.DONE
        listener = self.listener
        unheard = self.record_count
        for waits in self.waits:
            told = True
            destination = waits.destination
            if destination.mailbox is not None:
                told = destination.mailbox.post(waits)
            elif destination.kind is WaitKind.CALLBACKS:
                listener.post_to_callback_thread(waits)
            else:
                waits.open()
            if told:
                unheard -= i64(len(waits.sinks))
        if self.error is not None and unheard > 0:
            listener.unheard_failure(self.topic, int(unheard), self.error)
        flushes = self.flushes
        self.flushes = []
        for flush in flushes:
            flush()


_NO_WRITER: Final = BytesWriter()  # stands in a sealed batch's builder, whose own writer went back to the pool
