"""The standard event loop over sockets and a selector of the system, also where gevent has replaced both.

Its selector would have a hub run in the I/O thread, and its sockets are closed by the hub of the thread that made them.
"""

from __future__ import annotations

import _socket
import asyncio
import os
import selectors
import sys
from typing import Any, Final

from mypy_extensions import mypyc_attr

from dekaf._threads.primitives import is_patched, new_socket, original

# Machine code knows the base class below by the module that defines it, and has to have it imported. Not by
# `sys.platform`: where that says something else than at its birth, machine code ends with an error.
if os.name == "nt":
    import asyncio.windows_events
else:
    import asyncio.unix_events

__all__ = ("keep_alive", "needs_system_socket", "new_standard_loop", "system_socket")

_SELECTORS: Final = ("EpollSelector", "KqueueSelector", "DefaultSelector")  # the first that this system has


def new_standard_loop() -> asyncio.AbstractEventLoop:
    """Return asyncio's own loop, which nothing but the system wakes.

    Raises:
        OSError: There are not enough file descriptors.
    """
    if not is_patched() or sys.platform == "win32":
        return asyncio.new_event_loop()
    return _NativeLoop()


def needs_system_socket(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether a loop would make sockets of gevent's by itself; uvloop makes none of Python's."""
    return isinstance(loop, asyncio.SelectorEventLoop) and is_patched()


def system_socket(address: str) -> Any:
    """Return a socket for an IP address, and not one of gevent's."""
    made = new_socket(_socket.AF_INET6 if ":" in address else _socket.AF_INET, _socket.SOCK_STREAM)
    made.settimeout(0.0)
    return made


def keep_alive(transport: Any) -> None:
    """Have the system ask a silent peer now and then whether it is there."""
    raw = transport.get_extra_info("socket")
    if raw is None:
        return
    # Not by itself: uvloop's would make one of the `socket` module's of it, and gevent's a hub for this thread.
    same = _socket.socket(raw.family, raw.type, raw.proto, raw.fileno())
    try:
        same.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
    finally:
        same.detach()


@mypyc_attr(native_class=False)
class _NativeLoop(asyncio.SelectorEventLoop):
    """What wakes it, a pair of sockets, is the system's, too."""

    _ssock: Any  # these are of `asyncio.selector_events`, in every Python from 3.4 to 3.15
    _csock: Any
    _internal_fds: int
    _add_reader: Any
    _read_from_self: Any

    def __init__(self) -> None:
        super().__init__(next(made for made in map(_new_selector, _SELECTORS) if made is not None))

    def _make_self_pipe(self) -> None:
        self._ssock, self._csock = _socket.socketpair()  # there, it is a pair of the `socket` module's
        self._ssock.settimeout(0.0)
        self._csock.settimeout(0.0)
        self._internal_fds += 1
        self._add_reader(self._ssock.fileno(), self._read_from_self)


def _new_selector(name: str) -> selectors.BaseSelector | None:
    kind = original("selectors", name)
    return None if kind is None else kind()
