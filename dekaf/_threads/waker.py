"""Wake a thread that waits, without holding the interpreter lock meanwhile.

A lock is released by a thread that holds the interpreter lock, and the one that waited for it is often awake before the
system call that woke it has returned: it finds the interpreter lock taken, and goes to sleep a second time. Writing to
an eventfd gives the interpreter lock away first.
"""

from __future__ import annotations

import os
import select
from time import monotonic
from typing import Any, Final, final

from dekaf._threads.greenlets import may_wait_in_hub, wait_readable
from dekaf._threads.primitives import close_descriptor, is_patched, new_poll

_os: Final[Any] = os  # eventfds are Linux's, and unknown to type checkers elsewhere
_select: Final[Any] = select

_COUNT_BYTES: Final = 8  # of an eventfd
_LONGEST_POLL: Final = 86_400.0  # seconds; poll(2) takes an int of milliseconds
_MOST_FREE: Final = 64  # a burst of threads must not keep its descriptors for ever
_MOST_FOR_GREENLETS: Final = 64  # at a time: there may be thousands, and their sockets need the descriptors


@final
class _Count:
    """How many wakers there are, roughly: no lock is worth it."""

    def __init__(self) -> None:
        self.living = 0


_COUNT: Final = _Count()


@final
class EventfdWaker:
    """An eventfd: one thread, or greenlet, waits, any other wakes it.

    A wake-up that none waits for is kept for the next one.
    """

    def __init__(self, descriptor: int, *, blocks: bool) -> None:
        _COUNT.living += 1
        self.descriptor: Final = descriptor  # can be read once it is woken
        self._blocks: Final = blocks  # who reads it before that
        self.process_id: Final = os.getpid()

    def __del__(self) -> None:
        _COUNT.living -= 1
        # A forked child shares it, and may long have closed it and given its number to something else.
        if self.process_id == os.getpid():
            close_descriptor(self.descriptor)

    def wake(self) -> None:
        """Wake the one who waits."""
        _os.eventfd_write(self.descriptor, 1)

    def wait(self, deadline: float | None) -> bool:
        """Wait until it is woken, or longer than `deadline` (monotonic seconds; None: never).

        Returns:
            False if the deadline came first; True if it was woken, or a greenlet is to look whether what it waits for
            has happened.
        """
        if may_wait_in_hub():
            return self._wait_in_hub(deadline)
        if not self._blocks or deadline is not None:
            if not self._is_woken_by(deadline):
                return False
            self.clear()
            return True
        os.read(self.descriptor, _COUNT_BYTES)  # unlike `os.eventfd_read`, it goes on after a signal handler
        return True

    def clear(self) -> None:
        """Forget a wake-up, if there is one; it blocks without, if it does at all."""
        try:
            os.read(self.descriptor, _COUNT_BYTES)
        except BlockingIOError:
            return

    def _wait_in_hub(self, deadline: float | None) -> bool:
        is_readable = wait_readable(self.descriptor, deadline)
        if self.process_id != os.getpid():
            return False  # a forked child's copy of the caller, which only the parent's will ever wake
        if is_readable:
            self.clear()
            return True
        return deadline is None or monotonic() < deadline

    def _is_woken_by(self, deadline: float | None) -> bool:
        poll = new_poll()
        poll.register(self.descriptor, _select.POLLIN)
        left = _LONGEST_POLL if deadline is None else deadline - monotonic()
        while not poll.poll(max(0.0, min(left, _LONGEST_POLL)) * 1000.0):
            if deadline is None:
                continue
            left = deadline - monotonic()
            if left <= 0.0:
                return False
        return True


def new_waker(*, blocks: bool) -> EventfdWaker | None:
    """Return a waker; None where the system has none, or no descriptor left."""
    eventfd: Any = getattr(os, "eventfd", None)
    if eventfd is None:
        return None
    try:
        flags = _os.EFD_CLOEXEC if blocks else _os.EFD_CLOEXEC | _os.EFD_NONBLOCK
        return EventfdWaker(eventfd(0, flags), blocks=blocks)
    except OSError:
        return None


def new_greenlet_waker() -> EventfdWaker | None:
    """Return a waker for a greenlet; None also where enough of them have one, and a `HubEvent` has to do."""
    # Never one that blocks: in a forked child a copy of the greenlet may read it first.
    return new_waker(blocks=False) if _COUNT.living < _MOST_FOR_GREENLETS else None


@final
class WakerPool:
    """The wakers of one producer that no thread waits on. Each may still be woken for a call that has ended."""

    def __init__(self) -> None:
        self._free: list[EventfdWaker] = []
        self._process_id = os.getpid()

    def take(self) -> EventfdWaker | None:
        """Return a waker for one wait, or None."""
        if (
            self._process_id != os.getpid()
        ):  # the free ones are the parent's, too, and a thread that waits takes all wake-ups
            self._free = []
            self._process_id = os.getpid()
        try:
            return self._free.pop()  # in one step: other threads take, too
        except IndexError:
            return new_greenlet_waker() if is_patched() else new_waker(blocks=True)

    def give_back(self, waker: EventfdWaker) -> None:
        """Keep a waker for the next wait."""
        if len(self._free) < _MOST_FREE:
            self._free.append(waker)
