"""One record's outcome for a thread, told exactly once: a handle to look at later, or a call that waits now.

Only records for which a thread waits have an object here: a batch keeps plain lists for callbacks and futures.
"""

from __future__ import annotations

import concurrent.futures
import copy
from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._threads.gate import ThreadGate
from dekaf._threads.greenlets import is_in_hub, may_wait_in_hub
from dekaf._threads.primitives import new_lock, wait_seconds
from dekaf._threads.waker import EventfdWaker, WakerPool
from dekaf.errors import BlockingCallError, DeliveryTimeoutError, ProduceError, caused_error
from dekaf.producer._waiting.timeouts import checked_timeout
from dekaf.types import RecordMetadata


def copied_error(error: ProduceError) -> ProduceError:
    """Return a copy for one waiter: a batch's error raised by a thousand tasks would gather all their tracebacks."""
    return caused_error(copy.copy(error), error.__cause__)


def still_waiting_error(topic: str, timeout: float) -> ProduceError:
    """Return what a caller raises whose own timeout ended before the record's outcome was known."""
    return DeliveryTimeoutError(
        f"no acknowledgement within the call's timeout of {timeout:g} s. The record stays accepted and the producer "
        "goes on delivering it",
        topic=topic,
        may_be_persisted=True,
    )


class ThreadWait:
    """What a thread's record has as its recipient: `complete` is called once, mostly by the I/O thread."""

    def __init__(self, topic: str) -> None:
        self.topic: Final = topic
        self.is_abandoned = False  # its caller waits no longer, and has left the record to the producer
        self._is_done = False
        self._metadata: RecordMetadata | None = None
        self._error: ProduceError | None = None

    def complete(self, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        """Set the outcome and let the waiters go."""
        raise NotImplementedError

    def result_by(self, left: float | None, timeout: float | None) -> RecordMetadata:
        """Wait for the seconds that are `left` of a call's `timeout`; return where the record landed."""
        raise NotImplementedError

    def _set(self, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        self._metadata = metadata
        self._error = error
        self._is_done = True

    def _outcome(self) -> RecordMetadata:
        if self._error is not None:
            raise copied_error(self._error)
        assert self._metadata is not None
        return self._metadata


@final
class BlockedCall(ThreadWait):
    """A `produce` that waits: the thread does nothing else meanwhile, and no other caller ever sees this."""

    def __init__(self, topic: str, waker: EventfdWaker, wakers: WakerPool) -> None:
        super().__init__(topic)
        self._waker: Final = waker
        self._wakers: Final = wakers

    def complete(self, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        """Set the outcome and wake the caller."""
        self._set(metadata, error)
        self._waker.wake()

    def result_by(self, left: float | None, timeout: float | None) -> RecordMetadata:
        """Wait for the seconds that are `left` of a call's `timeout`; return where the record landed."""
        deadline = None if left is None else monotonic() + left
        try:
            while not self._is_done:  # a wake-up may be a late one, meant for the call before
                if not self._waker.wait(deadline):
                    break
        finally:  # KeyboardInterrupt may have ended it, or what another greenlet throws: the record goes on
            self.is_abandoned = not self._is_done
            self._wakers.give_back(self._waker)
        if not self._is_done:
            raise still_waiting_error(self.topic, timeout or 0.0)
        return self._outcome()


@final
class GreenletBell:
    """Wakes a greenlet that waits for a handle; made by that greenlet.

    It stands among the handle's callbacks, so that handles for which no greenlet waits have no cost.
    """

    def __init__(self) -> None:
        self._gate: Final = ThreadGate()

    def __call__(self, _: object) -> None:
        self._gate.open()

    def wait(self, left: float | None) -> bool:
        """Wait up to the seconds that are `left`; return whether the outcome is known."""
        return self._gate.wait(left)


@final
class DeliveryFuture(ThreadWait):
    """A handle on a record that was accepted; what `Producer.submit` returns.

    `complete` is called once, by the I/O thread. All other methods may be called from any thread.
    """

    def __init__(
        self,
        topic: str,
        run_callbacks: Callable[[DeliveryFuture], object],
        dropped: Callable[[str, ProduceError], None] | None = None,
    ) -> None:
        super().__init__(topic)
        self._run_callbacks = run_callbacks
        self._dropped = dropped  # hears of a failure that no caller has looked at; called by the finalizer
        self._is_heard = False
        self._gate = new_lock()  # held until the outcome is known; there may be many handles: it takes no descriptor
        self._gate.acquire()
        self._callbacks: list[Callable[[DeliveryFuture], object]] = []

    def __del__(self) -> None:
        dropped = self._dropped
        error = self._error
        if dropped is not None and error is not None and not self._is_heard:
            dropped(self.topic, error)

    def complete(self, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        """Set the outcome and let the waiters go."""
        self._set(metadata, error)
        self._gate.release()
        if self._callbacks:
            self._run_callbacks(self)

    def done(self) -> bool:
        """Return whether the outcome is known."""
        return self._is_done

    def result(self, timeout: float | None = None) -> RecordMetadata:
        """Wait for the outcome and return where the record landed.

        Args:
            timeout: Seconds to wait; None waits until the outcome, which `delivery_timeout_ms` bounds.

        Raises:
            DeliveryTimeoutError: `timeout` ended first. The record stays accepted.
            ProduceError: The record was not delivered.
        """
        return self.result_by(checked_timeout(timeout), timeout)

    def result_by(self, left: float | None, timeout: float | None) -> RecordMetadata:
        """Wait for the seconds that are `left` of a call's `timeout`; otherwise as `result`."""
        if not self._is_done:
            if is_in_hub():
                raise BlockingCallError(
                    f"The handle of a message to {self.topic} has no outcome yet, and gevent's hub, in whose callback "
                    "result() was called, cannot wait for it: spawn a greenlet, or use add_done_callback()."
                )
            if may_wait_in_hub():
                if not self._wait_in_hub(left):
                    raise still_waiting_error(self.topic, timeout or 0.0)
                return self._heard()
            if left is None:
                self._gate.acquire()
            elif not self._gate.acquire(timeout=wait_seconds(left)):
                raise still_waiting_error(self.topic, timeout or 0.0)
            self._gate.release()  # the next waiter's turn
        return self._heard()

    def _heard(self) -> RecordMetadata:
        self._is_heard = True
        return self._outcome()

    def _wait_in_hub(self, left: float | None) -> bool:
        bell = GreenletBell()
        self._callbacks.append(bell)
        try:
            return self._is_done or bell.wait(left) or self._is_done  # before it was hung up, or as its time was over
        finally:
            if bell in self._callbacks:
                self._callbacks.remove(bell)

    def ring(self) -> bool:
        """Wake the greenlets that wait; return whether there are other callbacks, which are users' code."""
        followers = self._callbacks.copy()
        for follower in followers:
            if isinstance(follower, GreenletBell):
                follower(self)
        return any(not isinstance(follower, GreenletBell) for follower in followers)

    def add_done_callback(self, callback: Callable[[DeliveryFuture], object]) -> None:
        """Call `callback(handle)` once the outcome is known: at once if it is, or on the producer's callback thread."""
        self._is_heard = True
        self._callbacks.append(callback)
        # `complete` may have looked at the callbacks just before this one was added. Popping is atomic, so the
        # thread that comes first runs it, and no other.
        if self._is_done:
            self.run_callbacks()

    def run_callbacks(self, failed: Callable[[str, BaseException], None] | None = None) -> None:
        """Run the callbacks that have not run yet; `failed` hears of what they raise."""
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:  # another thread took the last one between the look and the pop
                return
            try:
                callback(self)
            except BaseException as error:
                if failed is None:
                    raise
                failed(self.topic, error)

    def as_concurrent(self) -> concurrent.futures.Future[RecordMetadata]:
        """Return a `concurrent.futures.Future` of the same outcome, for code that wants one."""
        future: concurrent.futures.Future[RecordMetadata] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # a record on its way cannot be cancelled

        def copy_outcome(_: DeliveryFuture) -> None:
            if self._error is not None:
                future.set_exception(copied_error(self._error))
            else:
                future.set_result(self._metadata)  # type: ignore[arg-type]  # without an error there is metadata

        self.add_done_callback(copy_outcome)
        return future
