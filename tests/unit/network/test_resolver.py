"""Host names are looked up on threads of our own, side by side, and every failure is an OSError."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dekaf._network.resolver import MOST_LOOK_UPS, Question, Resolver

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def resolver() -> AsyncIterator[Resolver]:
    resolver = Resolver(asyncio.get_running_loop())
    resolver.start()
    yield resolver
    resolver.stop()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3"])
async def test_address_is_its_own_answer_even_where_no_thread_runs(address: str) -> None:
    assert await Resolver(asyncio.get_running_loop()).resolve(address, 9092) == [address]


async def test_name_becomes_addresses_each_of_them_once(resolver: Resolver) -> None:
    addresses = await resolver.resolve("localhost", 9092)

    assert addresses
    assert len(addresses) == len(set(addresses))
    assert set(addresses) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("name", "port"), [("x" * 300, 9092), ("a..b", 9092), ("no\0name", 9092), ("localhost", -1), ("localhost", 2**70)]
)
async def test_what_cannot_be_resolved_is_an_os_error(resolver: Resolver, name: str, port: int) -> None:
    with pytest.raises(OSError, match=r"."):
        await resolver.resolve(name, port)


class Directory:
    """Names that are answered for when a test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def look_up(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        assert self._answer(host).wait(20)
        return ["10.0.0.1"]

    def answer(self, host: str) -> None:
        """Let a name's look-ups end."""
        self._answer(host).set()

    def _answer(self, host: str) -> threading.Event:
        with self._lock:
            return self._answers.setdefault(host, threading.Event())


@pytest_asyncio.fixture
async def directory() -> Directory:
    return Directory()


@pytest_asyncio.fixture
async def scripted(directory: Directory) -> AsyncIterator[Resolver]:
    resolver = Resolver(asyncio.get_running_loop(), directory.look_up)
    resolver.start()
    yield resolver
    resolver.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def test_name_that_is_not_answered_for_holds_up_no_other(directory: Directory, scripted: Resolver) -> None:
    dead = asyncio.create_task(scripted.resolve("dead", 1))
    await until(lambda: directory.asked)
    directory.answer("good")

    assert await scripted.resolve("good", 1) == ["10.0.0.1"]
    assert not dead.done()
    directory.answer("dead")
    assert await dead == ["10.0.0.1"]


async def test_name_asked_for_by_many_is_looked_up_once(directory: Directory, scripted: Resolver) -> None:
    given_up = asyncio.create_task(scripted.resolve("slow", 1))
    await until(lambda: directory.asked)
    given_up.cancel()
    others = [asyncio.create_task(scripted.resolve("slow", 1)) for _ in range(20)]
    await asyncio.sleep(0)
    directory.answer("slow")

    assert await asyncio.gather(*others) == [["10.0.0.1"]] * 20
    assert directory.asked == ["slow"]


async def test_threads_are_bounded_and_the_rest_waits_in_line(directory: Directory, scripted: Resolver) -> None:
    names = [f"dead{number}" for number in range(MOST_LOOK_UPS)]
    dead = [asyncio.create_task(scripted.resolve(name, 1)) for name in names]
    given_up = asyncio.create_task(scripted.resolve("given up", 1))
    last = asyncio.create_task(scripted.resolve("last", 1))
    await until(lambda: len(directory.asked) == MOST_LOOK_UPS)
    given_up.cancel()
    await asyncio.sleep(0)
    directory.answer("last")
    asked_before = list(directory.asked)
    directory.answer("dead3")

    assert await last == ["10.0.0.1"]
    assert sorted(asked_before) == sorted(names)
    assert "given up" not in directory.asked
    for name in names:
        directory.answer(name)
    await asyncio.gather(*dead)


async def test_threads_that_were_needed_for_a_while_end(directory: Directory, scripted: Resolver) -> None:
    before = set(threading.enumerate())
    names = ["a", "b", "c"]
    tasks = [asyncio.create_task(scripted.resolve(name, 1)) for name in names]
    await until(lambda: len(directory.asked) == len(names))
    for name in names:
        directory.answer(name)
    await asyncio.gather(*tasks)

    await until(lambda: set(threading.enumerate()) <= before)


async def test_thread_ends_when_it_is_told_to(resolver: Resolver) -> None:
    worker = resolver._worker
    resolver.stop()

    await asyncio.to_thread(worker.join, 10)

    assert not worker.is_alive()
    assert not worker.is_current()


async def test_thread_ends_with_its_loop_when_an_answer_has_nowhere_to_go() -> None:
    loop = asyncio.new_event_loop()
    resolver = Resolver(loop)
    loop.close()
    resolver._jobs.put(Question("localhost", 9092))

    resolver.start()

    await asyncio.to_thread(resolver._worker.join, 10)
    assert not resolver._worker.is_alive()
