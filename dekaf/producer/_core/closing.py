"""Closing: the end of a producer: the steps, the time that each may take, and the report.

    accept nothing more → deliver → give up the rest, and report → `on_undelivered` → callbacks → log

A producer always ends this way: closed by a thread, by a coroutine, or together with others; at the interpreter's exit;
or dropped, and closed where its caller must not wait, when the engine's own thread takes the steps. Only the waiting in
between differs, which is the driver's business: no step waits by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from time import monotonic
from typing import Final, final

from dekaf._log_thread import LOG_THREAD, DeferredLogger
from dekaf._threads.gate import Countdown, ThreadGate
from dekaf.producer._core.life import LifeState, ProducerLife
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._waiting.mailbox import LoopMailbox
from dekaf.types import DrainReport

logger = DeferredLogger("dekaf.producer")

# Seconds for failing what is left, once the time for delivering it is over. The I/O thread does that at one go.
LEFT_FOR_ABORT: Final = 1.0
# Seconds, even when the close's own time is used up: for the callbacks of the last records, which have only just been
# told, and for the log's handlers.
LEAST_FOR_CALLBACKS: Final = 0.2
LEAST_FOR_LOG: Final = 0.2
# Called whenever a producer was drained, on the thread that has closed it: not every process lives to run exit hooks.
AFTER_DRAIN: Final[list[Callable[[], None]]] = []

MOMENT: Final = 0.05  # seconds; a thread that has done its last thing ends well within


class ClosingStep(Enum):
    """What a closing waits for; it only moves down."""

    DELIVERY = "delivery"  # nothing more is accepted; what was is on its way
    ENDING = "ending"  # the engine gives up the rest
    SAVING = "saving"  # that was counted and reported; the user's `on_undelivered` has it
    CALLBACKS = "callbacks"  # those that are due run
    LOG = "log"  # what there was to log is written
    OVER = "over"  # or there was nothing to be closed


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

    The driver calls `begin`, waits until it is told, or for `seconds_left`, and calls `proceed`; until the step is
    OVER. A driver that is to wait no longer calls `cut_short`.

    Args:
        life: The producer's.
        engine: Which is to be drained, and accepts nothing more; None if there is nothing to do.
        timeout: Seconds for delivering, for callbacks and for the log, together; None means `close_timeout_ms`.
        occasion: Why.
        mailbox: Of the event loop on which the driver waits, whose callbacks run meanwhile; None for a thread.
    """

    def __init__(
        self,
        life: ProducerLife,
        engine: BackendEngine | None,
        timeout: float | None,
        occasion: Occasion,
        mailbox: LoopMailbox | None = None,
    ) -> None:
        self.step = ClosingStep.OVER if engine is None else ClosingStep.DELIVERY
        self._life: Final = life
        self._engine: Final = engine
        self._occasion: Final = occasion
        self._mailbox: Final = mailbox
        self._timeout: Final = life.close_timeout if timeout is None else timeout
        self._started: Final = monotonic()
        self._until = self._started + self._timeout  # when the present step is over, at the latest
        self._has_ended = False

    def begin(self, tell: Callable[[], None]) -> bool:
        """Begin the present step; call `tell` once it is done. False if there is nothing to wait for."""
        engine = self._engine
        if self.step is ClosingStep.DELIVERY:
            return engine is not None and engine.flush(tell)
        if self.step is ClosingStep.ENDING:
            return self._begin_ending(tell)
        if self.step is ClosingStep.SAVING:
            hook = self._life.on_undelivered
            return hook is not None and hook.when_done(tell)
        if self.step is ClosingStep.CALLBACKS:
            return self._begin_callbacks(tell)
        return self.step is ClosingStep.LOG and LOG_THREAD.when_written(tell)

    def seconds_left(self) -> float:
        """Return how long to wait for the present step; negative once its time is over."""
        return self._until - monotonic()

    def proceed(self) -> None:
        """End the present step, done or not, and go on to the next."""
        if self.step is ClosingStep.DELIVERY:
            self._go_on(ClosingStep.ENDING, LEFT_FOR_ABORT)
        elif self.step is ClosingStep.ENDING:
            self._end_engine()
            # A time of its own: when there is something to save, the other is used up.
            self._go_on(ClosingStep.SAVING, self._life.close_timeout)
        elif self.step is ClosingStep.SAVING:
            hook = self._life.on_undelivered
            if hook is not None and hook.is_busy():
                hook.give_up()
            self._go_on(ClosingStep.CALLBACKS, max(LEAST_FOR_CALLBACKS, self._time_left()))
        elif self.step is ClosingStep.CALLBACKS:
            self._end_callbacks(self.seconds_left())
            self._tell_pending_callbacks()
            self._go_on(ClosingStep.LOG, max(LEAST_FOR_LOG, self._time_left()))
        else:
            self.step = ClosingStep.OVER

    def cut_short(self) -> None:
        """End without any more waiting: the task that closes was cancelled. What is left to do needs no caller."""
        if self.step is ClosingStep.DELIVERY or self.step is ClosingStep.ENDING:
            self.step = ClosingStep.OVER
            if self._engine is None or not self._engine.terminate(self._end_unawaited):
                self._end_unawaited()
        elif self.step is ClosingStep.SAVING or self.step is ClosingStep.CALLBACKS:
            self.step = ClosingStep.OVER
            self._end_callbacks(0.0)

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
        self._life.state = LifeState.CLOSED
        self.step = ClosingStep.OVER
        if given_up > 0:
            self._make_report()
        self._end_callbacks(0.0)

    def _end_unawaited(self) -> None:
        self._make_report()
        self._end_callbacks(0.0)

    # The steps.

    def _go_on(self, step: ClosingStep, seconds: float) -> None:
        self.step = step
        self._until = monotonic() + seconds

    def _time_left(self) -> float:
        return self._started + self._timeout - monotonic()

    def _begin_ending(self, tell: Callable[[], None]) -> bool:
        def ended() -> None:
            self._has_ended = True
            tell()

        if self._engine is not None and self._engine.terminate(ended):
            return True
        self._has_ended = True
        return False

    def _end_engine(self) -> None:
        if self._has_ended and self._engine is not None:
            self._engine.join(MOMENT)
        self._make_report()

    def _begin_callbacks(self, tell: Callable[[], None]) -> bool:
        life = self._life
        hook = life.on_undelivered
        countdown = Countdown(tell)
        if hook is None or not hook.is_busy():  # or it, which has had its time, keeps their thread
            countdown.add(life.callbacks.when_done)
        if self._mailbox is not None:
            countdown.add(self._mailbox.when_called_back)
        return countdown.start()

    def _end_callbacks(self, seconds: float) -> None:
        """Leave callbacks that have not run to themselves; those without a thread run here, for so many seconds."""
        life = self._life
        if life.callbacks.is_running():
            hook = life.on_undelivered
            is_busy = (hook is not None and hook.is_busy()) or life.callbacks.backlog.pending() > 0
            seconds = 0.0 if is_busy else min(MOMENT, seconds)
        life.callbacks.stop(seconds)
        life.statistics.log_rest()
        life.over()
        for call in AFTER_DRAIN:
            call()

    def _tell_pending_callbacks(self) -> None:
        life = self._life
        with life.reporting:
            pending = life.callbacks_pending()
            report = life.report
            if report is None or pending == 0 or report.callbacks_pending > 0:
                return
            life.report = replace(report, callbacks_pending=pending)
        logger.error(
            "%d on_delivery callback(s) have not run in time when the producer closed %s (client_id %s)",
            pending,
            self._occasion.value,
            life.client_id,
            extra={"dekaf_client_id": life.client_id, "dekaf_count": pending},
        )

    def _make_report(self) -> None:
        """Count and log how it went, unless another close of the same producer did so before."""
        life = self._life
        with life.reporting:
            life.state = LifeState.CLOSED
            if life.report is not None:
                return
            # An engine that has ended has left nothing. One that has not, whatever holds its thread up, gives the rest
            # up later: it is counted here, and told then.
            left = 0 if self._engine is None else self._engine.accumulator.pending_records()
            report = life.statistics.take_report(elapsed=monotonic() - self._started, undelivered=left)
            if left > 0:
                report = replace(report, pending=True)
            life.report = report
        log_report(life, report, self._occasion)


