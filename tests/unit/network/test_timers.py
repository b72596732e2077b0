"""Timers that are never early, on loops whose own may be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import TypeVarTuple

import pytest
import uvloop

from dekaf._network.timers import call_after_reading, call_not_before

Ts = TypeVarTuple("Ts")


class HastyLoop(asyncio.SelectorEventLoop):
    """The standard loop, whose timers come at half of their time."""

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_later(delay / 2, callback, *args, context=context)


@pytest.mark.parametrize("make_loop", [HastyLoop, asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("delay", [-1.0, 0.0, 0.0004, 0.02])
def test_call_comes_once_and_not_before_its_moment(
    make_loop: Callable[[], asyncio.AbstractEventLoop], delay: float
) -> None:
    loop = make_loop()
    called_at: list[float] = []

    def note() -> None:
        called_at.append(monotonic())
        loop.call_later(0.01, loop.stop)  # a second call would come before

    moment = monotonic() + delay
    call_not_before(loop, moment, note)
    loop.run_forever()
    loop.close()

    assert len(called_at) == 1
    assert called_at[0] >= moment


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_has_arrived_is_read_before_what_is_called_after_reading(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    loop = make_loop()
    heard: list[str] = []
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def stand_still() -> None:
        theirs.send(b"answer")
        call_after_reading(loop, end)

    def end() -> None:
        heard.append("time-out")
        loop.stop()

    loop.add_reader(ours, lambda: heard.append(ours.recv(100).decode()))
    loop.call_soon(stand_still)
    loop.run_forever()
    loop.close()
    ours.close()
    theirs.close()

    assert heard == ["answer", "time-out"]
