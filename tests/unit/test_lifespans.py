from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf import drain_on_sigterm, lifespans, sigterm
from dekaf.lifespans import SERVED, STATE_KEY, drain_with_lifespans, lifespan_served, why_lost_at_stop


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was drained, in this test alone."""
    calls: list[str] = []
    monkeypatch.setattr(lifespans, "_lifespans", lifespans._Lifespans())

    async def drain() -> None:
        calls.append("drained")

    drain_with_lifespans(drain)
    return calls


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`drain_on_sigterm` was called, and in the end this process is as before."""
    monkeypatch.setattr(sigterm, "_state", sigterm._State())
    monkeypatch.setattr(sigterm, "run_after_drain", lambda _call: None)
    before = signal.getsignal(signal.SIGTERM)
    drain_on_sigterm()
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.asyncio
async def test_the_end_of_the_last_lifespan_drains(drained: list[str]) -> None:
    async with lifespan_served():
        async with lifespan_served():
            pass
        assert drained == []

    assert drained == ["drained"]


@pytest.mark.asyncio
async def test_a_lifespan_that_fails_drains_too(drained: list[str]) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        async with lifespan_served():
            raise RuntimeError("a bug")

    assert drained == ["drained"]


@pytest.mark.asyncio
async def test_what_cannot_be_drained_is_logged_and_keeps_nothing_else_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(lifespans, "_lifespans", lifespans._Lifespans())

    async def fails() -> None:
        raise RuntimeError("a bug")

    async def works() -> None:
        calls.append("drained")

    drain_with_lifespans(fails)
    drain_with_lifespans(works)
    async with lifespan_served():
        pass

    assert calls == ["drained"]
    assert "a bug" in caplog.text


@pytest.mark.parametrize(
    ("scope", "is_lost"),
    [
        ({"state": {}}, True),
        ({"state": {"database": "there"}}, True),
        ({"state": {STATE_KEY: SERVED}}, False),
        ({}, False),
        ({"state": {}, "extensions": {"http.response.debug": {}}}, False),
        ({"state": {}, "extensions": None}, True),
    ],
)
def test_a_server_that_has_a_state_without_us_loses_messages(scope: dict[str, Any], is_lost: bool) -> None:
    fault = why_lost_at_stop(scope, "Do this.")

    assert (fault is not None and fault.endswith("Do this.")) is is_lost


@pytest.mark.usefixtures("asked")
def test_a_signal_that_drains_takes_the_place_of_a_lifespan() -> None:
    assert why_lost_at_stop({"state": {}}, "Do this.") is None


@pytest.mark.usefixtures("asked")
def test_a_handler_that_a_server_replaced_does_not() -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)

    assert "post_worker_init" in (why_lost_at_stop({"state": {}}, "Do this.") or "")
