"""Failures in the log: few lines, every one of them counted, and no topic kept for long."""

from __future__ import annotations

import logging
import math

import pytest

from dekaf.errors import ProduceError
from dekaf.producer._engine.failure_log import LOG_INTERVAL, MOST_TOPICS, OTHER_TOPICS, FailureLog


class Desk:
    """A log, and its clock."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 100.0
        self.wakes = 0
        self.log = FailureLog("%d of %s: %s", lambda: self.now, self._wake)
        self._caplog = caplog

    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records if record.levelno == logging.ERROR]

    def _wake(self) -> None:
        self.wakes += 1


@pytest.fixture
def desk(caplog: pytest.LogCaptureFixture) -> Desk:
    return Desk(caplog)


def fail(desk: Desk, topic: str, count: int = 1, reason: str = "refused") -> None:
    desk.log.add(topic, count, ProduceError(reason))


def test_first_failure_is_told_at_once_and_the_rest_together_an_interval_later(desk: Desk) -> None:
    fail(desk, "t", 10)
    for _ in range(9):
        fail(desk, "t", 2, "the latest")

    due = desk.log.log_due(desk.now)
    desk.now += LOG_INTERVAL
    assert desk.log.log_due(desk.now) == math.inf

    assert due == 100.0 + LOG_INTERVAL
    assert desk.lines() == ["10 of t: refused", "18 of t: the latest"]
    assert desk.wakes == 1


def test_topic_is_forgotten_with_its_last_line(desk: Desk) -> None:
    fail(desk, "t")
    desk.now += LOG_INTERVAL
    desk.log.log_due(desk.now)

    assert desk.log._tallies == {}
    fail(desk, "t")
    assert desk.lines() == ["1 of t: refused"] * 2


def test_failure_after_an_interval_in_which_nothing_looked_tells_all(desk: Desk) -> None:
    fail(desk, "t", 10)
    fail(desk, "t", 40)
    desk.now += LOG_INTERVAL
    fail(desk, "t", 3)

    assert desk.lines() == ["10 of t: refused", "43 of t: refused"]


def test_topics_do_not_silence_each_other(desk: Desk) -> None:
    for topic in ("a", "b", "a", "b"):
        fail(desk, topic)

    assert desk.lines() == ["1 of a: refused", "1 of b: refused"]


def test_topics_beyond_the_most_are_told_together(desk: Desk) -> None:
    for number in range(3 * MOST_TOPICS):
        fail(desk, f"made-up-{number}")
    desk.now += LOG_INTERVAL
    desk.log.log_due(desk.now)

    lines = desk.lines()
    assert len(lines) == MOST_TOPICS + 2
    assert lines[-2:] == [f"1 of {OTHER_TOPICS}: refused", f"{2 * MOST_TOPICS - 1} of {OTHER_TOPICS}: refused"]
    assert desk.log._tallies == {}


def test_the_end_tells_what_was_held_back(desk: Desk) -> None:
    fail(desk, "a")
    fail(desk, "a", 5)
    fail(desk, "b")

    desk.log.log_rest()

    assert desk.lines() == ["1 of a: refused", "1 of b: refused", "5 of a: refused"]
