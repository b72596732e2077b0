"""What closing could not deliver, on its way to the user's `on_undelivered`.

The I/O thread only takes the encoded bytes down, batch by batch: there may be a full buffer of them, and the thread
that closes waits. They are taken apart on the callback thread, where the user's function runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf._log_thread import DeferredLogger, facts
from dekaf._record.compression import Codec
from dekaf._record.record_reader import decode_headers, read_records
from dekaf.abc import OnUndelivered
from dekaf.message import ProducerMessage
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.types import Headers

logger = DeferredLogger("dekaf.producer")


@final
class TakenBatch:
    """A batch's records as they were encoded."""

    def __init__(
        self, topic: str, partition: i64, records: bytes, codec: Codec | None, count: i64, base_timestamp: i64
    ) -> None:
        self.topic: Final = topic
        self.partition: Final = partition
        self.records: Final = records
        self.codec: Final = codec  # to decompress the records with
        self.count: Final = count
        self.base_timestamp: Final = base_timestamp

    def messages(self) -> list[ProducerMessage[bytes, bytes]]:
        """Return the records, each with the partition it was bound for."""
        records = self.records if self.codec is None else self.codec.decompress(self.records)
        return [
            ProducerMessage.create(
                self.topic,
                record.key,
                record.value,
                headers=Headers(decode_headers(record.headers)),
                partition=int(self.partition),
                timestamp=int(self.base_timestamp + record.timestamp_delta),
            )
            for record in read_records(records, self.count)
        ]


@final
class Undelivered:
    """The records that an engine's end gives up, in order per partition. The I/O thread adds them before it tells."""

    def __init__(self, codec: Codec | None) -> None:
        self._codec: Final = codec
        self._batches: list[TakenBatch] = []
        self._parked: list[tuple[str, WaitingRecord]] = []

    def add_batch(self, batch: ProducerBatch) -> None:
        """Take down a batch, unless its outcome was told before."""
        if batch.state is BatchState.DONE:
            return
        if batch.unreadable is not None:
            count = int(batch.record_count)
            _log_missing(count, batch.topic, batch.unreadable)
            return
        records = b""
        sealed = batch.sealed
        if sealed is None:
            records = batch.builder.writer.getvalue()
            # The thread that filled it may compress it at this moment. It takes the writer away only afterwards, so as
            # long as the batch is not sealed, what was read is whole.
            sealed = batch.sealed
        codec: Codec | None = None
        if sealed is not None:
            records = sealed.records
            codec = self._codec if sealed.codec_id != 0 else None
        self._batches.append(
            TakenBatch(batch.topic, batch.partition, records, codec, batch.record_count, batch.builder.base_timestamp)
        )

    def add_parked(self, topic: str, record: WaitingRecord) -> None:
        """Take down a record whose topic's partitions never became known."""
        self._parked.append((topic, record))

    def is_empty(self) -> bool:
        """Return whether everything was delivered, or had failed before."""
        return not self._batches and not self._parked

    def messages(self) -> list[ProducerMessage[bytes, bytes]]:
        """Return all of it as messages, but for those of batches that cannot be read any more, which are logged."""
        messages: list[ProducerMessage[bytes, bytes]] = []
        for batch in self._batches:
            try:
                messages.extend(batch.messages())
            except Exception as error:  # the codec's library, or no memory for it: the others are to be saved
                _log_missing(int(batch.count), batch.topic, error)
        for topic, record in self._parked:
            messages.append(
                ProducerMessage.create(
                    topic,
                    record.key,
                    record.value,
                    headers=Headers(decode_headers(record.headers)),
                    partition=None if record.partition < 0 else int(record.partition),
                    timestamp=int(record.timestamp),
                )
            )
        return messages


def _log_missing(count: int, topic: str, reason: Exception) -> None:
    extra = facts(None, topic=topic, count=count, error=reason)
    logger.error("on_undelivered does not get %d record(s) of topic %s: %r", count, topic, reason, extra=extra)


@final
class UndeliveredHook:
    """Hands to the user's function, on the callback thread, what closing gave up; holds no producer."""

    def __init__(self, on_undelivered: OnUndelivered, callbacks: CallbackThread, client_id: str | None = None) -> None:
        self._on_undelivered: Final = on_undelivered
        self._client_id: Final = client_id  # for the log
        self._callbacks: Final = callbacks
        self._is_busy = False

    def take(self, undelivered: Undelivered) -> None:
        """Have the function called; on the I/O thread."""
        self._is_busy = True
        self._callbacks.run(lambda: self._call(undelivered))

    def is_busy(self) -> bool:
        """Return whether the function is still to be called, or runs."""
        return self._is_busy

    def when_done(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once the function has returned; False if there is nothing to wait for."""
        if not self._is_busy:
            return False
        self._callbacks.run(tell)
        return True

    def give_up(self) -> None:
        """Log that closing waits for the function no longer."""
        logger.error(
            "on_undelivered has not returned in time; closing does not wait for it any longer",
            extra=facts(self._client_id),
        )

    def _call(self, undelivered: Undelivered) -> None:
        try:
            self._on_undelivered(undelivered.messages())
        except BaseException as error:
            known = facts(self._client_id, error=error)
            logger.error("on_undelivered raised %r; what it did not save is lost", error, error=error, extra=known)  # noqa: TRY400 # it is given the error
        finally:
            self._is_busy = False
