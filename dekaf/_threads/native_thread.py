"""NativeThread: a thread of the operating system that works for dekaf, also where `threading` makes greenlets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._threads.greenlets import leave_hub, make_first_hub, may_wait_in_hub, nap
from dekaf._threads.primitives import get_ident, is_patched, new_lock, start_thread, wait_seconds

__all__ = ("NativeThread", "thread_name")


@final
class NativeThread:
    """One of `threading`, which debuggers and `threading.enumerate` know; below it, once gevent has replaced that.

    It never keeps the process from ending. Every method may be called from any thread.

    Args:
        target: What it does; it contains what is raised.
        name: Of the thread, in logs.
    """

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self.name: Final = name
        self._target: Final = target
        self._known: threading.Thread | None = None  # where `threading` makes real ones
        self._running: Final = new_lock()  # held while it runs
        self.ident: int | None = None  # its own, from when it begins
        self._process_id = 0  # in which it was started

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: The system, or an interpreter that exits, gives no thread.
            MemoryError: There is no memory for one.
        """
        self._running.acquire()
        self._process_id = os.getpid()
        try:
            if is_patched():
                make_first_hub()
                start_thread(self._run_unknown, ())
            else:
                self._known = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._known.start()
        except BaseException:
            self._known = None
            self._running.release()
            raise

    def is_alive(self) -> bool:
        """Return whether it was started, and has not ended; a forked child has none of its parent's."""
        if self._process_id != os.getpid():
            return False
        known = self._known
        return self._running.locked() if known is None else known.is_alive()

    def is_current(self) -> bool:
        """Return whether the caller is on this thread."""
        # A forked child's threads may have the idents of its parent's.
        return self.ident == get_ident() and self._process_id == os.getpid()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for its end."""
        if may_wait_in_hub():
            until = monotonic() + timeout
            while self.is_alive() and monotonic() < until:
                nap()
        elif self._known is not None:
            self._known.join(wait_seconds(timeout))
        elif self.is_alive() and self._running.acquire(timeout=wait_seconds(timeout)):
            self._running.release()

    def _run(self) -> None:
        self.ident = get_ident()
        try:
            self._target()
        finally:
            self.ident = None
            self._running.release()

    def _run_unknown(self) -> None:
        """Run as a thread of which `threading` has not heard, nor shall: it would take a lock that is greenlets'."""
        ident = get_ident()
        _NAMES[ident] = self.name
        try:
            self._run()
        finally:
            _NAMES.pop(ident, None)
            leave_hub()


_NAMES: Final[dict[int, str]] = {}  # of the threads of which `threading` has not heard, by ident


def thread_name() -> str:
    """Return the name of the calling thread, for logs."""
    return _NAMES.get(get_ident()) or threading.current_thread().name
