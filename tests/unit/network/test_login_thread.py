"""The thread for what an application provides: it may block, raise or never return, and holds up nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dekaf._network.login_thread import LoginThread
from dekaf.errors import CredentialsUnavailableError

PATIENCE = 10.0  # seconds


@pytest_asyncio.fixture
async def thread() -> AsyncIterator[LoginThread]:
    thread = LoginThread(asyncio.get_running_loop(), PATIENCE)
    yield thread
    thread.stop()


@pytest_asyncio.fixture
async def impatient() -> AsyncIterator[LoginThread]:
    thread = LoginThread(asyncio.get_running_loop(), 0.05)
    yield thread
    thread.stop()


@pytest.fixture
def held() -> threading.Event:
    """Let go of at the end, so that no thread is left in it."""
    return threading.Event()


@pytest.mark.asyncio
async def test_call_runs_on_one_thread_of_its_own(thread: LoginThread) -> None:
    first = await thread.run("x", threading.current_thread)
    second = await thread.run("x", threading.current_thread)

    assert first is second is not threading.current_thread()
    assert isinstance(first, threading.Thread)
    assert (first.name, first.daemon) == ("dekaf-login", True)


@pytest.mark.asyncio
async def test_what_it_raises_reaches_the_one_who_asked(thread: LoginThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.run("x", lambda: 1 // 0)

    assert await thread.run("x", lambda: "still there") == "still there"


@pytest.mark.asyncio
async def test_code_that_exits_ends_its_call_alone(thread: LoginThread) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(CredentialsUnavailableError, match=r"^x raised SystemExit\.$"):
        await thread.run("x", leave)

    assert await thread.run("x", lambda: "still there") == "still there"


@pytest.mark.asyncio
async def test_coroutines_run_on_one_loop_that_is_not_the_engines(thread: LoginThread) -> None:
    async def loop() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    first = await thread.run("x", loop)

    assert first is await thread.run("x", loop)
    assert first is not asyncio.get_running_loop()


@pytest.mark.asyncio
async def test_call_that_hangs_is_left_behind_and_the_next_one_served(
    impatient: LoginThread, held: threading.Event
) -> None:
    with pytest.raises(CredentialsUnavailableError, match="sasl_password did not return within request_timeout_ms=50"):
        await impatient.run("sasl_password", held.wait)

    assert await impatient.run("x", lambda: "served") == "served"
    held.set()


@pytest.mark.asyncio
async def test_not_more_than_two_threads_hang(impatient: LoginThread, held: threading.Event) -> None:
    for _ in range(2):
        with pytest.raises(CredentialsUnavailableError, match="did not return"):
            await impatient.run("x", held.wait)
    hanging = [one for one in threading.enumerate() if one.name == "dekaf-login"]

    with pytest.raises(CredentialsUnavailableError, match="earlier calls have still not returned"):
        await impatient.run("x", held.wait)

    assert len(hanging) == len([one for one in threading.enumerate() if one.name == "dekaf-login"]) == 2
    held.set()
    for one in hanging:
        one.join(PATIENCE)
    assert await impatient.run("x", lambda: "served") == "served"


@pytest.mark.asyncio
async def test_what_comes_late_is_used(impatient: LoginThread, held: threading.Event) -> None:
    arrived: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def slow() -> str:
        held.wait(PATIENCE)
        return "late"

    with pytest.raises(CredentialsUnavailableError):
        await impatient.run("x", slow, late=arrived.set_result)
    held.set()

    assert await asyncio.wait_for(arrived, PATIENCE) == "late"
