"""Call a user's `ProducerListener` where it can do no harm.

`on_send` runs on the thread of the call that produces. All other hooks run on the callback thread, one after the other,
in the order in which things happened: never on the I/O thread, and never while a lock is held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import i64

from dekaf.abc import ProducerListener, RecordEvent
from dekaf.producer._buffer.batch import BatchListener, ProducerBatch
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.types import Headers

BatchHook = Callable[[ProducerBatch], None]
OnSend = Callable[[str, "Headers | None"], "Headers | None"]

_NO_HEADERS: Final = Headers()


@final
class ListenerHooks:
    """One listener, as often as its producer begins afresh."""

    def __init__(
        self, listener: ProducerListener, callbacks: CallbackThread, failed: Callable[[str, BaseException], None]
    ) -> None:
        self._listener: Final = listener
        self._callbacks: Final = callbacks
        self._failed: Final = failed  # hears of the topic and what a hook raised
        self._hears_acknowledged: Final = _overrides(listener, "on_acknowledged")
        self._hears_errors: Final = _overrides(listener, "on_error")
        self._hears_batches: Final = _overrides(listener, "on_batch_sent")
        hears_delivered = _overrides(listener, "on_record_delivered")
        self.hears_records: Final = hears_delivered or _overrides(listener, "on_record_failed")

    def on_send(self) -> OnSend | None:
        """Return what is to be called before a record is accepted; None if the listener does not care."""
        return self._send if _overrides(self._listener, "on_send") else None

    def done_hook(self) -> BatchHook | None:
        """Return what is to hear of batches whose outcome is known; None if the listener does not care."""
        return self._done if self._hears_acknowledged or self._hears_errors else None

    def sent_hook(self) -> BatchHook | None:
        """Return what is to hear of batches that a connection has taken; None if the listener does not care."""
        return self._sent if self._hears_batches else None

    def needs_timestamps(self) -> bool:
        """Return whether it hears of records' own timestamps."""
        return self._hears_acknowledged

    def tell_record(self, event: RecordEvent) -> None:
        """Tell what became of a record; on the callback thread."""
        try:
            if event.error is None:
                self._listener.on_record_delivered(event)
            else:
                self._listener.on_record_failed(event)
        except BaseException as error:
            self._failed(event.topic, error)

    def _send(self, topic: str, headers: Headers | None) -> Headers | None:
        listener: Any = self._listener  # Any: compiled code would check the answer's type itself, and name no hook
        try:
            returned: object = listener.on_send(topic, _NO_HEADERS if headers is None else headers)
            if returned is None or isinstance(returned, Headers):
                return headers if returned is None else returned
            raise TypeError(f"on_send must return Headers or None, not {type(returned).__name__}")  # noqa: TRY301 # told like what it raises
        except Exception as error:
            self._failed(topic, error)
            return headers

    def _done(self, batch: ProducerBatch) -> None:
        if batch.error is None:
            if self._hears_acknowledged:
                self._callbacks.run(lambda: self._tell_acknowledged(batch))
        elif self._hears_errors:
            self._callbacks.run(lambda: self._tell_errors(batch))

    def _sent(self, batch: ProducerBatch) -> None:
        # Now, for by the time it is told, the batch may have let go of its bytes.
        count = int(batch.record_count)
        size = int(batch.size_on_wire())
        self._callbacks.run(lambda: self._tell_sent(batch, count, size))

    def _tell_acknowledged(self, batch: ProducerBatch) -> None:
        index: i64 = 0
        while index < batch.record_count:
            try:
                self._listener.on_acknowledged(batch.metadata_at(index, batch.timestamp_deltas[index]))
            except BaseException as error:
                self._failed(batch.topic, error)
            index += 1

    def _tell_errors(self, batch: ProducerBatch) -> None:
        index: i64 = 0
        while index < batch.record_count:
            error = batch.record_error(index)
            partition = error.partition if batch.partition < 0 else int(batch.partition)
            try:
                self._listener.on_error(batch.topic, partition, error)
            except BaseException as failure:
                self._failed(batch.topic, failure)
            index += 1

    def _tell_sent(self, batch: ProducerBatch, count: int, size: int) -> None:
        try:
            self._listener.on_batch_sent(batch.topic, int(batch.partition), count, size)
        except BaseException as error:
            self._failed(batch.topic, error)


def subscribe(listeners: list[ListenerHooks], batches: BatchListener) -> None:
    """Have batches report what listeners want to hear, and nothing else."""
    done = [one.done_hook() for one in listeners]
    sent = [one.sent_hook() for one in listeners]
    batches.batch_done = _one_after_the_other([hook for hook in done if hook is not None])
    batches.batch_sent = _one_after_the_other([hook for hook in sent if hook is not None])
    batches.keeps_timestamps = any(one.needs_timestamps() for one in listeners)


def _one_after_the_other(hooks: list[BatchHook]) -> BatchHook | None:
    if len(hooks) <= 1:
        return hooks[0] if hooks else None

    def call(batch: ProducerBatch) -> None:
        for hook in hooks:
            hook(batch)

    return call


def _overrides(listener: ProducerListener, hook: str) -> bool:
    """Return whether a hook does anything: on the class, or set on the object."""
    return getattr(getattr(listener, hook), "__func__", None) is not getattr(ProducerListener, hook)
