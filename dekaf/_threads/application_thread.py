"""ApplicationThread: where an application's code runs beside its own: callbacks, and handlers of its log."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, final

from dekaf._threads.greenlets import current_greenlet, main_hub, may_wait_in_hub, nap, spawn
from dekaf._threads.native_thread import NativeThread
from dekaf._threads.primitives import new_lock, wait_seconds

__all__ = ("ApplicationThread",)


@final
class ApplicationThread:
    """A thread; a greenlet where gevent has made greenlets of the application's threads.

    What such code shares with the application, above all the locks of logging's handlers, works between greenlets only:
    a greenlet that waits for a lock which a real thread holds may never hear that it is free (seen with gevent 26.9,
    without dekaf). Every method may be called from any thread.

    Args:
        target: What it does; it contains what is raised. It waits for work in `JobQueue.get`.
        name: Of the thread, in logs.
    """

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self.name: Final = name
        self._target: Final = target
        self._native: NativeThread | None = None
        self._greenlet: Any = None
        self._running: Final = new_lock()  # held while the greenlet runs
        self._process_id = 0  # of the greenlet

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: The system, or an interpreter that exits, gives no thread.
            MemoryError: There is no memory for one.
        """
        hub = main_hub()
        if hub is None:
            self._native = NativeThread(self._target, self.name)
            self._native.start()
            return
        self._running.acquire()
        self._process_id = os.getpid()
        hub.loop.run_callback_threadsafe(self._spawn)

    def is_alive(self) -> bool:
        """Return whether it was started, and has not ended; a forked child has none of its parent's."""
        native = self._native
        if native is not None:
            return native.is_alive()
        return self._running.locked() and self._process_id == os.getpid()

    def is_current(self) -> bool:
        """Return whether the caller runs on it."""
        native = self._native
        if native is not None:
            return native.is_current()
        return self._greenlet is not None and self._greenlet is current_greenlet()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for its end."""
        native = self._native
        if native is not None:
            native.join(timeout)
        elif may_wait_in_hub():
            until = monotonic() + timeout
            while self.is_alive() and monotonic() < until:
                nap()
        elif self.is_alive() and self._running.acquire(timeout=wait_seconds(timeout)):
            self._running.release()

    def _spawn(self) -> None:
        self._greenlet = spawn(self._run)

    def _run(self) -> None:
        threading.current_thread().name = self.name  # in the application's logs
        try:
            self._target()
        finally:
            self._greenlet = None
            self._running.release()
