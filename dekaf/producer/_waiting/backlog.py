"""CallbackBacklog: the callbacks of one destination that are due and have not run, and who waits until they are fewer.

`buffer_memory` is given back when an outcome is known, whether or not its callback has run: without a bound of their
own, callbacks that are slower than the brokers would pile up without end. Counted per batch; records without a callback
have no part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, final

from dekaf._threads.primitives import new_reentrant_lock
from dekaf.errors import BufferExhaustedError

# As many as the default `buffer_memory` has space for, roughly: their records have been written, and what is left is a
# reference to each callback and a little per batch.
MOST_CALLBACKS: Final = 100_000


class CallbackProgress(Protocol):
    """A batch whose callbacks run at the moment."""

    @property
    def called(self) -> int:
        """How many of them have run."""


@final
class CallbackBacklog:
    """Every method may be called from any thread.

    Args:
        where: Where they run, for errors.
    """

    def __init__(self, where: str) -> None:
        self.is_full = False  # callers look at it without the lock, once per record with a callback
        self.most = MOST_CALLBACKS
        self._where: Final = where
        self._lock: Final = new_reentrant_lock()  # guards all below; re-entrant for a finalizer that closes a producer
        self._count = 0
        self._waiters: list[Callable[[], None]] = []
        self._running: CallbackProgress | None = None

    def add(self, count: int) -> None:
        """Count a batch's callbacks: they are due."""
        with self._lock:
            self._count += count
            self.is_full = self._count >= self.most

    def begin(self, progress: CallbackProgress) -> None:
        """Note whose progress tells how many callbacks of the batch that begins now have run."""
        self._running = progress

    def remove(self, count: int) -> None:
        """Count them off: they have run, or were dropped."""
        waiters: list[Callable[[], None]] = []
        with self._lock:
            self._running = None
            self._count -= count
            self.is_full = self._count >= self.most
            if not self.is_full:
                waiters = self._waiters
                self._waiters = []
        for grant in waiters:
            grant()

    def pending(self) -> int:
        """Return how many have not run."""
        with self._lock:
            running = self._running
            return self._count - (0 if running is None else running.called)

    def line_up(self, grant: Callable[[], None]) -> bool:
        """Call `grant` once they are fewer; False if they are."""
        with self._lock:
            if self.is_full:
                self._waiters.append(grant)
            return self.is_full

    def withdraw(self, grant: Callable[[], None]) -> None:
        """Leave the line, if `grant` was not called."""
        with self._lock:
            if grant in self._waiters:
                self._waiters.remove(grant)

    def exhausted_error(self, topic: str, waits: str) -> BufferExhaustedError:
        """Return the error for a record whose callback would be one too many; `waits` says how long it waited."""
        return BufferExhaustedError(
            f"{self.pending()} on_delivery callbacks are still to run {self._where}, and {waits}. They take longer "
            "than the brokers: do less in a callback, hand its work to threads or tasks, or fire less.",
            topic=topic,
            is_retriable=True,
        )
