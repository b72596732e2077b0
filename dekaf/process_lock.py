"""ProcessLock: a lock that survives a fork, for objects that live as long as the process and are used in its children.

A room of its own below all others: the core, the registry and every adapter, ours or yours, need it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, final

__all__ = ("ProcessLock",)


@final
class ProcessLock:
    """A re-entrant lock that a forked child has anew, though a thread that exists no more may hold the parent's.

    One lock per process id: it needs no fork hook, which not every server runs, and two threads of the child that come
    first at the same time get the same one.

    Args:
        make: Makes the lock; default: `threading.RLock`, as it is at first use. gevent's tells greenlets of one thread
            apart, which may be needed where its holder waits for anything.
    """

    def __init__(self, make: Callable[[], threading.RLock] | None = None) -> None:
        self._make: Final = make
        self._locks: dict[int, threading.RLock] = {}

    def __enter__(self) -> None:
        pid = os.getpid()
        lock = self._locks.get(pid)
        if lock is None:
            make = threading.RLock if self._make is None else self._make
            lock = self._locks.setdefault(pid, make())
        lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._locks[os.getpid()].release()
