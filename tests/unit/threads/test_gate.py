"""A gate at which a thread waits until another one opens it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest

from dekaf._threads.gate import Countdown, ThreadGate


def test_a_thread_waits_until_another_one_opens() -> None:
    gate = ThreadGate()
    went_through: list[bool] = []
    waiter = threading.Thread(target=lambda: went_through.append(gate.wait(None)))
    waiter.start()

    assert not went_through
    gate.open()
    waiter.join(10)
    assert went_through == [True]


@pytest.mark.parametrize("timeout", [0.0, -1.0, 0.02])
def test_waiting_ends_with_the_timeout(timeout: float) -> None:
    started = time.monotonic()

    assert not ThreadGate().wait(timeout)
    assert time.monotonic() - started >= timeout


def test_an_open_gate_stays_open_and_may_be_opened_again() -> None:
    gate = ThreadGate()
    gate.open()
    gate.open()

    assert gate.wait(math.inf)
    assert gate.wait(0.0)
    assert gate.wait(None)


def test_gate_is_opened_by_what_was_started() -> None:
    tells: list[Callable[[], None]] = []

    def start(tell: Callable[[], None]) -> bool:
        tells.append(tell)
        return True

    gate = ThreadGate.opened_by(start)

    assert not gate.wait(0.0)
    tells[0]()
    assert gate.wait(0.0)


@pytest.mark.parametrize("tells_all_the_same", [True, False])
def test_gate_of_what_cannot_be_started_is_open(tells_all_the_same: bool) -> None:
    def start(tell: Callable[[], None]) -> bool:
        if tells_all_the_same:
            tell()
        return False

    assert ThreadGate.opened_by(start).wait(0.0)


def test_countdown_tells_once_the_last_of_several_is_done() -> None:
    tells: list[Callable[[], None]] = []
    told: list[str] = []
    countdown = Countdown(lambda: told.append("all"))

    def start(tell: Callable[[], None]) -> bool:
        tells.append(tell)
        return True

    for _ in range(2):
        countdown.add(start)
    countdown.add(lambda _: False)  # nothing to do there
    tells[0]()
    assert countdown.start()
    assert told == []

    tells[1]()

    assert told == ["all"]


def test_countdown_has_nothing_to_wait_for_when_all_was_done_meanwhile() -> None:
    told: list[str] = []
    countdown = Countdown(lambda: told.append("all"))

    def at_once(tell: Callable[[], None]) -> bool:
        tell()
        return True

    countdown.add(at_once)

    assert not countdown.start()
    assert told == []
