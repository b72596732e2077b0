"""What real threads share: the system's own locks, queues and look-ups, whatever gevent has put in their place.

gevent replaces names of the standard library's modules while the process runs, before dekaf is imported or after it:
with `gunicorn --preload` only in the worker. Our threads are real ones, and a lock that knows greenlets alone would
start a hub in each of them. So the originals are taken here, once, and by no other module.
"""

from __future__ import annotations

import importlib
import sys
from _queue import Empty, SimpleQueue
from _socket import SOCK_STREAM
from _thread import TIMEOUT_MAX, LockType, RLock
from collections.abc import Callable
from typing import Any, Final, cast

__all__ = (
    "Empty",
    "SimpleQueue",
    "close_descriptor",
    "get_ident",
    "is_patched",
    "look_up_addresses",
    "new_lock",
    "new_poll",
    "new_reentrant_lock",
    "new_socket",
    "original",
    "sleep",
    "start_thread",
    "wait_seconds",
)

_MONKEY: Final = "gevent.monkey"  # the module, which is there once an application has imported it
_modules: Final[dict[str, Any]] = sys.modules  # asked before each wait: without a look-up in `sys`


def original(module: str, name: str) -> Any:
    """Return what a module of the standard library calls by a name, or called so before gevent replaced it.

    Args:
        module: Its name.
        name: Of a class or function; None is returned if the module has none of that name.
    """
    there = importlib.import_module(module)
    monkey = _modules.get(_MONKEY)
    if monkey is None:
        return getattr(there, name, None)
    try:
        return monkey.get_original(module, name)
    except AttributeError:
        return None


def is_patched() -> bool:
    """Return whether gevent has replaced threads, or sockets, in this process by now."""
    monkey = _modules.get(_MONKEY)
    return monkey is not None and bool(monkey.is_module_patched("threading") or monkey.is_module_patched("socket"))


new_lock: Final[Callable[[], LockType]] = original("_thread", "allocate_lock")
new_reentrant_lock: Final[Callable[[], RLock]] = RLock
get_ident: Final[Callable[[], int]] = original("_thread", "get_ident")
start_thread: Final[Callable[[Callable[[], None], tuple[()]], int]] = original("_thread", "start_new_thread")
sleep: Final[Callable[[float], None]] = original("time", "sleep")
new_poll: Final[Callable[[], Any]] = original("select", "poll")  # None on Windows, which has no eventfd to poll, either
close_descriptor: Final[Callable[[int], None]] = original("os", "close")


def look_up_addresses(host: str, port: int) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
    """Return where a host's streams lead, as `socket.getaddrinfo` does, which blocks and raises OSError."""
    return cast(
        "list[tuple[int, int, int, str, tuple[Any, ...]]]",
        original("socket", "getaddrinfo")(host, port, type=SOCK_STREAM),
    )


def new_socket(family: int, kind: int, protocol: int = 0) -> Any:
    """Return a socket of the system's."""
    return original("socket", "socket")(family, kind, protocol)


def wait_seconds(timeout: float) -> float:
    """Return a timeout as locks take it: neither negative nor, as `math.inf` is, longer than they can count."""
    return min(max(0.0, timeout), TIMEOUT_MAX)
