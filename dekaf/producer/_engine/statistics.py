"""What a producer counts, and how failures that no caller hears of get into the log."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, final

from dekaf.errors import ProduceError
from dekaf.types import DrainReport

logger = logging.getLogger("dekaf.producer")

LOG_INTERVAL: Final = 10.0  # seconds between two log lines about failures of one topic
FAILURE_SAMPLE: Final = 16  # how many errors a report shows


@final
class FailureLog:
    """Log failures of one kind, at most one line per topic and interval, with the count of what was left out."""

    def __init__(self, message: str, clock: Callable[[], float]) -> None:
        self._message = message
        self._clock = clock
        self._lock = threading.Lock()  # guards _suppressed and _logged_at
        self._suppressed: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}

    def add(self, topic: str, count: int, error: BaseException) -> None:
        """Count `count` failures, and log them unless the topic's last line is too recent."""
        now = self._clock()
        with self._lock:
            total = self._suppressed.get(topic, 0) + count
            if now - self._logged_at.get(topic, -LOG_INTERVAL) < LOG_INTERVAL:
                self._suppressed[topic] = total
                return
            self._suppressed[topic] = 0
            self._logged_at[topic] = now
        # A handler is an application's code and may raise anything; this may be the I/O thread, in the midst of things.
        with contextlib.suppress(BaseException):
            logger.error(self._message, total, topic, error)


@final
class ProducerStatistics:
    """Counters over a producer's life. They outlive its engines; written by the I/O thread unless said otherwise."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.delivered = 0
        self.failed = 0
        self.given_up = 0  # of the failed ones, those that a close had no more time for
        self.is_giving_up = False  # the I/O thread's alone
        self.retries = 0
        self.unobserved_failures = 0  # also counted by event loops, for futures whose task went away
        self.engine_restarts = 0
        self.producer_id_resets = 0
        self.last_error: str | None = None
        self._unobserved = FailureLog(
            "%d record(s) for topic %s were not delivered, and nobody waits for their outcome: %s", clock
        )
        self._broken_callbacks = FailureLog("on_delivery raised %d time(s) for topic %s: %r", clock)
        self._broken_hooks = FailureLog("The producer's listener raised %d time(s) for topic %s: %r", clock)
        self._reported_delivered = 0
        self._reported_failed = 0
        self._reported_given_up = 0
        self._lock = threading.RLock()  # guards what was reported; re-entrant for a signal handler that closes
        self._failures: list[ProduceError] = []

    def record_delivered(self, count: int) -> None:
        """Count acknowledged records."""
        self.delivered += count

    def record_failed(self, count: int, error: ProduceError) -> None:
        """Count records that were not delivered."""
        self.failed += count
        if self.is_giving_up:
            self.given_up += count  # after `failed`: see take_report
        self.last_error = str(error)
        if len(self._failures) < FAILURE_SAMPLE:
            self._failures.append(error)

    def unobserved_failure(self, topic: str, count: int, error: ProduceError) -> None:
        """Count and log failed records that have no caller to tell; on any thread."""
        self.unobserved_failures += count
        self._unobserved.add(topic, count, error)

    def callback_failed(self, topic: str, failure: BaseException) -> None:
        """Log what an `on_delivery` raised; on any thread."""
        self._broken_callbacks.add(topic, 1, failure)

    def hook_failed(self, topic: str, failure: BaseException) -> None:
        """Log what a listener's hook raised; on any thread."""
        self._broken_hooks.add(topic, 1, failure)

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
