"""The producers of this process: drained at the interpreter's exit, and kept untouched in a forked child.

A forked child inherits the parent's objects but none of its threads. Its producers start engines of their own; the
inherited ones are kept until the process ends: their event loops share the parent's epoll set, and closing or
collecting one in the child would take the sockets away from the parent.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple, final

from dekaf._log_thread import LOG_THREAD, DeferredLogger
from dekaf._threads.gate import ThreadGate
from dekaf.producer._core.closing import LEAST_FOR_LOG, Occasion, begin_closing, close_on_thread
from dekaf.producer._core.life import LifeState, ProducerLife
from dekaf.producer._core.process import FORKS, note_exit
from dekaf.producer._engine.statistics import ProducerStatistics

logger = DeferredLogger("dekaf.producer")

# Producers that may end between two looks at what they had counted. They take 8 KB each, and more with many topics.
MOST_ENDED: Final = 1_000


@final
class EndedProducer(NamedTuple):
    """What is left of a producer that is over."""

    client_id: str
    statistics: ProducerStatistics
    connects: int  # of its last engine


@final
class EndedProducers:
    """Those of this process, until somebody fetches them; it takes no lock, for finalizers add to it."""

    def __init__(self) -> None:
        self.is_wanted = False
        self._ended: Final[deque[EndedProducer]] = deque(maxlen=MOST_ENDED)

    def add(self, life: ProducerLife) -> None:
        """Keep what a producer has counted, if that is wanted, and once: several may have closed it."""
        if self.is_wanted and not life.has_ended and not life.is_inherited():
            connects = 0 if life.engine is None else life.engine.connects()
            self._ended.append(EndedProducer(life.client_id, life.statistics, connects))
        life.has_ended = True

    def clear(self) -> None:
        """Forget them."""
        self._ended.clear()

    def fetch(self) -> list[EndedProducer]:
        """Return them, and keep them no longer."""
        fetched: list[EndedProducer] = []
        while self._ended:
            fetched.append(self._ended.popleft())
        return fetched


ENDED: Final = EndedProducers()

_lives: list[ProducerLife] = []
_inherited: list[ProducerLife] = []
_calling_back: list[ProducerLife] = []  # which are over, but for callbacks that no close has waited for
_longest: list[float] = [0.0]  # `close_timeout_ms` of any of them, in seconds
_spent: list[float] = [0.0]  # of that, by flushing before
_after_drain: list[Callable[[], None]] = []


def drain_at_exit(life: ProducerLife) -> None:
    """Have a producer, whose engine has been started, drained at exit."""
    if life not in _lives:
        _lives.append(life)
        life.when_over = _forget_one
        _longest[0] = max(_longest[0], life.close_timeout)
    for other in [other for other in _lives if other.state is LifeState.CLOSED and not _is_alive(other)]:
        ENDED.add(other)
        _forget([other])
    _register_in_multiprocessing()


def inherit(life: ProducerLife) -> None:
    """Keep what belongs to the parent process, untouched."""
    if life.engine is not None:
        _inherited.append(life)
    _forget([life])


def begun() -> list[ProducerLife]:
    """Return the producers of this process whose engines were started, until they have ended."""
    return [life for life in list(_lives) if not life.has_ended and not life.is_inherited()]


def close_at_exit() -> None:
    """Deliver what every producer of this process has accepted, all at once, each within its `close_timeout_ms`.

    Callbacks of producers that are over, and what is still to be logged, have as long as the longest of these.
    """
    note_exit()
    spent = _spent[0]
    until = monotonic() + _longest[0] - spent
    mine = [life for life in _lives if life.pid == os.getpid() and _is_alive(life)]
    try:
        close_on_thread([begin_closing(life, max(0.0, life.close_timeout - spent), Occasion.EXIT) for life in mine])
        for life in _calling_back:
            _finish_callbacks(life, until)
        if not LOG_THREAD.write_out(max(LEAST_FOR_LOG, until - monotonic())):
            LOG_THREAD.free_handlers()
    finally:
        for call in _after_drain:
            call()


def flush_before_exit_hooks() -> None:
    """Have producers flushed at the interpreter's exit before the hooks run that are registered with `atexit` by now.

    Among these are the ends of exporters, which would not hear of what is delivered only when producers are drained.
    Those hooks may still produce. It takes of the time that producers have for being drained.
    """
    atexit.register(_flush)


def _flush() -> None:
    """Deliver what was accepted, and let callbacks run."""
    began = monotonic()
    mine = [life for life in begun() if _is_alive(life)]
    engines = [life.engine for life in mine]
    gates = [ThreadGate.opened_by(engine.flush) for engine in engines if engine is not None]
    for life, gate in zip(mine, gates, strict=True):
        gate.wait(_until(life, began) - monotonic())
    for life in mine:
        ThreadGate.opened_by(life.callbacks.when_done).wait(_until(life, began) - monotonic())
        life.callbacks.run_here(_until(life, began))  # an interpreter that exits starts no thread, since Python 3.12
    _spent[0] += monotonic() - began


def _until(life: ProducerLife, began: float) -> float:
    return began + life.close_timeout - _spent[0]


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
    ENDED.add(life)  # first: at each moment it is in one of the lists, or in both
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
    ENDED.clear()


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
