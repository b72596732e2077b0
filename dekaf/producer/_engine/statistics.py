"""What a producer counts, and how failures that no caller hears of get into the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._log_thread import DeferredLogger, facts
from dekaf._threads.primitives import new_reentrant_lock
from dekaf.errors import ProduceError
from dekaf.producer._engine.batch_observer import PROCESS_OBSERVER, Observe
from dekaf.producer._engine.failure_log import FailureLog
from dekaf.producer._engine.measurements import Measurements
from dekaf.producer._waiting.backlog import CallbackBacklog
from dekaf.reports import BatchOutcome
from dekaf.types import DrainReport

logger = DeferredLogger("dekaf.producer")

# Batches whose outcome is known, and which are still to be told to a slow observer: beyond, they are left out.
MOST_UNOBSERVED: Final = 10_000
FAILURE_SAMPLE: Final = 16  # how many errors a report shows


@final
class ProducerStatistics:
    """Counters over a producer's life. They outlive its engines; written by the I/O thread unless said otherwise.

    Args:
        clock: Monotonic seconds.
        wake: Has the I/O thread look, so that it calls `log_due`.
        client_id: Tells this producer's log lines from those of others; None: there is but one.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wake: Callable[[], None] | None = None,
        client_id: str | None = None,
    ) -> None:
        whose = "" if client_id is None else f" (client_id {client_id.replace('%', '%%')})"
        self.client_id: Final = client_id
        self._wake: Final = _nothing if wake is None else wake
        self._has_untold = False  # something may be due to be logged later
        self.measurements: Final = Measurements()
        self.delivered = 0
        self.failed = 0
        self.given_up = 0  # of the failed ones, those that a close had no more time for
        self.is_giving_up = False  # the I/O thread's alone
        self.retries = 0
        self.unobserved_failures = 0  # also counted by event loops, for futures whose task went away
        self.callbacks_dropped = 0
        self.engine_restarts = 0
        self.producer_id_resets = 0
        self.connects_before = 0  # of engines that were replaced
        self.exhausted = 0  # calls refused for want of space
        self.hook_failures = 0  # of tracers and listeners
        self.last_error: str | None = None
        self._unobserved = FailureLog(
            "%d record(s) for topic %s were not delivered, and nobody waits for their outcome: %s" + whose,
            clock,
            self._begun,
            client_id=client_id,
        )
        self._broken_callbacks = FailureLog(
            "on_delivery raised %d time(s) for topic %s: %r" + whose, clock, self._begun, client_id=client_id
        )
        self._broken_hooks = FailureLog(
            "The producer's listener raised %d time(s) for topic %s: %r" + whose,
            clock,
            self._begun,
            client_id=client_id,
        )
        self._clock: Final = clock
        self._moment = 0.0  # when the answer came that is being dealt with
        self._has_logged_tracer = False
        self.post: Callable[[Callable[[], None]], None] | None = None  # to the callback thread
        self._unobserved_batches: Final = CallbackBacklog("of the observer of batches")
        self._unobserved_batches.most = MOST_UNOBSERVED
        self._client_id: Final = client_id
        self._whose: Final = "" if client_id is None else f" (client_id {client_id})"
        self._dropped: deque[tuple[str, ProduceError]] = deque()  # what finalizers saw
        self._reported_delivered = 0
        self._reported_failed = 0
        self._reported_given_up = 0
        # Guards what was reported, and what callers count; re-entrant for a signal handler that closes.
        self._lock: Final = new_reentrant_lock()
        self._failures: list[ProduceError] = []

    def look_at_clock(self) -> float:
        """Return the time, in monotonic seconds; what is delivered next was delivered then."""
        self._moment = self._clock()
        return self._moment

    def record_delivered(self, topic: str, count: int, since: float) -> None:
        """Count acknowledged records of a topic; the oldest has been accepted `since`, in monotonic seconds."""
        self.delivered += count
        age = max(0.0, self._moment - since)
        self.measurements.delivered(topic, count, age)
        if PROCESS_OBSERVER.observe is not None:
            self._tell_observer(PROCESS_OBSERVER.observe, topic, count, age, None)

    def record_failed(self, count: int, error: ProduceError, since: float) -> None:
        """Count records that were not delivered; otherwise as `record_delivered`."""
        self.failed += count
        age = max(0.0, self._clock() - since)
        self.measurements.failed(count, error, age)
        if PROCESS_OBSERVER.observe is not None:
            self._tell_observer(PROCESS_OBSERVER.observe, error.topic or "", count, age, error)
        if self.is_giving_up:
            self.given_up += count  # after `failed`: see take_report
        self.last_error = str(error)
        if len(self._failures) < FAILURE_SAMPLE:
            self._failures.append(error)

    def _tell_observer(self, observe: Observe, topic: str, count: int, age: float, error: ProduceError | None) -> None:
        """Have whoever wants to hear of batches told, on the callback thread."""
        if self._unobserved_batches.is_full:
            return  # it is slow, and batches come without end
        outcome = BatchOutcome(client_id=self._client_id, topic=topic, records=count, oldest_age=age, error=error)

        def tell() -> None:
            try:
                observe(outcome)
            except BaseException as failure:
                self.tracer_failed("observer of batches", failure)
            self._unobserved_batches.remove(1)

        if self.post is not None:
            self._unobserved_batches.add(1)
            self.post(tell)

    def unobserved_failure(self, topic: str, count: int, error: ProduceError) -> None:
        """Count and log failed records that have no caller to tell; on any thread."""
        self.unobserved_failures += count
        self._unobserved.add(topic, count, error)

    def handle_dropped(self, topic: str, error: ProduceError) -> None:
        """Note a failed record whose handle went away unseen. It takes no lock and logs nothing: finalizers call it."""
        self._dropped.append((topic, error))
        self._begun()

    def log_due(self, now: float) -> float:
        """Log, on the I/O thread, what was held back long enough; return when there is more, in monotonic seconds."""
        if not self._has_untold:  # as in nearly every pass
            return NEVER
        self._has_untold = False  # first of all: what another thread notes from now on asks for another look
        self._tell_dropped()
        due = min(self._unobserved.log_due(now), self._broken_callbacks.log_due(now))
        due = min(due, self._broken_hooks.log_due(now))
        if due < NEVER:
            self._has_untold = True
        return due

    def log_rest(self) -> None:
        """Log all that was held back: the producer ends."""
        self._tell_dropped()
        for log in (self._unobserved, self._broken_callbacks, self._broken_hooks):
            log.log_rest()

    def _begun(self) -> None:
        """Have the I/O thread look, now that there is something to tell later; on any thread."""
        self._has_untold = True
        self._wake()

    def _tell_dropped(self) -> None:
        while self._dropped:
            try:
                topic, error = self._dropped.popleft()
            except IndexError:  # another thread, that closes, took the last one
                return
            self.unobserved_failure(topic, 1, error)

    def drop_callbacks(self, count: int) -> None:
        """Count callbacks of an event loop that was closed; on any thread."""
        self.callbacks_dropped += count

    def callback_failed(self, topic: str, failure: BaseException) -> None:
        """Log what an `on_delivery` raised; on any thread."""
        self._broken_callbacks.add(topic, 1, failure)

    def hook_failed(self, topic: str, failure: BaseException) -> None:
        """Count and log what a listener's hook raised; on any thread."""
        with self._lock:
            self.hook_failures += 1
        self._broken_hooks.add(topic, 1, failure)

    def tracer_failed(self, method: str, failure: BaseException) -> None:
        """Count what a tracer raised, or that it returned nonsense, and log the first; on any thread."""
        with self._lock:
            self.hook_failures += 1
            is_news = not self._has_logged_tracer
            self._has_logged_tracer = True
        if is_news:
            logger.error(  # it is given the error
                "Telemetry failed in %s, which costs no record: %r. What else goes wrong in it is counted in "
                "metrics(), and not logged%s",
                method,
                failure,
                self._whose,
                error=failure,
                extra=facts(self.client_id, error=failure),
            )

    def space_exhausted(self) -> None:
        """Count a call that was refused for want of space; on any thread."""
        with self._lock:
            self.exhausted += 1

    def take_report(self, *, elapsed: float, undelivered: int) -> DrainReport:
        """Return what happened since the last report; records given up count as undelivered."""
        with self._lock:
            delivered = self.delivered - self._reported_delivered
            given_up = self.given_up - self._reported_given_up  # before `failed`: it may grow meanwhile, but not beyond
            failed = self.failed - self._reported_failed
            self._reported_delivered += delivered
            self._reported_given_up += given_up
            self._reported_failed += failed
            failures = self._failures
            self._failures = []
            return DrainReport(
                delivered=delivered,
                failed=failed - given_up,
                undelivered=undelivered + given_up,
                elapsed=elapsed,
                failures=tuple(failures),
            )


def _nothing() -> None:
    """Without an engine there is no thread to be woken."""
