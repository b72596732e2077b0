"""What a producer must know of its process: forks, the end of the interpreter, and threads that are none.

A forked child inherits the parent's objects but none of its threads. Its producers start engines of their own; the
inherited ones are kept, untouched, until the process ends: their event loops share the parent's epoll set, and closing
or collecting one in the child would take the sockets away from the parent.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from typing import Final, final

from mypy_extensions import i64

from dekaf.errors import ConfigurationError
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import UndeliveredHook
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.producer._waiting.delivery import wait_seconds
from dekaf.types import DrainReport

logger = logging.getLogger("dekaf.producer")

_LEFT_FOR_ABORT: Final = 1.0  # seconds for failing what is left, once the time for delivering it is over


@final
class Forks:
    """Counts the forks this process came from; a producer compares it with what it saw last."""

    def __init__(self) -> None:
        self.generation: i64 = 0


FORKS: Final = Forks()


@final
class LiveEngine:
    """An engine to be drained when the interpreter exits."""

    def __init__(
        self,
        engine: BackendEngine,
        callbacks: CallbackThread,
        on_undelivered: UndeliveredHook | None,
        close_timeout: float,
    ) -> None:
        self.engine: Final = engine
        self.callbacks: Final = callbacks
        self.on_undelivered: Final = on_undelivered
        self.close_timeout: Final = close_timeout
        self.pid: Final = os.getpid()


_live: list[LiveEngine] = []
_inherited: list[BackendEngine] = []
_exiting: list[bool] = []


def is_exiting() -> bool:
    """Return whether the interpreter is past the point where engines are drained."""
    return bool(_exiting)


def register(live: LiveEngine) -> None:
    """Have an engine drained at exit, and the callbacks that this leads to called."""
    _live.append(live)
    _forget([other for other in _live if not other.engine.is_alive()])
    _register_in_multiprocessing()


def inherit(engine: BackendEngine) -> None:
    """Keep an engine that belongs to the parent process, untouched."""
    _inherited.append(engine)
    _forget([live for live in _live if live.engine is engine])


def refuse_patched_threads() -> None:
    """Raise ConfigurationError where gevent or eventlet replaced threads: an I/O thread would freeze the process."""
    for name in ("gevent", "eventlet"):
        patcher = sys.modules.get(f"{name}.monkey" if name == "gevent" else f"{name}.patcher")
        if patcher is None:
            continue
        is_patched = patcher.is_module_patched("threading") if name == "gevent" else patcher.is_monkey_patched("thread")
        if is_patched:
            raise ConfigurationError(
                f"{name} has patched threading, so a producer's I/O thread would take over the whole process. Use "
                "another worker class: gthread, sync or uvicorn's under gunicorn; prefork or threads under Celery."
            )


def close_at_exit() -> None:
    """Deliver what every engine of this process has accepted, all at once, each within its `close_timeout_ms`."""
    _exiting.append(True)
    mine = [live for live in _live if live.pid == os.getpid() and live.engine.is_alive()]
    started = time.monotonic()
    gates = []
    for live in mine:
        live.engine.close_accepting()
        gate = threading.Lock()
        gate.acquire()
        if not live.engine.flush(gate.release):
            gate.release()
        gates.append(gate)
    for live, gate in zip(mine, gates, strict=True):
        gate.acquire(timeout=wait_seconds(started + live.close_timeout - time.monotonic()))
        log_report(finish(live.engine, started), "at exit")
    given_up = time.monotonic()
    for live in mine:
        if live.on_undelivered is not None:
            live.on_undelivered.wait(given_up + live.close_timeout - time.monotonic())
        live.callbacks.stop(max(0.0, started + live.close_timeout - time.monotonic()))


def finish(engine: BackendEngine, started: float) -> DrainReport:
    """End an engine's thread, failing what is left, and report."""
    engine.terminate(_LEFT_FOR_ABORT)
    return engine.statistics.take_report(elapsed=time.monotonic() - started, undelivered=0)


def report_abandoned(statistics: ProducerStatistics, given_up: int, started: float, when: str) -> None:
    """Log that a close nobody waited for gave something up."""
    if given_up > 0:
        elapsed = time.monotonic() - started
        log_report(statistics.take_report(elapsed=elapsed, undelivered=0), when)


def log_report(report: DrainReport, when: str) -> None:
    """Log how a close went: an error if anything was lost."""
    level = logging.INFO if report.ok else logging.ERROR
    logger.log(level, "Producer closed %s: %s", when, report)


def _forget(engines: list[LiveEngine]) -> None:
    """Take engines off the list, one by one: other threads, and signal handlers, may add theirs meanwhile."""
    for live in engines:
        if live in _live:
            _live.remove(live)


def _after_fork_in_child() -> None:
    FORKS.generation += 1
    _inherited.extend([live.engine for live in _live])
    _live.clear()


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
