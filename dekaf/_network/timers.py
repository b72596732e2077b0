"""Timers that are never early: uvloop counts in whole milliseconds and rounds, so that its own may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

__all__ = ("call_not_before",)


def call_not_before(loop: asyncio.AbstractEventLoop, moment: float, callback: Callable[[], None]) -> None:
    """Call `callback` soon after `moment` (monotonic seconds); for those who would not look again if it were early."""
    loop.call_later(moment - monotonic() + 0.001, _due, loop, moment, callback)


def _due(loop: asyncio.AbstractEventLoop, moment: float, callback: Callable[[], None]) -> None:
    if monotonic() < moment:
        call_not_before(loop, moment, callback)
    else:
        callback()
