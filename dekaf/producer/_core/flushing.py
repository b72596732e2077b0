"""Flushing: wait until what was accepted has an outcome, its callbacks have run, and what there was to log is written.

No step waits by itself: that is the face's business, on a thread or on an event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from time import monotonic
from typing import Final, final

from dekaf._log_thread import LOG_THREAD
from dekaf._threads.gate import ThreadGate
from dekaf._threads.primitives import wait_seconds
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._core.life import ProducerLife
from dekaf.types import DrainReport, FlushTimeoutError

WhenDone = Callable[[Callable[[], None]], bool]


class FlushStep(Enum):
    """What a flush waits for; it only moves down."""

    OUTCOMES = "outcomes"
    CALLBACKS = "callbacks"  # those that are due where the caller's own run
    LOG = "log"
    OVER = "over"


@final
class Flushing:
    """One flush. The face calls `begin`, waits until told, or for `seconds_left`, and calls `proceed`; until OVER.

    Args:
        life: The producer's.
        accumulator: Of its engine.
        timeout: Seconds, for all of it. None: outcomes take what they take, which `delivery_timeout_ms` bounds;
            callbacks and the log have `close_timeout_ms`.
        when_called_back: Calls what it is given once the callbacks have run which are due in the caller's destination.
    """

    def __init__(
        self, life: ProducerLife, accumulator: RecordAccumulator, timeout: float | None, when_called_back: WhenDone
    ) -> None:
        self.step = FlushStep.OUTCOMES
        self._life: Final = life
        self._accumulator: Final = accumulator
        self._timeout: Final = timeout
        self._when_called_back: Final = when_called_back
        self._started: Final = monotonic()
        self._until = None if timeout is None else self._started + timeout

    def begin(self, tell: Callable[[], None]) -> bool:
        """Begin the present step; call `tell` once it is done. False if there is nothing to wait for."""
        if self.step is FlushStep.OUTCOMES:
            engine = self._life.engine
            return engine is not None and engine.flush(tell)
        if self.step is FlushStep.CALLBACKS:
            return self._when_called_back(tell)
        return LOG_THREAD.when_written(tell)

    def seconds_left(self) -> float | None:
        """Return how long to wait for the present step; None: as long as it takes."""
        return None if self._until is None else max(0.0, self._until - monotonic())

    def proceed(self, *, is_done: bool) -> None:
        """End the present step, and go on to the next.

        Args:
            is_done: Its time was enough.

        Raises:
            FlushTimeoutError: It was not enough for the outcomes.
        """
        if self.step is FlushStep.OUTCOMES:
            if not is_done and self._accumulator.pending_records() > 0:  # with nothing to wait for, no time is enough
                raise FlushTimeoutError(f"Not everything was acknowledged within {self._timeout:g} s", self.report())
            if self._until is None:
                self._until = monotonic() + wait_seconds(self._life.close_timeout)
            self.step = FlushStep.CALLBACKS
        elif self.step is FlushStep.CALLBACKS:
            self.step = FlushStep.LOG
        else:
            self.step = FlushStep.OVER

    def report(self) -> DrainReport:
        """Return what happened since the last report."""
        undelivered = self._accumulator.pending_records()
        report = self._life.statistics.take_report(elapsed=monotonic() - self._started, undelivered=undelivered)
        pending = self._life.callbacks_pending()
        return report if pending == 0 else replace(report, callbacks_pending=pending)


def flush_on_thread(flushing: Flushing) -> DrainReport:
    """Take the steps of a flush, waiting on this thread.

    Raises:
        FlushTimeoutError: Its time was not enough.
    """
    while flushing.step is not FlushStep.OVER:
        is_done = ThreadGate.opened_by(flushing.begin).wait(flushing.seconds_left())
        flushing.proceed(is_done=is_done)
    return flushing.report()
