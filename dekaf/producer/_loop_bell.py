"""Have an event loop call something from another thread, woken as blocked threads are: without the interpreter lock.

uvloop's `call_soon_threadsafe` wakes its loop while the caller holds that lock, so that the loop mostly has to sleep a
second time; asyncio's own gives it away, at twice the cost. A loop is any object with asyncio's methods; nothing here
imports asyncio.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, Protocol, final
from weakref import WeakKeyDictionary

from dekaf.producer._bell import Bell


class EventLoop(Protocol):
    """What a mailbox needs of an event loop; where `add_reader` does not work, the rest has to do."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Run `callback` on the loop's next round; called on the loop's thread."""

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """The same from any thread; RuntimeError if the loop is closed."""

    def add_reader(self, descriptor: int, callback: Callable[[], object], /) -> object:
        """Run `callback` whenever `descriptor` can be read."""

    def is_closed(self) -> bool:
        """Return whether the loop can never run again."""

    def create_future(self) -> Any:
        """Return a future of the loop's own kind."""


@final
class LoopBell:
    """One event loop's, for as long as the loop lives, whichever producers come and go."""

    def __init__(self, bell: Bell) -> None:
        self.process_id: Final = os.getpid()
        self._bell: Final = bell
        self._calls: deque[Callable[[], object]] = deque()
        self._is_rung = False

    def call(self, function: Callable[[], object]) -> None:
        """Have `function` called on the loop; from any thread."""
        self._calls.append(function)
        if not self._is_rung:
            self._is_rung = True
            self._bell.ring()

    def answer(self) -> None:
        """Make the calls; what the loop does when it rings."""
        self._bell.silence()
        self._is_rung = False  # before emptying: whoever asks from now on rings again
        try:
            while self._calls:
                self._calls.popleft()()
        except BaseException:  # the loop's owner wants to end it, but may well run it again
            if self._calls and not self._is_rung:
                self._is_rung = True
                self._bell.ring()
            raise


_BELLS: Final[WeakKeyDictionary[EventLoop, LoopBell]] = WeakKeyDictionary()


def caller_of(loop: EventLoop) -> Callable[[Callable[[], object]], object]:
    """Return what has an event loop call something, from any thread; to be called on the loop itself."""
    try:
        bell = _BELLS.get(loop)
        if bell is None:
            bell = _BELLS[loop] = _attach(loop)
    except Exception:  # not Linux, no descriptor left, a loop without readers: there always is another way
        return loop.call_soon_threadsafe
    # One that a forked child has inherited would ring at its parent's.
    return bell.call if bell.process_id == os.getpid() else loop.call_soon_threadsafe


def _attach(loop: EventLoop) -> LoopBell:
    bell = Bell(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
    attached = LoopBell(bell)
    # In a context of its own: a reader keeps that of whoever adds it, here a first request with all it refers to.
    Context().run(loop.add_reader, bell.descriptor(), attached.answer)
    return attached
