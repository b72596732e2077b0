"""Calls that other threads ask an event loop to make."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
import uvloop

from dekaf.producer._waiting.loop_waker import LoopWaker, threadsafe_call

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="eventfd is Linux's")

PATIENCE = 10.0

MakeLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def make_loop(request: pytest.FixtureRequest) -> MakeLoop:
    make: MakeLoop = request.param
    return make


@pytest.fixture
def loop(make_loop: MakeLoop) -> Iterator[asyncio.AbstractEventLoop]:
    loop = make_loop()
    yield loop
    loop.close()


def is_bell(call: Callable[[Any], object]) -> bool:
    return isinstance(getattr(call, "__self__", None), LoopWaker)


async def way() -> Callable[[Callable[[], object]], object]:
    return threadsafe_call(asyncio.get_running_loop())


def open_descriptors() -> set[str]:
    return {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


def test_calls_of_other_threads_are_made_on_the_loop_in_order(loop: asyncio.AbstractEventLoop) -> None:
    async def scenario() -> list[tuple[int, int]]:
        call = await way()
        assert is_bell(call)
        made: list[tuple[int, int]] = []
        done = asyncio.Event()

        def ask() -> None:
            for number in range(500):
                call(lambda number=number: made.append((number, threading.get_ident())))  # type: ignore[misc]
            call(done.set)

        thread = threading.Thread(target=ask)
        thread.start()
        await asyncio.wait_for(done.wait(), PATIENCE)
        thread.join()
        return made

    assert loop.run_until_complete(scenario()) == [(number, threading.get_ident()) for number in range(500)]


def test_no_call_of_many_threads_is_forgotten(loop: asyncio.AbstractEventLoop) -> None:
    made: list[int] = []
    threads, each = 8, 400

    async def scenario() -> None:
        call = await way()

        def ask() -> None:
            for number in range(each):
                call(lambda number=number: made.append(number))  # type: ignore[misc]

        workers = [threading.Thread(target=ask) for _ in range(threads)]
        for worker in workers:
            worker.start()
        async with asyncio.timeout(PATIENCE):
            while len(made) < threads * each:
                await asyncio.sleep(0.001)
        for worker in workers:
            worker.join()

    loop.run_until_complete(scenario())
    assert sorted(made) == sorted(list(range(each)) * threads)


def test_call_that_asks_for_another_gets_it(loop: asyncio.AbstractEventLoop) -> None:
    async def scenario() -> None:
        call = await way()
        done = asyncio.Event()
        call(lambda: call(done.set))
        await asyncio.wait_for(done.wait(), PATIENCE)

    loop.run_until_complete(scenario())


def test_calls_behind_one_that_ends_the_loop_are_made_once_it_runs_again(loop: asyncio.AbstractEventLoop) -> None:
    made: list[int] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def ask() -> None:
        call = await way()
        call(interrupt)
        call(lambda: made.append(1))
        await asyncio.sleep(PATIENCE)

    async def later() -> None:
        async with asyncio.timeout(PATIENCE):
            while not made:
                await asyncio.sleep(0.001)

    task = loop.create_task(ask())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(task)
    loop.run_until_complete(later())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert made == [1]


def test_interrupt_while_the_loop_answers_leaves_nobody_unheard(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    call = loop.run_until_complete(way())
    read = os.read

    def interrupted(descriptor: int, size: int) -> bytes:
        monkeypatch.setattr(os, "read", read)
        read(descriptor, size)
        raise KeyboardInterrupt

    async def later() -> None:
        async with asyncio.timeout(PATIENCE):
            while len(made) < 2:
                await asyncio.sleep(0.001)

    call(lambda: made.append(1))
    monkeypatch.setattr(os, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(asyncio.sleep(PATIENCE))
    call(lambda: made.append(2))
    loop.run_until_complete(later())
    assert made == [1, 2]


def test_interrupt_while_somebody_rings_keeps_nobody_else_from_it(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    call = loop.run_until_complete(way())

    def interrupted(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "eventfd_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            call(lambda: made.append(1))
    call(lambda: made.append(2))
    loop.run_until_complete(asyncio.sleep(0.05))
    assert made == [1, 2]


def test_a_loop_has_one_bell(loop: asyncio.AbstractEventLoop, make_loop: MakeLoop) -> None:
    first = loop.run_until_complete(way())
    assert loop.run_until_complete(way()) == first

    other = make_loop()
    assert other.run_until_complete(way()) != first
    other.close()


def test_calls_see_nothing_of_the_context_that_came_first(loop: asyncio.AbstractEventLoop) -> None:
    class Request:
        pass

    request: ContextVar[Request | None] = ContextVar("request", default=None)
    seen: list[Request | None] = []

    async def first_request() -> weakref.ref[Request]:
        here = Request()
        request.set(here)
        done = asyncio.Event()
        call = await way()
        call(lambda: seen.append(request.get()))
        call(done.set)
        await asyncio.wait_for(done.wait(), PATIENCE)
        return weakref.ref(here)

    gone = loop.run_until_complete(first_request())
    gc.collect()

    assert seen == [None]
    assert gone() is None


def test_loop_that_is_gone_leaves_no_descriptor(make_loop: MakeLoop) -> None:
    loop = make_loop()
    loop.run_until_complete(way())
    assert "anon_inode:[eventfd]" in open_descriptors()
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()

    assert gone() is None
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) < before


def test_loop_closed_with_a_call_still_to_be_made_is_let_go(make_loop: MakeLoop) -> None:
    loop = make_loop()
    call = loop.run_until_complete(way())
    call(loop.is_closed)  # it leads to the loop
    loop.close()
    gone = weakref.ref(loop)
    del loop, call

    other = make_loop()
    other.run_until_complete(way())
    other.close()
    gc.collect()
    assert gone() is None


def test_loop_without_readers_is_called_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.new_event_loop()

    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(loop, "add_reader", refuse)
    assert loop.run_until_complete(way()) == loop.call_soon_threadsafe
    loop.close()


def test_loop_that_takes_no_weak_references_is_called_its_own_way() -> None:
    class Loop:
        __slots__ = ()

        def call_soon_threadsafe(self, callback: Any, /) -> object:
            raise NotImplementedError

    loop: Any = Loop()
    assert threadsafe_call(loop) == loop.call_soon_threadsafe


def test_system_without_eventfd_calls_the_loop_its_own_way(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "eventfd")
    assert loop.run_until_complete(way()) == loop.call_soon_threadsafe


def test_forked_child_does_not_ring_at_its_parents(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_bell(loop.run_until_complete(way()))
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    assert loop.run_until_complete(way()) == loop.call_soon_threadsafe
