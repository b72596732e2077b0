"""Closing: the end of a producer: the steps, the time that each may take, and the report.

    accept nothing more → deliver → give up the rest, and report → `on_undelivered` → callbacks

A producer always ends this way: closed by a thread, by a coroutine, or together with others; at the interpreter's exit;
or dropped, and closed where its caller must not wait, when the engine's own thread takes the steps. Only the waiting in
between differs, which is the driver's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic
from typing import Final, final

from dekaf.producer._core.life import LifeState, ProducerLife
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._waiting.gate import ThreadGate
from dekaf.types import DrainReport

logger = logging.getLogger("dekaf.producer")

# Seconds for failing what is left, once the time for delivering it is over. The I/O thread does that at one go, but a
# user's partitioner may hold it up, and a close has to return.
LEFT_FOR_ABORT: Final = 1.0
LEAST_FOR_CALLBACKS: Final = 0.2  # seconds; those of the last records have only just been told


class ClosingStep(Enum):
    """What a closing waits for; it only moves down."""

    DELIVERY = "delivery"  # nothing more is accepted; what was is on its way
    SAVING = "saving"  # the rest was given up, counted and reported; the user's `on_undelivered` has it
    OVER = "over"  # callbacks have had their time; or there was nothing to be closed


class Occasion(Enum):
    """Why a producer ends; the values are the words of the log."""

    CLOSE = "by close()"
    PENDING = "by close() where it cannot wait"
    UNAWAITED = "by close() that did not wait"
    DROP = "by being dropped"
    EXIT = "at exit"


@final
class Closing:
    """One close of one producer. Several may go on at once, each with a timeout of its own; all get the first's report.

    Args:
        life: The producer's.
        engine: Which is to be drained, and accepts nothing more; None if there is nothing to do.
        timeout: Seconds for delivering, and for callbacks, together; None means `close_timeout_ms`.
        occasion: Why.
    """

    def __init__(
        self, life: ProducerLife, engine: BackendEngine | None, timeout: float | None, occasion: Occasion
    ) -> None:
        self.step = ClosingStep.OVER if engine is None else ClosingStep.DELIVERY
        self._life: Final = life
        self._engine: Final = engine
        self._occasion: Final = occasion
        self._started: Final = monotonic()
        self._timeout: Final = life.close_timeout if timeout is None else timeout
        self._given_up_at = 0.0

    # The steps, and in front of each what the driver is to wait for, and for how many seconds.

    def when_delivered(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once everything accepted has an outcome; False if there is nothing to wait for."""
        return self._engine is not None and self._engine.flush(tell)

    def seconds_to_deliver(self) -> float:
        """Return the time left for delivering; negative once it is over."""
        return self._started + self._timeout - monotonic()

    def give_up_rest(self) -> None:
        """End the engine's thread; what it could not deliver fails, is reported, and goes to `on_undelivered`."""
        if self._engine is None or self.step is not ClosingStep.DELIVERY:
            return
        self._engine.terminate(LEFT_FOR_ABORT)
        self._make_report()
        self._given_up_at = monotonic()
        self.step = ClosingStep.SAVING

    def when_saved(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once `on_undelivered` has returned; False if there is nothing to wait for."""
        hook = self._life.on_undelivered
        return self.step is ClosingStep.SAVING and hook is not None and hook.when_done(tell)

    def seconds_to_save(self) -> float:
        """Return the time left for `on_undelivered`: a `close_timeout_ms` of its own; the other is used up."""
        return self._given_up_at + self._life.close_timeout - monotonic()

    def seconds_for_callbacks(self) -> float:
        """Return the time left for callbacks that are still to run."""
        return max(LEAST_FOR_CALLBACKS, self.seconds_to_deliver())

    def finish(self, for_callbacks: float) -> None:
        """Let callbacks run for so many seconds, then leave them to themselves.

        It blocks meanwhile; unless `on_undelivered`, which has had its time, keeps their thread.
        """
        if self.step is not ClosingStep.SAVING:
            return
        self.step = ClosingStep.OVER
        hook = self._life.on_undelivered
        if hook is not None and hook.is_busy():
            if self.seconds_to_save() <= 0.0:  # or the task that closes was cancelled
                hook.give_up()
            for_callbacks = 0.0
        self._life.callbacks.stop(for_callbacks)
        self._life.statistics.log_rest()
        self._life.over()

    def report(self) -> DrainReport:
        """Return the report of the producer's close, once it is made; or that of one that had nothing to do."""
        life = self._life
        with life.reporting:
            if life.report is None:  # it never started, its engine failed, or its engine took the steps by itself
                life.report = life.statistics.take_report(elapsed=0.0, undelivered=0)
            return life.report

    # Where the caller must not wait.

    def leave_to_engine(self) -> None:
        """Have the engine take the steps on its own thread. Takes no lock: it is what finalizers do."""
        if self._engine is not None:
            self._engine.abandon(max(0.0, self._timeout), self._engine_ended)

    def _engine_ended(self, given_up: int) -> None:
        life = self._life
        life.state = LifeState.CLOSED
        self.step = ClosingStep.OVER
        if given_up > 0:
            self._make_report()
        life.callbacks.stop(0.0)
        life.statistics.log_rest()
        life.over()

    def _make_report(self) -> None:
        """Count and log how it went, unless another close of the same producer did so before."""
        life = self._life
        with life.reporting:
            life.state = LifeState.CLOSED
            if life.report is not None:
                return
            report = life.statistics.take_report(elapsed=monotonic() - self._started, undelivered=0)
            life.report = report
        log_report(life, report, self._occasion)


def begin_closing(life: ProducerLife, timeout: float | None, occasion: Occasion) -> Closing:
    """Accept nothing more; return the closing, whose steps are the caller's to take from here."""
    with life.lock:
        engine = life.engine
        if life.state is LifeState.CLOSED:
            engine = None
        elif engine is None or not engine.is_alive():
            engine = None
            life.state = LifeState.CLOSED
            life.callbacks.stop(0.0)  # those of an engine that has failed
        else:
            life.state = LifeState.CLOSING
    if engine is not None:
        engine.close_accepting()
    elif life.engine is None or not life.engine.is_alive():
        life.over()
    return Closing(life, engine, timeout, occasion)


def close_on_thread(closings: Sequence[Closing]) -> None:
    """Take the steps of closings side by side; wait on this thread, and start no other: at exit none may be started."""
    gates = [ThreadGate.opened_by(closing.when_delivered) for closing in closings]
    for closing, gate in zip(closings, gates, strict=True):
        gate.wait(closing.seconds_to_deliver())
        closing.give_up_rest()
    for closing in closings:
        ThreadGate.opened_by(closing.when_saved).wait(closing.seconds_to_save())
        closing.finish(closing.seconds_for_callbacks())


def close_without_waiting(life: ProducerLife, timeout: float | None) -> DrainReport:
    """Begin to close where the caller must not wait.

    Args:
        life: The producer's.
        timeout: Seconds for delivering; None means `close_timeout_ms`.

    Returns:
        How far it has come, marked as pending; the report of the close if there was one before.
    """
    closing = begin_closing(life, timeout, Occasion.UNAWAITED)
    engine = life.engine
    if engine is None or closing.step is ClosingStep.OVER:
        return closing.report()
    closing.leave_to_engine()
    undelivered = engine.accumulator.pending_records()
    report = DrainReport(delivered=0, failed=0, undelivered=undelivered, elapsed=0.0, pending=True)
    log_report(life, report, Occasion.PENDING)
    return report


def close_dropped(life: ProducerLife) -> bool:
    """Have the engine of a producer that was dropped deliver what it has, and end; False if there is none.

    Called by a finalizer, so it takes no lock.
    """
    engine = life.engine
    if engine is None or life.state is not LifeState.OPEN or life.is_inherited():
        return False
    if not engine.is_running():  # it has failed, and nothing was produced since
        life.callbacks.stop(0.0)
        life.over()
        return False
    Closing(life, engine, None, Occasion.DROP).leave_to_engine()
    return True


def log_report(life: ProducerLife, report: DrainReport, occasion: Occasion) -> None:
    """Log how a close went: an error if anything was lost, or is not safe yet."""
    level = logging.INFO if report.ok else logging.ERROR
    logger.log(level, "Producer closed %s: %s (client_id %s)", occasion.value, report, life.client_id)
