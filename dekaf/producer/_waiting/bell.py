"""Wake a thread that waits, without holding the interpreter lock meanwhile.

A lock is released by a thread that holds the interpreter lock, and whoever waited for it is often awake before the
system call that woke it has returned: it finds the interpreter lock taken, and goes to sleep a second time. Writing to
an eventfd gives the interpreter lock away first.
"""

from __future__ import annotations

import os
import select
from time import monotonic
from typing import Any, Final, final

_os: Final[Any] = os  # eventfds are Linux's, and unknown to type checkers elsewhere
_select: Final[Any] = select

_COUNT_BYTES: Final = 8  # of an eventfd
_LONGEST_POLL: Final = 86_400.0  # seconds; poll(2) takes an int of milliseconds
_MOST_FREE: Final = 64  # a burst of threads must not keep its descriptors for ever


@final
class Bell:
    """An eventfd: one thread waits, any other rings. A ring that nobody waits for is heard by the next one who does."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor: Final = descriptor  # can be read once it rings
        self.process_id: Final = os.getpid()

    def __del__(self) -> None:
        # A forked child shares it, and may long have closed it and given its number to something else.
        if self.process_id == os.getpid():
            os.close(self.descriptor)

    def ring(self) -> None:
        """Wake the one who waits."""
        _os.eventfd_write(self.descriptor, 1)

    def wait(self, deadline: float | None) -> bool:
        """Return True once it rings, False at `deadline` (monotonic seconds; None: never)."""
        if deadline is not None and not self._rings_by(deadline):
            return False
        os.read(self.descriptor, _COUNT_BYTES)  # unlike `os.eventfd_read`, it goes on after a signal handler
        return True

    def silence(self) -> None:
        """Forget that it rings; only for one that does not block."""
        try:
            os.read(self.descriptor, _COUNT_BYTES)
        except BlockingIOError:
            return

    def _rings_by(self, deadline: float) -> bool:
        poll = _select.poll()
        poll.register(self.descriptor, _select.POLLIN)
        left = deadline - monotonic()
        while not poll.poll(max(0.0, min(left, _LONGEST_POLL)) * 1000.0):
            left = deadline - monotonic()
            if left <= 0.0:
                return False
        return True


def new_bell(*, blocks: bool) -> Bell | None:
    """Return a bell; None where the system has none, or no descriptor left."""
    eventfd: Any = getattr(os, "eventfd", None)
    if eventfd is None:
        return None
    try:
        return Bell(eventfd(0, _os.EFD_CLOEXEC if blocks else _os.EFD_CLOEXEC | _os.EFD_NONBLOCK))
    except OSError:
        return None


@final
class BellPool:
    """The bells of one producer that nobody waits for. Each may still be rung for a call that has ended."""

    def __init__(self) -> None:
        self._free: list[Bell] = []
        self._process_id = os.getpid()

    def take(self) -> Bell | None:
        """Return a bell for one wait, or None."""
        if self._process_id != os.getpid():  # the free ones are the parent's, too, and whoever waits takes all rings
            self._free = []
            self._process_id = os.getpid()
        try:
            return self._free.pop()  # in one step: other threads take, too
        except IndexError:
            return new_bell(blocks=True)

    def give_back(self, bell: Bell) -> None:
        """Keep a bell for the next wait."""
        if len(self._free) < _MOST_FREE:
            self._free.append(bell)
