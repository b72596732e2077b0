"""The engine's only thread: it runs one event loop, which owns sockets and timers."""

from __future__ import annotations

import asyncio
import os
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable
from typing import Any, Final, final

from dekaf._network.native_loop import new_standard_loop
from dekaf._network.timers import call_after_reading
from dekaf._threads.greenlets import is_of_this_greenlet
from dekaf._threads.native_thread import NativeThread
from dekaf._threads.primitives import close_descriptor

# The shortest timer: uvloop rounds delays to milliseconds, and a delay rounded to nothing would spin.
SHORTEST_DELAY: Final = 0.001

# Of a loop that is to be closed: its tasks hear that they are cancelled, lines that were just made are aborted by that,
# and let go of their sockets in the round after.
LAST_ROUNDS: Final = 4

# What a loop opens, with some to spare: uvloop aborts the process where it gets none.
DESCRIPTORS_OF_A_LOOP: Final = 12


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's loop where uvloop is installed, the standard one otherwise.

    Raises:
        OSError: There are not enough file descriptors.
    """
    _require_descriptors(DESCRIPTORS_OF_A_LOOP)
    try:
        import uvloop  # noqa: PLC0415 # optional, and 20 ms to import
    except (ImportError, RuntimeError):  # the latter if the interpreter is on its way out already
        return new_standard_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _require_descriptors(count: int) -> None:
    """Raise OSError unless so many files can be opened."""
    opened: list[int] = []
    try:
        for _ in range(count):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 # those before the failure are to be closed
    finally:
        for descriptor in opened:
            close_descriptor(descriptor)


def has_running_loop() -> bool:
    """Return whether the calling thread, or greenlet, runs an event loop."""
    # The underscored form, which asyncio documents: 20 ns off-loop, where the public one raises, and takes 180.
    loop = _get_running_loop()
    return loop is not None and is_of_this_greenlet(loop)


@final
class IoThread:
    """Run `run_once` on a daemon thread whenever a caller wakes it; the exit hook drains, then lets the thread die."""

    def __init__(
        self, run_once: Callable[[], None], crashed: Callable[[BaseException], None], name: str = "dekaf-io"
    ) -> None:
        self.loop: Final = new_event_loop()
        self._run_once = run_once
        self._crashed = crashed
        self._wake_pending = False
        self._is_ending = False
        self._is_stopped = False
        self._has_ended = False
        self._at_end: deque[Callable[[], None]] = deque()
        self._worker = NativeThread(self._run, name)
        self.loop.set_exception_handler(self._handle)

    def start(self) -> None:
        """Start the thread; RuntimeError or MemoryError if the system gives none."""
        self._worker.start()

    def discard(self) -> None:
        """Close the loop of a thread that could not be started."""
        self.loop.close()

    def wake(self) -> None:
        """Have `run_once` called soon; from any thread, and at once if it was asked for already."""
        if self._wake_pending:
            return
        try:
            self._wake_pending = True
            self.loop.call_soon_threadsafe(self._woken)
        except RuntimeError:  # stopped meanwhile: the engine that stopped it dealt with everything accepted
            self._wake_pending = False
        except BaseException:  # KeyboardInterrupt, for one: no caller would ever wake it again
            self._wake_pending = False
            raise

    def call(self, function: Callable[[], None]) -> bool:
        """Have `function` called on the thread; False if the thread has ended."""
        try:
            self.loop.call_soon_threadsafe(self._guarded, function)
        except RuntimeError:
            return False
        # Scheduled before the last round is certain to run. After it, it may not: the caller must not wait for it.
        return not self._is_ending

    def call_later(self, delay: float, function: Callable[[], None]) -> asyncio.TimerHandle:
        """Call `function` after `delay` seconds; only on the thread itself."""
        return self.loop.call_later(max(SHORTEST_DELAY, delay), self._guarded, function)

    def call_after_reading(self, function: Callable[[], None]) -> None:
        """Call `function` once the sockets were looked at, and what had arrived was dealt with; only on the thread."""

        def guarded() -> None:
            self._guarded(function)

        call_after_reading(self.loop, guarded)

    def stop(self) -> None:
        """End the loop after its present round; from any thread."""
        self._is_stopped = True
        try:
            self.loop.call_soon_threadsafe(self.loop.stop)
        except RuntimeError:
            return

    def when_ended(self, tell: Callable[[], None]) -> bool:
        """Call `tell`, on the thread, as the last thing before it ends; False if it has ended, or never ran."""
        self._at_end.append(tell)
        return not self._has_ended and self._worker.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; False if it still runs after `timeout` seconds."""
        if self._worker.is_alive() and not self.is_current():
            self._worker.join(timeout)
        return not self._worker.is_alive()

    def is_current(self) -> bool:
        """Return whether the caller is on this thread."""
        return self._worker.is_current()

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._worker.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self._run_until_stopped()
        finally:
            self._close_loop()
            self._has_ended = True  # first: whoever adds something from now on looks at it, and waits for nothing
            while self._at_end:
                self._at_end.popleft()()

    def _run_until_stopped(self) -> None:
        """Run the loop; whatever ends it without `stop` is a crash, which must not leave a caller waiting."""
        try:
            self.loop.run_forever()
        except BaseException as error:  # SystemExit and KeyboardInterrupt go through every callback of the loop
            self._crashed(error)
            return
        if not self._is_stopped:
            self._crashed(RuntimeError("its event loop was stopped"))

    def _close_loop(self) -> None:
        self._is_ending = True
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for _ in range(LAST_ROUNDS):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        self.loop.close()

    def _woken(self) -> None:
        self._wake_pending = False  # before looking: whatever is appended from now on wakes again
        self._guarded(self._run_once)

    def _guarded(self, function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:  # nothing may end the thread with records in the buffer
            self._crashed(error)

    def _handle(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # Sockets that break are the connections' business, which hear of it anyway.
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self._crashed(error)
