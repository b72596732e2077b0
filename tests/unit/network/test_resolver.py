"""Host names are looked up on a thread of our own, one after the other, and every failure is an OSError."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dekaf._network.resolver import Resolver

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


async def test_look_up_that_nobody_waits_for_any_more_is_passed_over(resolver: Resolver) -> None:
    given_up = asyncio.create_task(resolver.resolve("localhost", 9092))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await resolver.resolve("localhost", 9092)
    assert given_up.cancelled()


async def test_thread_ends_when_it_is_told_to(resolver: Resolver) -> None:
    worker = resolver._worker
    resolver.stop()

    await asyncio.to_thread(worker.join, 10)

    assert not worker.is_alive()
    assert worker is not threading.current_thread()


async def test_thread_ends_with_its_loop_when_an_answer_has_nowhere_to_go() -> None:
    loop = asyncio.new_event_loop()
    resolver = Resolver(loop)
    future: asyncio.Future[list[str]] = loop.create_future()
    loop.close()
    resolver._jobs.put(("localhost", 9092, future))

    resolver.start()

    await asyncio.to_thread(resolver._worker.join, 10)
    assert not resolver._worker.is_alive()
