"""What is counted, and what of it reaches the log."""

from __future__ import annotations

import logging

import pytest

from dekaf.errors import ProduceError
from dekaf.producer._engine.statistics import FAILURE_SAMPLE, ProducerStatistics

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


def test_broken_callbacks_are_logged_apart(statistics: ProducerStatistics, caplog: pytest.LogCaptureFixture) -> None:
    statistics.unobserved_failure("t", 1, ERROR)
    statistics.callback_failed("t", ValueError("on purpose"))
    statistics.callback_failed("t", ValueError("silent"))

    assert len(lines(caplog)) == 2
    assert "on purpose" in lines(caplog)[1]
    assert statistics.unobserved_failures == 1


def test_failure_of_a_handle_that_went_away_is_counted_and_logged_by_the_io_thread(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    woken: list[bool] = []
    statistics = ProducerStatistics(clock, lambda: woken.append(True))

    statistics.handle_dropped("t", ERROR)
    logged_at_once = lines(caplog)
    statistics.log_due(clock.now)

    assert (woken[0], logged_at_once) == (True, [])
    assert statistics.unobserved_failures == 1
    assert lines(caplog)[0].startswith("1 record(s) for topic t")


def test_the_end_tells_what_was_held_back(statistics: ProducerStatistics, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        statistics.unobserved_failure("t", 1, ERROR)
    statistics.handle_dropped("t", ERROR)

    statistics.log_rest()

    assert [line.split()[0] for line in lines(caplog)] == ["1", "3"]


def test_report_tells_what_happened_since_the_last_one(statistics: ProducerStatistics) -> None:
    statistics.record_delivered("t", 5, 100.0)
    statistics.record_failed(2, ERROR, 100.0)
    report = statistics.take_report(elapsed=1.5, undelivered=3)
    assert (report.delivered, report.failed, report.undelivered, report.elapsed) == (5, 2, 3, 1.5)
    assert report.failures == (ERROR,)

    statistics.record_delivered("t", 1, 100.0)
    report = statistics.take_report(elapsed=0.0, undelivered=0)
    assert (report.delivered, report.failed, report.failures) == (1, 0, ())
    assert (statistics.delivered, statistics.failed) == (6, 2)
    assert statistics.last_error == str(ERROR)


def test_what_a_close_gave_up_counts_as_undelivered(statistics: ProducerStatistics) -> None:
    statistics.record_failed(2, ERROR, 100.0)
    statistics.is_giving_up = True
    statistics.record_failed(7, ERROR, 100.0)
    report = statistics.take_report(elapsed=0.0, undelivered=0)

    assert (report.failed, report.undelivered) == (2, 7)
    assert statistics.take_report(elapsed=0.0, undelivered=0).ok


def test_report_shows_a_sample_of_the_errors(statistics: ProducerStatistics) -> None:
    for _ in range(100):
        statistics.record_failed(1, ERROR, 100.0)
    report = statistics.take_report(elapsed=0.0, undelivered=0)

    assert report.failed == 100
    assert len(report.failures) == FAILURE_SAMPLE
