"""A producer's life in one process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dekaf.errors import ProducerClosedError
from dekaf.producer._core.engine_settings import engine_settings
from dekaf.producer._core.life import LifeState, ProducerLife
from dekaf.producer._core.process import FORKS
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer.config import ProducerConfig
from dekaf.types import DrainReport, ProducerState

CONFIG = ProducerConfig(bootstrap_servers="127.0.0.1:1", backend="memory")
REPORT = DrainReport(delivered=1, failed=0, undelivered=0, elapsed=0.0)


def started_life() -> ProducerLife:
    life = ProducerLife(CONFIG, None)
    with life.lock:
        life.start(engine_settings(CONFIG))
    return life


def end(engine: BackendEngine) -> None:
    """End an engine, and wait until it has."""
    engine.terminate(lambda: None)
    assert engine.join(10.0)


def test_states_are_those_that_users_see() -> None:
    life = ProducerLife(CONFIG, None)
    assert (life.producer_state(), life.running_engine()) == (ProducerState.IDLE, None)

    with life.lock:
        engine = life.start(engine_settings(CONFIG))
        assert life.start(engine_settings(CONFIG)) is engine
    assert (life.producer_state(), life.running_engine()) == (ProducerState.RUNNING, engine)

    life.state = LifeState.CLOSING
    assert (life.producer_state(), life.running_engine()) == (ProducerState.CLOSING, None)
    life.state = LifeState.CLOSED
    assert life.producer_state() is ProducerState.CLOSED
    end(engine)


def test_engine_that_has_ended_is_replaced_and_counted() -> None:
    life = started_life()
    first = life.engine
    assert first is not None
    end(first)

    with life.lock:
        second = life.start(engine_settings(CONFIG))

    assert second is not first
    assert life.statistics.engine_restarts == 1
    end(second)


@pytest.mark.parametrize("state", [LifeState.CLOSING, LifeState.CLOSED])
def test_life_that_is_over_starts_no_engine(state: LifeState) -> None:
    life = ProducerLife(CONFIG, None)
    life.state = state

    with life.lock, pytest.raises(ProducerClosedError, match="The producer is closed"):
        life.start(engine_settings(CONFIG))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LifeState.OPEN, LifeState.OPEN),
        (LifeState.CLOSING, LifeState.CLOSED),  # the parent does that
        (LifeState.CLOSED, LifeState.CLOSED),
    ],
)
def test_child_inherits_no_more_than_whether_it_is_open_and_the_report(before: LifeState, after: LifeState) -> None:
    parent = started_life()
    parent.state = before
    parent.report = REPORT

    child = ProducerLife(CONFIG, parent)

    assert (child.state, child.report, child.engine) == (after, REPORT, None)
    assert child.lock is not parent.lock
    assert child.callbacks is not parent.callbacks
    assert parent.engine is not None
    end(parent.engine)


def test_life_is_inherited_once_the_process_has_forked() -> None:
    life = ProducerLife(CONFIG, None)
    assert not life.is_inherited()

    FORKS.generation += 1
    try:
        assert life.is_inherited()
    finally:
        FORKS.generation -= 1


@pytest.mark.parametrize("ask", [ProducerLife.wake, ProducerLife.last_error])
def test_life_without_an_engine_has_nothing_to_tell(ask: Callable[[ProducerLife], Any]) -> None:
    assert ask(ProducerLife(CONFIG, None)) is None
