"""Flushing, step by step, with an engine that only notes that it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from dekaf.producer._core.flushing import Flushing, FlushStep, flush_on_thread
from dekaf.producer._core.life import ProducerLife
from dekaf.producer.config import ProducerConfig
from dekaf.types import FlushTimeoutError
from tests.unit.producer.rooms import accumulator_of, append, open_topic


class FakeEngine:
    """Keeps what is to be told once everything has an outcome."""

    def __init__(self) -> None:
        self.flushes: list[Callable[[], None]] = []

    def flush(self, tell: Callable[[], None]) -> bool:
        self.flushes.append(tell)
        return True


def nothing_due(_: Callable[[], None]) -> bool:
    return False


def flushing_of(
    timeout: float | None, *, records: int = 0, when_called_back: Callable[[Callable[[], None]], bool] = nothing_due
) -> tuple[Flushing, FakeEngine]:
    life = ProducerLife(ProducerConfig(bootstrap_servers="127.0.0.1:1", close_timeout_ms=3_000), None)
    engine = FakeEngine()
    life.engine = cast("Any", engine)
    accumulator = accumulator_of()
    topic = open_topic(accumulator)
    for _ in range(records):
        append(accumulator, topic)
    return Flushing(life, accumulator, timeout, when_called_back), engine


def test_outcomes_come_before_callbacks_and_the_log() -> None:
    asked: list[str] = []

    def when_called_back(tell: Callable[[], None]) -> bool:
        asked.append("callbacks")
        tell()
        return True

    flushing, engine = flushing_of(None, when_called_back=when_called_back)
    told: list[str] = []
    assert flushing.begin(lambda: told.append("outcomes"))
    assert flushing.seconds_left() is None
    engine.flushes[0]()
    steps = [flushing.step]
    while flushing.step is not FlushStep.OVER:
        flushing.begin(lambda: None)
        flushing.proceed(is_done=True)
        steps.append(flushing.step)

    assert told == ["outcomes"]
    assert steps == [FlushStep.OUTCOMES, FlushStep.CALLBACKS, FlushStep.LOG, FlushStep.OVER]
    assert asked == ["callbacks"]


def test_time_is_for_all_steps_together() -> None:
    flushing, _ = flushing_of(5.0)
    flushing.proceed(is_done=True)

    left = flushing.seconds_left()

    assert left is not None
    assert 4.0 < left <= 5.0


def test_callbacks_and_the_log_have_the_time_of_a_close_where_outcomes_have_no_limit() -> None:
    flushing, _ = flushing_of(None)
    flushing.proceed(is_done=True)

    left = flushing.seconds_left()

    assert left is not None
    assert 2.0 < left <= 3.0


def test_time_that_was_not_enough_for_outcomes_raises() -> None:
    flushing, _ = flushing_of(0.0, records=2)

    with pytest.raises(FlushTimeoutError, match=r"within 0 s") as caught:
        flush_on_thread(flushing)

    assert caught.value.report.undelivered == 2


def test_no_time_is_enough_for_nothing() -> None:
    flushing, _ = flushing_of(0.0)

    assert flush_on_thread(flushing).ok


def test_time_that_was_not_enough_for_callbacks_is_told() -> None:
    flushing, engine = flushing_of(0.0, when_called_back=lambda _: True)
    flushing._life.callbacks.backlog.add(4)

    report = flush_on_thread(flushing)

    assert (report.callbacks_pending, report.ok, len(engine.flushes)) == (4, True, 1)


def test_producer_without_an_engine_has_nothing_to_flush() -> None:
    flushing, _ = flushing_of(None)
    flushing._life.engine = None

    assert not flushing.begin(lambda: None)
    assert flush_on_thread(flushing).ok
