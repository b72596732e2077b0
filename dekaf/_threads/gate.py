"""ThreadGate: where a thread, or a greenlet, waits until it is opened, for whatever happens less often than outcomes.

And Countdown, for several such things at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._threads.greenlets import HubEvent, may_wait_in_hub, wait_readable
from dekaf._threads.primitives import new_lock, wait_seconds
from dekaf._threads.waker import EventfdWaker, new_greenlet_waker


@final
class ThreadGate:
    """Shut when it is made, and open for good once any thread, or a signal handler, has opened it.

    It is made by the thread, or greenlet, that is to wait.
    """

    def __init__(self) -> None:
        self._shut: Final = new_lock()  # held until the gate is opened
        self._shut.acquire()
        self._waits_in_hub: Final = may_wait_in_hub()
        self._waker: Final[EventfdWaker | None] = new_greenlet_waker() if self._waits_in_hub else None
        self._event: Final[HubEvent | None] = HubEvent() if self._waits_in_hub and self._waker is None else None

    @staticmethod
    def opened_by(start: Callable[[Callable[[], None]], bool]) -> ThreadGate:
        """Return the gate of something that is started here.

        Args:
            start: Starts it, and is given what opens the gate. It answers False where there is nothing to wait for,
                as nothing is left that could open the gate; it is open then.
        """
        gate = ThreadGate()
        if not start(gate.open):
            gate.open()
        return gate

    def open(self) -> None:
        """Let the waiting thread go; opening an open gate does nothing."""
        try:
            self._shut.release()
        except RuntimeError:  # it was open: an engine that ends may both do what it was asked, and say that it cannot
            return
        if self._waker is not None:
            self._waker.wake()
        elif self._event is not None:
            self._event.set()

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is open.

        Args:
            timeout: Seconds, also negative or infinite ones; None waits as long as it takes.

        Returns:
            Whether it is open; False if the time was over first.
        """
        if self._waits_in_hub:
            return self._wait_in_hub(timeout)
        if not self._shut.acquire(timeout=-1 if timeout is None else wait_seconds(timeout)):
            return False
        self.open()  # for the next look
        return True

    def _wait_in_hub(self, timeout: float | None) -> bool:
        deadline = None if timeout is None else monotonic() + wait_seconds(timeout)
        process_id = os.getpid()
        while not self._shut.acquire(blocking=False):
            if (deadline is not None and deadline <= monotonic()) or process_id != os.getpid():
                return False  # a forked child has a copy of the greenlet, and nothing that would open its gate
            if self._waker is not None:
                wait_readable(self._waker.descriptor, deadline)
            elif self._event is not None:
                self._event.wait(deadline)
        self.open()
        return True


@final
class Countdown:
    """Tells once several things are done that go on at the same time.

    Args:
        tell: Called once, by whichever thread does the last of them.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Final = tell
        self._lock: Final = new_lock()  # guards _left
        self._left = 1  # this object itself, until `start` has seen everything

    def add(self, start: Callable[[Callable[[], None]], bool]) -> None:
        """Start something that is given what to call when it is done; it answers False if there is nothing to do."""
        with self._lock:
            self._left += 1
        if not start(self._one_done):
            self._one_done()

    def start(self) -> bool:
        """Begin to wait; False if all is done already, and `tell` will not be called."""
        return not self._is_last()

    def _one_done(self) -> None:
        if self._is_last():
            self._tell()

    def _is_last(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0
