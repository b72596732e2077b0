"""The producers of this process: drained at the interpreter's exit, and kept untouched in a forked child.

A forked child inherits the parent's objects but none of its threads. Its producers start engines of their own; the
inherited ones are kept until the process ends: their event loops share the parent's epoll set, and closing or
collecting one in the child would take the sockets away from the parent.
"""

from __future__ import annotations

import atexit
import os
import sys

from dekaf.producer._core.closing import Occasion, begin_closing, close_on_thread
from dekaf.producer._core.life import ProducerLife
from dekaf.producer._core.process import FORKS, note_exit

_lives: list[ProducerLife] = []
_inherited: list[ProducerLife] = []


def drain_at_exit(life: ProducerLife) -> None:
    """Have a producer, whose engine has been started, drained at exit."""
    if life not in _lives:
        _lives.append(life)
        life.when_over = _forget_one
    _forget([other for other in _lives if not _is_alive(other)])
    _register_in_multiprocessing()


def inherit(life: ProducerLife) -> None:
    """Keep what belongs to the parent process, untouched."""
    if life.engine is not None:
        _inherited.append(life)
    _forget([life])


def close_at_exit() -> None:
    """Deliver what every producer of this process has accepted, all at once, each within its `close_timeout_ms`."""
    note_exit()
    mine = [life for life in _lives if life.pid == os.getpid() and _is_alive(life)]
    close_on_thread([begin_closing(life, None, Occasion.EXIT) for life in mine])


def _is_alive(life: ProducerLife) -> bool:
    engine = life.engine
    return engine is not None and engine.is_alive()


def _forget_one(life: ProducerLife) -> None:
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
