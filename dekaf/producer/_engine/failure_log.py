"""Log failures of one kind, rate-limited: a line for a topic's first, and a last one that tells them all.

Nothing is kept of a topic for longer than an interval, and of so many topics at a time: their names may be made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._log_thread import DeferredLogger
from dekaf._threads.primitives import new_reentrant_lock
from dekaf.errors import ProduceError

__all__ = ("LOG_INTERVAL", "MOST_TOPICS", "OTHER_TOPICS", "FailureLog")

logger = DeferredLogger("dekaf.producer")

LOG_INTERVAL: Final = 10.0  # seconds between two log lines about failures of one topic
MOST_TOPICS: Final = 100  # with lines of their own in an interval; the rest is told together
OTHER_TOPICS: Final = "(others)"


@final
class Tally:
    """A topic's failures since its first line."""

    def __init__(self, logged_at: float) -> None:
        self.logged_at: Final = logged_at  # monotonic seconds
        self.untold = 0
        self.error: BaseException | None = None  # the latest


@final
class FailureLog:
    """Any thread may add; the I/O thread tells the rest.

    Args:
        message: With places for the count, the topic and the latest error.
        clock: Monotonic seconds.
        begun: Hears that there is something to tell later, so that `log_due` is called.
        client_id: Whose failures they are; None: there is but one producer.
    """

    def __init__(
        self,
        message: str,
        clock: Callable[[], float],
        begun: Callable[[], None],
        *,
        client_id: str | None = None,
    ) -> None:
        self._message: Final = message
        self._clock: Final = clock
        self._begun: Final = begun
        self._client_id: Final = client_id
        self._lock: Final = new_reentrant_lock()  # guards _tallies; re-entrant for a finalizer
        self._tallies: dict[str, Tally] = {}

    def add(self, topic: str, count: int, error: BaseException) -> None:
        """Count `count` failures, and log them unless the topic's last line is too recent."""
        now = self._clock()
        with self._lock:
            name = topic
            if topic not in self._tallies and len(self._tallies) >= MOST_TOPICS:
                name = OTHER_TOPICS
            tally = self._tallies.get(name)
            is_line_due = tally is None or now >= tally.logged_at + LOG_INTERVAL
            if tally is None or is_line_due:
                count += 0 if tally is None else tally.untold
                self._tallies[name] = Tally(now)
            else:
                tally.untold += count
                tally.error = error
        if is_line_due:
            self._log(count, name, error)
            self._begun()

    def log_due(self, now: float) -> float:
        """Tell the rest of what began an interval ago, and forget it; return when there is more to tell."""
        if not self._tallies:  # as nearly always
            return NEVER
        due = NEVER
        over: list[str] = []
        with self._lock:
            for name, tally in self._tallies.items():
                if now >= tally.logged_at + LOG_INTERVAL:
                    over.append(name)
                else:
                    due = min(due, tally.logged_at + LOG_INTERVAL)
        self._log_rest_of(over)
        return due

    def log_rest(self) -> None:
        """Tell all the rest: the producer ends."""
        with self._lock:
            names = list(self._tallies)
        self._log_rest_of(names)

    def _log_rest_of(self, names: list[str]) -> None:
        for name in names:
            with self._lock:
                tally = self._tallies.pop(name, None)
            if tally is not None and tally.untold > 0 and tally.error is not None:
                self._log(tally.untold, name, tally.error)

    def _log(self, count: int, topic: str, error: BaseException) -> None:
        extra: dict[str, object] = {"dekaf_topic": topic, "dekaf_count": count, "dekaf_error": type(error).__name__}
        if self._client_id is not None:
            extra["dekaf_client_id"] = self._client_id
        if isinstance(error, ProduceError) and error.partition is not None:
            extra["dekaf_partition"] = error.partition
        logger.error(self._message, count, topic, error, extra=extra)
