"""drain_on_sigterm: SIGTERM becomes an ordinary end of the process, at whose exit producers are drained.

Python ends at once on SIGTERM, without `finally` and exit hooks; uvicorn finishes its requests, and then sends itself
the signal it was sent. The handler here drains nothing by itself: requests are still under way, and it may have
interrupted anything. It sees to it that exit hooks run, dekaf's among them.
"""

from __future__ import annotations

import os
import signal
import threading
from enum import Enum
from types import FrameType
from typing import Any, Final, final

from dekaf.errors import ConfigurationError
from dekaf.producer._core.exit_hook import run_after_drain

__all__ = ("SigtermDrain", "drain_on_sigterm", "sigterm_drain")

_EXIT_CODE: Final = 128 + signal.SIGTERM  # what a shell says of a process that a signal ended
_NO_BLOCKING: Final = not hasattr(signal, "pthread_sigmask")  # Windows, where no server sends itself the signal


class SigtermDrain(Enum):
    """Whether a SIGTERM lets exit hooks run in this process, because of `drain_on_sigterm`."""

    NOT_ASKED_FOR = "not asked for"
    IN_FORCE = "in force"
    REPLACED = "replaced"


def drain_on_sigterm() -> None:
    """Have SIGTERM end this process in the ordinary way, so that producers are drained at its exit.

    For scripts, jobs and commands, and for servers that end by the signal they were sent without running a lifespan. It
    never drains in the handler. Without a handler so far, SIGTERM raises `SystemExit(143)` in the main thread:
    `finally`, transactions and exit hooks run, and a second SIGTERM kills. With a handler, a server's, that one is
    called each time, and the signal that the server sends itself in the end has to wait until the producers are
    drained. A signal that is ignored stays ignored, and one that is handled outside of Python is left to its handler.

    Call it where the process that is to be drained begins. A worker that is forked from a preloaded application has
    signal handlers of its own: call it in gunicorn's `post_worker_init`. Calling it again does nothing.

    Raises:
        ConfigurationError: It is not called in the main thread, where Python runs signal handlers.

    Example:
        >>> if __name__ == "__main__":
        ...     drain_on_sigterm()
        ...     main()
    """
    if threading.current_thread() is not threading.main_thread():
        raise ConfigurationError(
            "drain_on_sigterm() is called in another thread than the main one, where Python runs signal handlers: call "
            "it where the program begins."
        )
    _state.pid = os.getpid()
    previous = signal.getsignal(signal.SIGTERM)
    if _is_left_alone(previous):
        return
    signal.signal(signal.SIGTERM, _Handler(previous))
    if not _state.is_hooked:
        _state.is_hooked = True
        run_after_drain(_let_the_signal_come)


def sigterm_drain() -> SigtermDrain:
    """Return whether `drain_on_sigterm` was called, and what it set up still holds in this process."""
    if _state.pid is None:
        return SigtermDrain.NOT_ASKED_FOR
    current = signal.getsignal(signal.SIGTERM)
    if _is_left_alone(current):
        return SigtermDrain.IN_FORCE
    # uvicorn keeps what it finds, and puts it back before it sends itself the signal.
    is_kept = _state.pid == os.getpid() and type(getattr(current, "__self__", None)).__module__ == "uvicorn.server"
    return SigtermDrain.IN_FORCE if is_kept else SigtermDrain.REPLACED


def _is_left_alone(handler: Any) -> bool:
    """Return whether a handler is ours, ignores the signal, or is outside of Python (None), as uWSGI's."""
    return handler is signal.SIG_IGN or handler is None or isinstance(handler, _Handler)


@final
class _Handler:
    """Handles SIGTERM in the main thread.

    Args:
        previous: What handled it before.
    """

    def __init__(self, previous: Any) -> None:
        self.previous: Final = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Call the server's handler, or else end the program; the exit hooks drain."""
        if not callable(self.previous):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one kills
            raise SystemExit(_EXIT_CODE)
        # Before the server's handler, which may raise. In this thread alone: another signal from outside reaches
        # another thread, and by it this handler; gunicorn repeats its own every second while a worker takes its time.
        _block()
        self.previous(number, frame)


@final
class _State:
    """What was asked for in this process, or in the one it was forked from."""

    def __init__(self) -> None:
        self.pid: int | None = None  # of the process that asked
        self.is_hooked = False


_state: Final = _State()


def _block() -> None:
    if not _NO_BLOCKING:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_the_signal_come() -> None:
    """Let the signal that a server has sent itself take effect, now that the producers are drained."""
    if _NO_BLOCKING or threading.current_thread() is not threading.main_thread():
        return
    current = signal.getsignal(signal.SIGTERM)
    if isinstance(current, _Handler):  # it would raise in an exit hook
        signal.signal(signal.SIGTERM, current.previous)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
