"""ThreadGate: where a thread waits until another one opens it, for whatever happens less often than outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, final

from dekaf.producer._waiting.timeouts import wait_seconds


@final
class ThreadGate:
    """Shut when it is made, and open for good once any thread, or a signal handler, has opened it."""

    def __init__(self) -> None:
        self._shut: Final = threading.Lock()  # held until the gate is opened
        self._shut.acquire()

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

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is open.

        Args:
            timeout: Seconds, also negative or infinite ones; None waits as long as it takes.

        Returns:
            Whether it is open; False if the time was over first.
        """
        if not self._shut.acquire(timeout=-1 if timeout is None else wait_seconds(timeout)):
            return False
        self.open()  # for the next look
        return True
