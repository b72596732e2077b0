"""What is counted, and what of it reaches the log."""

from __future__ import annotations

import logging

import pytest

from dekaf.errors import ProduceError
from dekaf.producer._engine.statistics import FAILURE_SAMPLE, LOG_INTERVAL, ProducerStatistics

ERROR = ProduceError("refused", topic="t")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> ProducerStatistics:
    return ProducerStatistics(clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_failures_nobody_hears_of_are_logged_once_per_interval_with_their_count(
    statistics: ProducerStatistics, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        statistics.unobserved_failure("t", 10, ERROR)
    assert len(lines(caplog)) == 1
    assert lines(caplog)[0].startswith("10 record(s) for topic t")

    clock.now += LOG_INTERVAL
    statistics.unobserved_failure("t", 3, ERROR)

    assert len(lines(caplog)) == 2
    assert lines(caplog)[1].startswith("43 record(s)")
    assert statistics.unobserved_failures == 53


def test_topics_do_not_silence_each_other(statistics: ProducerStatistics, caplog: pytest.LogCaptureFixture) -> None:
    for topic in ("a", "b", "a", "b"):
        statistics.unobserved_failure(topic, 1, ERROR)

    assert len(lines(caplog)) == 2


def test_broken_callbacks_are_logged_apart(statistics: ProducerStatistics, caplog: pytest.LogCaptureFixture) -> None:
    statistics.unobserved_failure("t", 1, ERROR)
    statistics.callback_failed("t", ValueError("on purpose"))
    statistics.callback_failed("t", ValueError("silent"))

    assert len(lines(caplog)) == 2
    assert "on purpose" in lines(caplog)[1]
    assert statistics.unobserved_failures == 1


def test_report_tells_what_happened_since_the_last_one(statistics: ProducerStatistics) -> None:
    statistics.record_delivered(5)
    statistics.record_failed(2, ERROR)
    report = statistics.take_report(elapsed=1.5, undelivered=3)
    assert (report.delivered, report.failed, report.undelivered, report.elapsed) == (5, 2, 3, 1.5)
    assert report.failures == (ERROR,)

    statistics.record_delivered(1)
    report = statistics.take_report(elapsed=0.0, undelivered=0)
    assert (report.delivered, report.failed, report.failures) == (1, 0, ())
    assert (statistics.delivered, statistics.failed) == (6, 2)
    assert statistics.last_error == str(ERROR)


def test_what_a_close_gave_up_counts_as_undelivered(statistics: ProducerStatistics) -> None:
    statistics.record_failed(2, ERROR)
    statistics.is_giving_up = True
    statistics.record_failed(7, ERROR)
    report = statistics.take_report(elapsed=0.0, undelivered=0)

    assert (report.failed, report.undelivered) == (2, 7)
    assert statistics.take_report(elapsed=0.0, undelivered=0).ok


def test_report_shows_a_sample_of_the_errors(statistics: ProducerStatistics) -> None:
    for _ in range(100):
        statistics.record_failed(1, ERROR)
    report = statistics.take_report(elapsed=0.0, undelivered=0)

    assert report.failed == 100
    assert len(report.failures) == FAILURE_SAMPLE
