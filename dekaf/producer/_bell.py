"""Wake a thread that waits without holding the interpreter lock.

A lock is released by a thread that holds the interpreter lock, and whoever waited for it is often awake before the
system call that woke it has returned: it finds the interpreter lock taken, and goes to sleep a second time. Writing to
an eventfd gives the interpreter lock away first.
"""

from __future__ import annotations

import os
import select
from time import monotonic
from typing import Final, final

_COUNT_BYTES: Final = 8  # of an eventfd
LONGEST_WAIT: Final = 86_400.0  # seconds; what poll(2) takes is an int of milliseconds


@final
class Bell:
    """An eventfd: one thread waits, any other rings. A ring that nobody waits for is heard by the next one who does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)

    def descriptor(self) -> int:
        """Return what can be read once it rings."""
        return self._descriptor

    def ring(self) -> None:
        """Wake the one who waits."""
        os.eventfd_write(self._descriptor, 1)

    def wait(self, deadline: float | None) -> bool:
        """Return True once it rings, False at `deadline` (monotonic seconds; None: never)."""
        if deadline is not None and not self._rings_by(deadline):
            return False
        os.read(self._descriptor, _COUNT_BYTES)  # unlike `os.eventfd_read`, it goes on after a signal handler
        return True

    def silence(self) -> None:
        """Forget that it rings; only for one that does not block."""
        try:
            os.read(self._descriptor, _COUNT_BYTES)
        except BlockingIOError:
            return

    def _rings_by(self, deadline: float) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        left = deadline - monotonic()
        while not poll.poll(max(0.0, min(left, LONGEST_WAIT)) * 1000.0):
            left = deadline - monotonic()
            if left <= 0.0:
                return False
        return True


@final
class BellPool:
    """The bells of one producer that nobody waits for. A forked child must not use its parent's: they are shared."""

    def __init__(self) -> None:
        self._free: list[Bell] = []

    def take(self) -> Bell | None:
        """Return a bell for one wait; None where the system has none, or no more of them."""
        try:
            return self._free.pop()  # in one step: other threads take, too
        except IndexError:
            pass
        try:
            return Bell(os.eventfd(0))
        except (AttributeError, OSError):  # not Linux; no descriptor left
            return None

    def give_back(self, bell: Bell) -> None:
        """Take back a bell; not one whose wait was broken off, for it may yet be rung."""
        self._free.append(bell)
