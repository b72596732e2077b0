"""The end of a producer, step by step, with an engine that only notes what is asked of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from dekaf.producer._core.closing import (
    Closing,
    ClosingStep,
    Occasion,
    begin_closing,
    close_dropped,
    close_on_thread,
    close_without_waiting,
)
from dekaf.producer._core.life import LifeState, ProducerLife
from dekaf.producer.config import ProducerConfig
from dekaf.types import DrainReport
from tests.unit.producer.rooms import accumulator_of

SERVERS = "127.0.0.1:1"  # nothing listens there, and nothing asks


class FakeEngine:
    """Delivers when it is told to, and gives up so many records otherwise."""

    def __init__(self, life: ProducerLife, undelivered: int = 0) -> None:
        self.statistics = life.statistics
        self.accumulator = accumulator_of()
        self.steps: list[str] = []
        self.flushes: list[Callable[[], None]] = []
        self.ended: list[Callable[[int], None]] = []
        self.alive = True
        self.running = True
        self.delivers_at_once = True
        self.is_stuck = False
        self._undelivered = undelivered

    def is_alive(self) -> bool:
        return self.alive

    def is_running(self) -> bool:
        return self.running

    def close_accepting(self) -> None:
        self.steps.append("accepts nothing")

    def flush(self, tell: Callable[[], None]) -> bool:
        self.steps.append("flushes")
        self.flushes.append(tell)
        if self.delivers_at_once:
            tell()
        return True

    def terminate(self, tell: Callable[[], None]) -> bool:
        self.steps.append("ends")
        if self.is_stuck:
            return True
        self._give_up()
        has_ended, self.alive = not self.alive, False
        if not has_ended:
            tell()
        return not has_ended

    def join(self, timeout: float) -> bool:
        return not self.alive

    def abandon(self, timeout: float, ended: Callable[[int], None]) -> None:
        self.steps.append(f"is left alone for {timeout:g} s")
        self.ended.append(ended)

    def end_abandoned(self) -> None:
        count = self._give_up()
        self.alive = False
        self.ended.pop()(count)

    def _give_up(self) -> int:
        count, self._undelivered = self._undelivered, 0
        self.statistics.failed += count
        self.statistics.given_up += count
        return count


def life_of(**options: Any) -> ProducerLife:
    return ProducerLife(ProducerConfig(bootstrap_servers=SERVERS, **options), None)


def life_with_engine(undelivered: int = 0, **options: Any) -> tuple[ProducerLife, FakeEngine]:
    life = life_of(**options)
    engine = FakeEngine(life, undelivered)
    life.engine = cast("Any", engine)
    return life, engine


def close(life: ProducerLife, timeout: float | None = None) -> DrainReport:
    closing = begin_closing(life, timeout, Occasion.CLOSE)
    close_on_thread([closing])
    return closing.report()


def test_steps_come_in_their_order() -> None:
    life, engine = life_with_engine()
    closing = begin_closing(life, None, Occasion.CLOSE)
    assert (life.state, closing.step) == (LifeState.CLOSING, ClosingStep.DELIVERY)

    close_on_thread([closing])

    assert engine.steps == ["accepts nothing", "flushes", "ends"]
    assert (life.state, closing.step) == (LifeState.CLOSED, ClosingStep.OVER)
    assert closing.report().ok


def test_what_could_not_be_delivered_in_time_is_given_up_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    life, engine = life_with_engine(undelivered=3)
    engine.delivers_at_once = False

    with caplog.at_level(logging.INFO, "dekaf.producer"):
        report = close(life, 0.01)

    assert (report.delivered, report.undelivered, report.ok) == (0, 3, False)
    assert [record.getMessage() for record in caplog.records] == [
        f"Producer closed by close(): {report} (client_id {life.client_id})"
    ]


def test_all_closings_get_the_report_of_the_first(caplog: pytest.LogCaptureFixture) -> None:
    life, engine = life_with_engine(undelivered=1)
    closings = [begin_closing(life, None, Occasion.CLOSE) for _ in range(3)]

    with caplog.at_level(logging.INFO, "dekaf.producer"):
        close_on_thread(closings)

    assert [closing.report() for closing in closings] == [life.report] * 3
    assert len(caplog.records) == 1
    assert engine.steps.count("ends") == 3  # each waits for the end


def test_closing_again_does_nothing() -> None:
    life, engine = life_with_engine()
    report = close(life)
    steps = list(engine.steps)

    assert close(life) == report
    assert engine.steps == steps


def test_nothing_is_to_be_done_for_a_producer_that_never_started() -> None:
    life = life_of()
    closing = begin_closing(life, None, Occasion.CLOSE)

    assert (life.state, closing.step) == (LifeState.CLOSED, ClosingStep.OVER)
    assert closing.report().ok


def test_several_share_the_time_that_each_has() -> None:
    engines = [life_with_engine() for _ in range(3)]
    for _, engine in engines:
        engine.delivers_at_once = False

    started = time.monotonic()
    close_on_thread([begin_closing(life, 0.1, Occasion.CLOSE) for life, _ in engines])
    elapsed = time.monotonic() - started

    assert [engine.steps[-1] for _, engine in engines] == ["ends"] * 3
    assert 0.1 <= elapsed < 0.25  # not three times as long


@pytest.mark.parametrize("steps", range(5))
def test_a_closing_that_is_cut_short_still_ends_the_engine(steps: int) -> None:
    """What a cancelled task does, however far it has come: what is left, without waiting."""
    life, engine = life_with_engine(undelivered=2)
    closing = begin_closing(life, None, Occasion.CLOSE)
    for _ in range(steps):
        closing.begin(lambda: None)
        closing.proceed()

    for _ in range(2):
        closing.cut_short()

    assert set(engine.steps) - {"flushes"} == {"accepts nothing", "ends"}
    assert life.state is LifeState.CLOSED
    assert life.report is not None
    assert life.report.undelivered == 2


def test_engine_that_does_not_end_is_counted_all_the_same() -> None:
    """Whatever holds its thread up: the report tells what has no outcome, and that more is to come."""
    life, engine = life_with_engine(undelivered=0)
    engine.is_stuck = True
    engine.accumulator.accepted += 3
    closing = begin_closing(life, 0.0, Occasion.CLOSE)
    closing.proceed()
    closing.begin(lambda: None)

    assert 0.5 < closing.seconds_left() <= 1.0
    closing.proceed()

    report = closing.report()
    assert (report.undelivered, report.pending, report.ok) == (3, True, False)
    closing.cut_short()


# `on_undelivered`.


def test_saving_has_a_time_of_its_own() -> None:
    life, engine = life_with_engine(on_undelivered=lambda messages: None, close_timeout_ms=5_000)
    engine.delivers_at_once = False
    closing = begin_closing(life, 0.0, Occasion.CLOSE)

    assert closing.seconds_left() <= 0.0
    closing.proceed()
    closing.begin(lambda: None)
    closing.proceed()

    assert closing.step is ClosingStep.SAVING
    assert closing.seconds_left() > 4.0
    closing.cut_short()


def test_saving_is_not_waited_for_when_there_is_nothing_to_save() -> None:
    life, _ = life_with_engine(on_undelivered=lambda messages: None)
    closing = begin_closing(life, None, Occasion.CLOSE)
    for _ in range(2):
        closing.begin(lambda: None)
        closing.proceed()

    assert closing.step is ClosingStep.SAVING
    assert not closing.begin(lambda: None)
    closing.cut_short()


# Where the caller must not wait.


def test_close_that_does_not_wait_leaves_the_steps_to_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    life, engine = life_with_engine()

    with caplog.at_level(logging.INFO, "dekaf.producer"):
        report = close_without_waiting(life, 2.0)
    assert report.pending
    assert (life.state, engine.steps) == (LifeState.CLOSING, ["accepts nothing", "is left alone for 2 s"])
    engine.end_abandoned()

    assert life.state is LifeState.CLOSED
    assert [record.getMessage() for record in caplog.records] == [
        f"Producer closed by close() where it cannot wait: {report} (client_id {life.client_id})"
    ]


def test_dropped_producer_is_reported_if_it_lost_something(caplog: pytest.LogCaptureFixture) -> None:
    life, engine = life_with_engine(undelivered=2)

    with caplog.at_level(logging.INFO, "dekaf.producer"):
        assert close_dropped(life)
        engine.end_abandoned()

    assert engine.steps == ["is left alone for 10 s"]
    assert "Producer closed by being dropped: 0 delivered, 0 failed, 2 undelivered" in caplog.text


def test_finalizer_takes_no_lock_that_a_thread_may_hold() -> None:
    life, engine = life_with_engine()
    dropped: list[bool] = []
    with life.lock, life.reporting:
        finalizer = threading.Thread(target=lambda: dropped.append(close_dropped(life)))
        finalizer.start()
        finalizer.join(10)

    assert dropped == [True]
    engine.end_abandoned()


@pytest.mark.parametrize("state", [LifeState.CLOSING, LifeState.CLOSED])
def test_dropping_a_producer_that_was_closed_does_nothing(state: LifeState) -> None:
    life, engine = life_with_engine()
    life.state = state

    assert not close_dropped(life)
    assert engine.steps == []


def test_dropping_a_producer_whose_engine_has_failed_does_nothing() -> None:
    life, engine = life_with_engine()
    engine.running = False

    assert not close_dropped(life)
    assert engine.steps == []


def test_occasions_are_told_apart_in_the_log() -> None:
    assert len({occasion.value for occasion in Occasion}) == len(Occasion)
    assert Closing(life_of(), None, None, Occasion.EXIT).step is ClosingStep.OVER
