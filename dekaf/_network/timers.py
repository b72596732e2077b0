"""Timers that are never early, and time-outs that never come before what has arrived.

uvloop counts in whole milliseconds and rounds, so that its own timers may be early. After a process stood still, as in
a suspended laptop, timers are overdue while the answers they wait for lie in the sockets, unread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

__all__ = ("call_after_reading", "call_not_before")


def call_not_before(loop: asyncio.AbstractEventLoop, moment: float, callback: Callable[[], None]) -> None:
    """Call `callback` soon after `moment` (monotonic seconds); for those who would not look again if it were early."""
    loop.call_later(moment - monotonic() + 0.001, _due, loop, moment, callback)


def call_after_reading(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call `callback` once every socket was looked at, and what had arrived by now was dealt with."""
    # What is called soon runs before what the loop's next look at the sockets brings; what that calls soon, after it.
    loop.call_soon(loop.call_soon, callback)


def _due(loop: asyncio.AbstractEventLoop, moment: float, callback: Callable[[], None]) -> None:
    if monotonic() < moment:
        call_not_before(loop, moment, callback)
    else:
        callback()
