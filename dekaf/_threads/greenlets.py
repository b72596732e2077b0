"""How a greenlet waits: in gevent's hub, so that the other greenlets of its thread go on meanwhile.

Whether a caller is one is asked whenever it is about to wait, and not once for all: an application may be patched after
dekaf was imported, or even after it was used. gevent is never imported unless the application has.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, final

from dekaf._threads.primitives import is_patched

__all__ = (
    "HubEvent",
    "current_greenlet",
    "end_greenlet",
    "idle",
    "is_in_hub",
    "is_of_this_greenlet",
    "leave_hub",
    "main_hub",
    "make_first_hub",
    "may_wait_in_hub",
    "nap",
    "spawn",
    "wait_idly",
    "wait_readable",
)

# Seconds of one wait in the hub. A forked child has copies of its parent's greenlets, which wait at the same
# descriptors, and for what only the parent will hear of.
_LOOK_AGAIN: Final = 1.0
_READ: Final = 1  # of an event loop of gevent's
_NAP: Final = 0.002  # seconds; where there is no descriptor to be woken by
_IDLE: Final = 0.02  # the same, of what has nothing to do


@final
class _Gevent:
    """What is used of gevent; made when it is there, and has patched the process."""

    def __init__(self) -> None:
        self.sleep: Final[Any] = importlib.import_module("gevent").sleep
        self.current: Final[Any] = importlib.import_module("greenlet").getcurrent
        self.hub_here: Final[Any] = importlib.import_module("gevent._hub_local").get_hub_if_exists
        self.has_made_hub = False
        self.main_hub: Any = None  # of the main thread, once it is known
        self.spawn: Final[Any] = importlib.import_module("gevent").spawn
        self.exit: Final[Any] = importlib.import_module("gevent").GreenletExit
        self.make_hub: Final[Any] = importlib.import_module("gevent").get_hub
        self.new_event: Final[Any] = importlib.import_module("gevent.event").Event
        self.wait_read: Final[Any] = importlib.import_module("gevent.socket").wait_read


_found: Final[list[_Gevent]] = []  # one at the most


def _gevent() -> _Gevent | None:
    if _found:
        return _found[0]
    if not is_patched():
        return None
    _found.append(_Gevent())
    return _found[0]


def make_first_hub() -> None:
    """Give the calling thread a hub, before another thread of this process may need one; once, if gevent is there.

    gevent goes on importing while it makes the first, under locks that are greenlets' by now: two threads that do so at
    the same time wait for each other for ever (seen with gevent 26.9).
    """
    gevent = _gevent()
    if gevent is not None and not gevent.has_made_hub:
        gevent.has_made_hub = True
        gevent.make_hub()


def main_hub() -> Any | None:
    """Return the hub of the main thread, where an application's greenlets run; None without gevent.

    Also None as long as only other threads, such as those of gevent's pool, have asked: theirs may never run.
    """
    gevent = _gevent()
    if gevent is None:
        return None
    if gevent.main_hub is None:
        make_first_hub()
        hub = gevent.hub_here()
        if hub is not None and hub.main_hub:
            gevent.main_hub = hub
    return gevent.main_hub


def current_greenlet() -> Any:
    """Return the calling greenlet; only where there is gevent."""
    return _found[0].current()


def spawn(target: Callable[[], None]) -> Any:
    """Return a greenlet of this thread, which is to begin; only where there is gevent."""
    return _found[0].spawn(target)


def end_greenlet() -> None:
    """End the calling greenlet; only where there is gevent."""
    raise _found[0].exit


def may_wait_in_hub() -> bool:
    """Return whether the caller is a greenlet that lets others go on while it waits.

    Not so in a thread without a hub, where there are no others; nor in the hub itself, which could never come back.
    """
    gevent = _gevent()
    if gevent is None:
        return False
    hub = gevent.hub_here()
    return hub is not None and gevent.current() is not hub


def is_in_hub() -> bool:
    """Return whether the caller is gevent's hub itself, in a callback: if it waits, every greenlet stands still."""
    gevent = _gevent()
    if gevent is None:
        return False
    hub = gevent.hub_here()
    return hub is not None and gevent.current() is hub


def is_of_this_greenlet(loop: Any) -> bool:
    """Return whether an event loop that seems to run on this thread is run by the calling greenlet, not by another.

    asyncio notes the running loop per thread, and so shows it to all greenlets of one. But a loop also notes the ident
    of the thread that runs it, and gevent gives each greenlet an ident of its own.
    """
    if _gevent() is None:
        return True
    by: object = getattr(loop, "_thread_id", None)  # uvloop has none, and lets no other greenlet run beside it
    return by is None or by == threading.get_ident()


def wait_readable(descriptor: int, deadline: float | None) -> bool:
    """Wait in the hub until a descriptor can be read; only where `may_wait_in_hub`.

    Args:
        descriptor: On which no other greenlet waits.
        deadline: Monotonic seconds; None: never.

    Returns:
        False if the deadline came first, or it is time to look whether there is anything left to wait for.
    """
    seconds = _LOOK_AGAIN if deadline is None else max(0.0, min(deadline - monotonic(), _LOOK_AGAIN))
    over = TimeoutError()  # this very one: another time-out of the greenlet is its owner's
    try:
        _found[0].wait_read(descriptor, seconds, over)
    except TimeoutError as error:
        if error is not over:
            raise
        return False
    return True


@final
class HubEvent:
    """What a greenlet waits for where there is no descriptor for it; made by that greenlet, set by any thread."""

    def __init__(self) -> None:
        gevent = _found[0]
        self._loop: Final[Any] = gevent.hub_here().loop
        self._event: Final[Any] = gevent.new_event()

    def set(self) -> None:
        """Wake the greenlet."""
        with contextlib.suppress(Exception):  # the loop of a thread that has ended, and with it who waited
            self._loop.run_callback_threadsafe(self._event.set)

    def wait(self, deadline: float | None) -> None:
        """Wait until it is set, until the deadline (as of `wait_readable`), or until it is time to look."""
        self._event.wait(_LOOK_AGAIN if deadline is None else max(0.0, min(deadline - monotonic(), _LOOK_AGAIN)))


def wait_idly(descriptor: int) -> None:
    """Wait until a descriptor can be read, as what keeps no hub from coming to an end; only where `may_wait_in_hub`."""
    hub = _found[0].hub_here()
    watcher = hub.loop.io(descriptor, _READ, ref=False)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()


def idle() -> None:
    """Do nothing for longer than `nap`."""
    _found[0].sleep(_IDLE, ref=False)


def nap() -> None:
    """Let other greenlets go on for a moment; only where `may_wait_in_hub`."""
    _found[0].sleep(_NAP)


def leave_hub() -> None:
    """Let go of the hub that code of the application has made in this thread, which ends."""
    gevent = _gevent()
    hub = None if gevent is None else gevent.hub_here()
    if hub is not None:
        hub.destroy(destroy_loop=True)