def begin_closing(
    life: ProducerLife, timeout: float | None, occasion: Occasion, mailbox: LoopMailbox | None = None
) -> Closing:
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
    return Closing(life, engine, timeout, occasion, mailbox)


def close_on_thread(closings: Sequence[Closing]) -> None:
    """Take the steps of closings side by side; wait on this thread, and start no other: at exit none may be started."""
    going_on = [closing for closing in closings if closing.step is not ClosingStep.OVER]
    while going_on:
        gates = [ThreadGate.opened_by(closing.begin) for closing in going_on]
        for closing, gate in zip(going_on, gates, strict=True):
            gate.wait(closing.seconds_left())
            closing.proceed()
        going_on = [closing for closing in going_on if closing.step is not ClosingStep.OVER]


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
    report = DrainReport(
        delivered=0,
        failed=0,
        undelivered=engine.accumulator.pending_records(),
        elapsed=0.0,
        pending=True,
        callbacks_pending=life.callbacks_pending(),
    )
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
    extra: dict[str, object] = {
        "dekaf_client_id": life.client_id,
        "dekaf_delivered": report.delivered,
        "dekaf_failed": report.failed,
        "dekaf_undelivered": report.undelivered,
    }
    logger.log(level, "Producer closed %s: %s (client_id %s)", occasion.value, report, life.client_id, extra=extra)
