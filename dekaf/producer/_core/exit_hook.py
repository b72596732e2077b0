"""The producers of this process: drained at the interpreter's exit, and kept untouched in a forked child.

A forked child inherits the parent's objects but none of its threads. Its producers start engines of their own; the
inherited ones are kept until the process ends: their event loops share the parent's epoll set, and closing or
collecting one in the child would take the sockets away from the parent.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from time import monotonic

from dekaf._log_thread import LOG_THREAD, DeferredLogger
from dekaf._threads.gate import ThreadGate
from dekaf.producer._core.closing import LEAST_FOR_LOG, Occasion, begin_closing, close_on_thread
from dekaf.producer._core.life import ProducerLife
from dekaf.producer._core.process import FORKS, note_exit

logger = DeferredLogger("dekaf.producer")

_lives: list[ProducerLife] = []
_inherited: list[ProducerLife] = []
_calling_back: list[ProducerLife] = []  # which are over, but for callbacks that no close has waited for
_longest: list[float] = [0.0]  # `close_timeout_ms` of any of them, in seconds
_after_drain: list[Callable[[], None]] = []


def drain_at_exit(life: ProducerLife) -> None:
    """Have a producer, whose engine has been started, drained at exit."""
    if life not in _lives:
        _lives.append(life)
        life.when_over = _forget_one
        _longest[0] = max(_longest[0], life.close_timeout)
    _forget([other for other in _lives if not _is_alive(other)])
    _register_in_multiprocessing()


def inherit(life: ProducerLife) -> None:
    """Keep what belongs to the parent process, untouched."""
    if life.engine is not None:
        _inherited.append(life)
    _forget([life])


def running() -> list[ProducerLife]:
    """Return the producers of this process that are at work: their engines were started, and are not over."""
    return [life for life in list(_lives) if not life.is_inherited() and _is_alive(life)]


def close_at_exit() -> None:
    """Deliver what every producer of this process has accepted, all at once, each within its `close_timeout_ms`.

    Callbacks of producers that are over, and what is still to be logged, have as long as the longest of these.
    """
    note_exit()
    until = monotonic() + _longest[0]
    mine = [life for life in _lives if life.pid == os.getpid() and _is_alive(life)]
    try:
        close_on_thread([begin_closing(life, None, Occasion.EXIT) for life in mine])
        for life in _calling_back:
            _finish_callbacks(life, until)
        if not LOG_THREAD.write_out(max(LEAST_FOR_LOG, until - monotonic())):
            LOG_THREAD.free_handlers()
    finally:
        for call in _after_drain:
            call()


def run_after_drain(call: Callable[[], None]) -> None:
    """Have a function called at the interpreter's exit, once the producers are drained; not in the order of `atexit`.

    Args:
        call: must not raise.
    """
    _after_drain.append(call)


def _finish_callbacks(life: ProducerLife, until: float) -> None:
    """Let the callbacks of a producer run that is over, and tell how many could not; unless its close has told."""
    ThreadGate.opened_by(life.callbacks.when_done).wait(until - monotonic())
    pending = life.callbacks_pending()
    if pending > 0 and (life.report is None or life.report.callbacks_pending == 0):
        logger.error(
            "%d on_delivery callback(s) have not run in time at exit (client_id %s)",
            pending,
            life.client_id,
            extra={"dekaf_client_id": life.client_id, "dekaf_count": pending},
        )


def _is_alive(life: ProducerLife) -> bool:
    engine = life.engine
    return engine is not None and engine.is_alive()


def _forget_one(life: ProducerLife) -> None:
    for other in list(_calling_back):
        if other.callbacks_pending() == 0 and other in _calling_back:
            _calling_back.remove(other)
    if life.callbacks_pending() > 0:
        _calling_back.append(life)
    _forget([life])


def _forget(lives: list[ProducerLife]) -> None:
    """Take lives off the list, one by one: other threads, and signal handlers, may add theirs meanwhile."""
    for life in lives:
        if life in _lives:
            _lives.remove(life)


def _after_fork_in_child() -> None:
    FORKS.generation += 1
    _inherited.extend(_lives)
    _lives.clear()
    _calling_back.clear()


def _register_in_multiprocessing() -> None:
    """Children of multiprocessing run no exit hooks, only multiprocessing's own finalizers."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    import multiprocessing.util  # noqa: PLC0415 # only where it is in use

    multiprocessing.util.Finalize(None, close_at_exit, exitpriority=0)


# Registered on import: hooks run last in, first out, so the application's own, registered later, may still produce.
atexit.register(close_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
