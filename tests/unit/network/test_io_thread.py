"""The engine's thread: woken once, never lost, and contained."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dekaf._network.io_thread import IoThread

PATIENCE = 10.0


class Engine:
    """What an I/O thread drives."""

    def __init__(self) -> None:
        self.passes = 0
        self.passed = threading.Event()
        self.crashes: list[BaseException] = []
        self.crashed = threading.Event()

    def run_once(self) -> None:
        """Count a pass."""
        self.passes += 1
        self.passed.set()

    def note_crash(self, error: BaseException) -> None:
        """Note what went wrong."""
        self.crashes.append(error)
        self.crashed.set()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def thread(engine: Engine) -> Iterator[IoThread]:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()
    yield thread
    thread.stop()
    assert thread.join(PATIENCE)


def test_wake_runs_a_pass_on_the_thread(engine: Engine, thread: IoThread) -> None:
    thread.wake()

    assert engine.passed.wait(PATIENCE)
    assert not thread.is_current()


def test_many_wakes_before_a_pass_are_one(engine: Engine, thread: IoThread) -> None:
    gate = threading.Event()
    entered = threading.Event()

    def block() -> None:
        entered.set()
        gate.wait(PATIENCE)

    thread.call(block)
    assert entered.wait(PATIENCE)
    for _ in range(100):
        thread.wake()
    gate.set()
    done = threading.Event()
    thread.call(done.set)
    assert done.wait(PATIENCE)

    assert engine.passes == 1


def test_wake_during_a_pass_leads_to_another(thread: IoThread, engine: Engine) -> None:
    done = threading.Event()

    def wake_and_go() -> None:
        thread.wake()
        thread.wake()

    thread.call(wake_and_go)
    assert engine.passed.wait(PATIENCE)
    engine.passed.clear()
    thread.call(wake_and_go)
    assert engine.passed.wait(PATIENCE)
    thread.call(done.set)

    assert done.wait(PATIENCE)


class Abrupt(BaseException):  # it is none
    """Not even an Exception."""


@pytest.mark.parametrize("kind", [ValueError, Abrupt, SystemExit, KeyboardInterrupt])
def test_whatever_is_raised_is_reported_and_does_not_end_the_thread(
    engine: Engine, thread: IoThread, kind: type[BaseException]
) -> None:
    failure = kind("on purpose")

    def fail() -> None:
        raise failure

    thread.call(fail)
    assert engine.crashed.wait(PATIENCE)
    assert engine.crashes == [failure]

    thread.wake()
    assert engine.passed.wait(PATIENCE)


def test_timer_that_raises_is_reported(engine: Engine, thread: IoThread) -> None:
    failure = ValueError("on purpose")

    def fail() -> None:
        raise failure

    thread.call(lambda: _ignore(thread.call_later(0.0, fail)))

    assert engine.crashed.wait(PATIENCE)
    assert engine.crashes == [failure]


def test_delay_of_nothing_does_not_spin(thread: IoThread) -> None:
    rounds = 0
    done = threading.Event()

    def again() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 20:
            thread.call_later(-1.0, again)
        else:
            done.set()

    started = time.monotonic()
    thread.call(again)

    assert done.wait(PATIENCE)
    assert time.monotonic() - started >= 19 * 0.0009


def test_whatever_a_call_accepted_is_run_while_the_thread_ends(engine: Engine) -> None:
    """A flush that is accepted and never begun would wait for ever."""
    for _ in range(30):
        thread = IoThread(engine.run_once, engine.note_crash)
        thread.start()
        ran: list[int] = []
        accepted: list[int] = []

        def chain(number: int, thread: IoThread = thread, ran: list[int] = ran, accepted: list[int] = accepted) -> None:
            ran.append(number)
            if number < 10 and thread.call(_link(chain, number + 1)):
                accepted.append(number + 1)

        assert thread.call(_link(chain, 0))
        thread.stop()
        assert thread.join(PATIENCE)

        assert set(accepted) <= set(ran)


def test_ended_thread_accepts_nothing(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()
    thread.stop()
    assert thread.join(PATIENCE)

    assert not thread.call(lambda: None)
    thread.wake()
    thread.stop()
    assert not thread.is_alive()
    assert engine.passes == 0


def test_thread_may_end_itself(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()

    def end() -> None:
        assert thread.is_current()
        thread.stop()
        assert not thread.join(0.0)

    thread.call(end)
    assert thread.join(PATIENCE)
    assert engine.crashes == []


def _link(chain: Callable[[int], None], number: int) -> Callable[[], None]:
    return lambda: chain(number)


def _ignore(_: object) -> None: ...


def test_whatever_ends_the_loop_is_a_crash(engine: Engine) -> None:
    """SystemExit goes through every callback of an event loop: from a log handler that wants to exit, for one."""
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()

    def leave() -> None:
        raise SystemExit(1)

    thread.loop.call_soon_threadsafe(leave)

    assert engine.crashed.wait(PATIENCE)
    assert isinstance(engine.crashes[0], SystemExit)
    assert thread.join(PATIENCE)


def test_stop_is_no_crash(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()
    thread.stop()

    assert thread.join(PATIENCE)
    assert engine.crashes == []


def test_loop_that_is_stopped_by_another_is_a_crash(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()
    thread.loop.call_soon_threadsafe(thread.loop.stop)

    assert engine.crashed.wait(PATIENCE)
    assert thread.join(PATIENCE)


def test_who_waits_for_the_end_is_told_as_the_last_thing(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)
    thread.start()
    ended = threading.Event()
    states: list[tuple[bool, bool]] = []

    def tell() -> None:
        states.append((thread.is_current(), thread.loop.is_closed()))
        ended.set()

    assert thread.when_ended(tell)
    thread.stop()
    assert ended.wait(PATIENCE)
    assert thread.join(PATIENCE)

    assert states == [(True, True)]
    assert not thread.when_ended(tell)  # nothing to wait for any more


def test_there_is_no_end_to_wait_for_of_a_thread_that_never_ran(engine: Engine) -> None:
    thread = IoThread(engine.run_once, engine.note_crash)

    assert not thread.when_ended(lambda: None)
    thread.discard()


def test_line_that_a_cancelled_task_aborts_is_closed_before_the_loop_is(engine: Engine) -> None:
    is_connected, is_lost = threading.Event(), threading.Event()

    class Line(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            is_lost.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = IoThread(engine.run_once, engine.note_crash)
        thread.start()
        held: list[asyncio.Task[None]] = []

        async def hold() -> None:
            transport, _ = await thread.loop.create_connection(Line, *server.getsockname())
            is_connected.set()
            try:
                await asyncio.Event().wait()
            finally:
                transport.abort()

        thread.call(lambda: held.append(thread.loop.create_task(hold())))
        assert is_connected.wait(PATIENCE)
        thread.stop()

        assert thread.join(PATIENCE)
    assert is_lost.is_set()
    assert not engine.crashes
