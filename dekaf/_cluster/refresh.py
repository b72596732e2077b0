"""Decide when to ask the cluster for its metadata, and for which topics. Pure decisions; the engine does the asking.

One request is under way at a time. Failures, and answers that did not help, wait with exponential back-off, so that a
topic without a leader does not turn into a storm of requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

NEVER: Final = float("inf")  # when something is due that does not fall due by itself


@final
class MetadataRefresher:
    """All times are monotonic seconds. Owned by the I/O thread."""

    def __init__(self, max_age: float, backoff: Callable[[int], float]) -> None:
        self.topics: set[str] = set()
        self.is_asking = False
        self._max_age: Final = max_age
        self._backoff: Final = backoff  # attempt, from 1 → seconds
        self._is_wanted = True  # nothing is known yet
        self._attempts = 0
        self._not_before = 0.0
        self._refresh_at = NEVER
        self._has_unasked = False  # a topic was added while a request without it is under way

    def add_topic(self, name: str) -> None:
        """Ask for a topic from now on, and soon; a new topic does not wait for another one's back-off."""
        if name not in self.topics:
            self.topics.add(name)
            self._attempts = 0
            self._not_before = 0.0
            self._has_unasked = self.is_asking
        self._is_wanted = True

    def remove_topic(self, name: str) -> None:
        """Stop asking for a topic."""
        self.topics.discard(name)

    def want(self) -> None:
        """Ask again: a leader is missing or wrong, or a connection was lost."""
        self._is_wanted = True

    def due_at(self) -> float:
        """Return when the next request is due; infinity while one is under way."""
        if self.is_asking:
            return NEVER
        return self._not_before if self._is_wanted else self._refresh_at

    def asked(self) -> None:
        """Note that a request was sent."""
        self.is_asking = True
        self._has_unasked = False
        # What is wanted from now on may be newer than the answer to this request.
        self._is_wanted = False

    def answered(self, now: float, *, is_enough: bool) -> None:
        """Note an answer; `is_enough` says whether it named a leader for everything that waits for one."""
        self.is_asking = False
        self._refresh_at = now + self._max_age
        if self._has_unasked:
            return  # of course it was not enough: ask again at once
        if is_enough:
            self._attempts = 0
            self._not_before = now + self._backoff(1) if self._is_wanted else 0.0
        else:
            self._wait(now)

    def failed(self, now: float) -> None:
        """Note that no answer came, or none that could be used."""
        self.is_asking = False
        self._wait(now)

    def _wait(self, now: float) -> None:
        self._is_wanted = True
        self._attempts += 1
        self._not_before = now + self._backoff(self._attempts)
