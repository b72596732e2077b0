"""Decide when to ask the cluster for its metadata, and for which topics. Pure decisions; the engine does the asking.

One request is under way at a time. Failures, and answers that did not help, wait with exponential back-off, so that a
topic without a leader does not turn into a storm of requests. A new topic, or one whose leader is missing, is asked for
by itself; all of them only when what is known is old, or a connection was lost. Brokers may create a topic only when a
record waits for it: or one that was deleted would come back with the next refresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, final

NEVER: Final = float("inf")  # when something is due that does not fall due by itself


@final
class MetadataQuestion:
    """What one request asks for."""

    def __init__(self, topics: list[str], *, may_create: bool = False, is_full: bool = False) -> None:
        self.topics: Final = topics
        self.may_create: Final = may_create  # brokers may create those that do not exist
        self.is_full: Final = is_full  # every topic that is known is among them


NO_QUESTION: Final = MetadataQuestion([])


@final
class MetadataRefresher:
    """All times are monotonic seconds. Owned by the I/O thread.

    Args:
        max_age: Seconds after which all topics are asked for again.
        backoff: Attempt, from 1, to seconds.
        has_record: Whether a record waits for a topic that is not known.
    """

    def __init__(self, max_age: float, backoff: Callable[[int], float], has_record: Callable[[str], bool]) -> None:
        self.is_asking = False
        self.avoided: int | None = None  # a broker whose answer was in doubt: better ask another one
        self._max_age: Final = max_age
        self._backoff: Final = backoff
        self._has_record: Final = has_record
        self._known: set[str] = set()
        self._unknown: set[str] = set()
        self._wanted: set[str] = set()  # known ones that are to be asked for by themselves
        self._wants_all = True  # nothing is known yet
        self._question = NO_QUESTION  # the latest
        self._attempts = 0
        self._not_before = 0.0
        self._refresh_at = NEVER
        self._has_unasked = False  # a topic was added while a request without it is under way

    def add_topic(self, name: str) -> None:
        """Ask for a topic that is not known, and soon; a new one does not wait for another one's back-off."""
        if name in self._known or name in self._unknown:
            return
        self._unknown.add(name)
        self._attempts = 0
        self._not_before = 0.0
        self._has_unasked = self.is_asking

    def has_become_known(self, name: str) -> None:
        """Ask for a topic with the others from now on."""
        self._unknown.discard(name)
        self._known.add(name)

    def remove_topic(self, name: str) -> None:
        """Stop asking for a topic."""
        self._known.discard(name)
        self._unknown.discard(name)
        self._wanted.discard(name)

    def ask_anew(self) -> None:
        """Ask for every topic as if it were new: the cluster is another one."""
        self._unknown.update(self._known)
        self._known.clear()
        self._wanted.clear()

    def want(self) -> None:
        """Ask for all topics again: a connection was lost, and leaders may be elsewhere."""
        self._wants_all = True

    def want_topic(self, name: str) -> None:
        """Ask for a topic again: a leader is missing or wrong."""
        if name in self._known:
            self._wanted.add(name)

    def doubt(self, names: list[str], told_by: int) -> None:
        """Ask another broker than this one for topics of which it said what may be old news."""
        self._wanted.update(names)
        self.avoided = told_by

    def due_at(self) -> float:
        """Return when the next request is due; infinity while one is under way."""
        if self.is_asking:
            return NEVER
        return self._not_before if self._is_wanted() else self._refresh_at

    def question(self, now: float) -> MetadataQuestion:
        """Return what to ask; at least for the brokers alone."""
        creating = [name for name in self._unknown if self._has_record(name)]
        others = self._wanted.union(self._unknown.difference(creating))
        is_refresh = self._wants_all or now >= self._refresh_at
        # In turn: topics that brokers are slow, or unwilling, to create must not keep the others from being asked for.
        is_second_time = self._question.may_create and self._question.topics == sorted(creating)
        if creating and not (is_second_time and (is_refresh or others)):
            return MetadataQuestion(sorted(creating), may_create=True)
        if is_refresh:
            return MetadataQuestion(sorted(self._known.union(others)), is_full=True)
        return MetadataQuestion(sorted(others))

    def asked(self, question: MetadataQuestion) -> None:
        """Note that a request was sent."""
        self.is_asking = True
        self.avoided = None
        self._has_unasked = False
        self._question = question
        # What is wanted from now on may be newer than the answer to this request.
        self._wanted.difference_update(question.topics)
        if question.is_full or not self._known:
            self._wants_all = False

    def answered(self, now: float, still_wanted: Iterable[str]) -> None:
        """Note an answer; `still_wanted` are the topics that it, too, leaves without a leader, or in doubt."""
        self.is_asking = False
        if self._question.is_full or self._refresh_at == NEVER:
            self._refresh_at = now + self._max_age
        still = set(still_wanted)
        self._wanted.update(still)
        if self._has_unasked:
            return  # of course it was not enough: ask again at once
        if still or self._unknown:
            self._wait(now)
            return
        self._attempts = 0
        self._not_before = now + self._backoff(1) if self._is_wanted() else 0.0

    def failed(self, now: float) -> None:
        """Note that no answer came, or none that could be used."""
        self.is_asking = False
        if self._question.is_full or not self._known:
            self._wants_all = True
        self._wanted.update(self._known.intersection(self._question.topics))
        self._wait(now)

    def _is_wanted(self) -> bool:
        return self._wants_all or len(self._wanted) > 0 or len(self._unknown) > 0

    def _wait(self, now: float) -> None:
        self._attempts += 1
        self._not_before = now + self._backoff(self._attempts)
