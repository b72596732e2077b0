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

from dekaf._threads.waker import EventfdWaker, new_waker


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
class LoopWaker:
    """The waker of one event loop, for as long as the loop lives, whichever producers come and go."""

    def __init__(self, waker: EventfdWaker) -> None:
        self.process_id: Final = waker.process_id
        self._waker: Final = waker
        self._calls: deque[Callable[[], object]] = deque()
        self._is_awake = False

    def call(self, function: Callable[[], object]) -> None:
        """Have `function` called on the loop; from any thread."""
        self._calls.append(function)
        if self._is_awake:
            return
        try:
            self._is_awake = True
            self._waker.wake()
        except BaseException:  # KeyboardInterrupt, for one: no thread would ever wake the loop again
            self._is_awake = False
            raise

    def answer(self) -> None:
        """Make the calls; what the loop does when it is woken."""
        try:
            self._waker.clear()
            self._is_awake = False  # before looking: a thread that asks from now on wakes it again
            for _ in range(len(self._calls)):
                self._calls.popleft()()
        except BaseException:  # the loop's owner wants to end it, but may well run it again
            self._is_awake = True
            self._waker.wake()
            raise


_WAKERS: Final[WeakKeyDictionary[EventLoop, LoopWaker]] = WeakKeyDictionary()


def threadsafe_call(loop: EventLoop) -> Callable[[Callable[[], object]], object]:
    """Return what has an event loop call something, from any thread; to be asked for on the loop itself."""
    try:
        waker = _WAKERS.get(loop) or _attach(loop)
    except Exception:  # a loop without readers, or without weak references: there always is another way
        return loop.call_soon_threadsafe
    # One that a forked child has inherited would wake its parent's.
    if waker is None or waker.process_id != os.getpid():
        return loop.call_soon_threadsafe
    return waker.call


def _attach(loop: EventLoop) -> LoopWaker | None:
    _forget_closed_loops()
    waker = new_waker(blocks=False)
    if waker is None:
        return None
    attached = LoopWaker(waker)
    # In a context of its own: a reader keeps that of the code that adds it, here a first request with all it refers to.
    Context().run(loop.add_reader, waker.descriptor, attached.answer)
    _WAKERS[loop] = attached
    return attached


def _forget_closed_loops() -> None:
    """Let go of loops that were closed with calls still to be made: those lead back to the loop, and keep it alive."""
    for reference in _WAKERS.keyrefs():
        loop = reference()
        if loop is not None and loop.is_closed():
            _WAKERS.pop(loop, None)
