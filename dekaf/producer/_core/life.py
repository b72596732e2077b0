"""ProducerLife: a producer's life in one process: whether it is open, its engine, and what outlives an engine.

A core has one, and another in every forked child. It knows nothing of the core: one that was abandoned can be collected
while its life goes on until what was accepted is delivered.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Final, final

from dekaf._log_thread import LOG_THREAD
from dekaf._threads.primitives import new_reentrant_lock
from dekaf.errors import DekafError, OutOfResourcesError, ProducerClosedError, caused_error
from dekaf.producer._buffer.batch import BatchListener
from dekaf.producer._core.process import FORKS, is_exiting, refuse_eventlet, refuse_silent_fork
from dekaf.producer._engine.engine import Engine, EngineSettings
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._engine.offline import OfflineEngine
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import UndeliveredHook
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.producer._waiting.loop_waker import EventLoop
from dekaf.producer._waiting.mailbox import LoopMailbox
from dekaf.producer.config import ProducerConfig
from dekaf.producer.produced import MemoryPlace, ProducedMessages
from dekaf.types import DrainReport, ProducerState


class LifeState(Enum):
    """It only moves down."""

    OPEN = "open"
    CLOSING = "closing"  # accepts nothing more, delivers what it has
    CLOSED = "closed"


@final
class ProducerLife:
    """Every method may be called from any thread.

    Args:
        config: The producer's.
        before: In a forked child the parent's life, of which nothing is used but whether it was open, and its report:
            not even its locks, which threads may hold that the child does not have.
        place: Where a test keeps what is produced; None otherwise.
    """

    def __init__(self, config: ProducerConfig, before: ProducerLife | None, place: MemoryPlace | None = None) -> None:
        self.pid: Final = os.getpid()
        self.generation: Final = FORKS.generation
        self.state = LifeState.OPEN
        self.report: DrainReport | None = None  # of the close, of which there is one
        if before is not None:
            self.state = LifeState.OPEN if before.state is LifeState.OPEN else LifeState.CLOSED
            self.report = before.report
        # Re-entrant, as a signal handler that closes may interrupt the thread that holds them.
        self.lock: Final = new_reentrant_lock()  # guards the state, and the starting and replacing of engines
        self.reporting: Final = new_reentrant_lock()  # guards the report
        self.engine: BackendEngine | None = None
        self.when_over: Callable[[ProducerLife], None] | None = None  # called once nothing is left to be drained
        self.has_ended = False  # that was noted
        self.client_id: Final = config.client_id  # tells this producer's log lines from others'
        self.close_timeout: Final = config.close_timeout_ms / 1000.0
        self.statistics: Final = ProducerStatistics(wake=self.wake, client_id=config.client_id)
        self.callbacks: Final = CallbackThread(f"dekaf-callbacks {config.client_id}")
        self.statistics.post = self.callbacks.run
        self.listener: Final = BatchListener(
            self.statistics.unobserved_failure, self.statistics.callback_failed, self.callbacks.post
        )
        self.listener.callbacks_dropped = self.statistics.drop_callbacks
        self.mailboxes: dict[EventLoop, LoopMailbox] = {}  # of the event loops that produce
        self.on_undelivered: UndeliveredHook | None = None
        if config.on_undelivered is not None:
            self.on_undelivered = UndeliveredHook(config.on_undelivered, self.callbacks, self.client_id)
        self.produced: ProducedMessages | None = None
        if config.backend == "memory":
            self.produced = _memory(config, before, place)
        self._alias: Final = None if place is None else place.alias
        self._backend: Final = config.backend

    def over(self) -> None:
        """Let those who keep it know that its engine has ended."""
        when_over = self.when_over
        if when_over is not None:
            when_over(self)

    def callbacks_pending(self) -> int:
        """Return how many `on_delivery` callbacks are due and have not run, wherever they are to."""
        mailboxes = list(self.mailboxes.values())  # in one step: other threads' loops come and go meanwhile
        return self.callbacks.backlog.pending() + sum(mailbox.callbacks_pending() for mailbox in mailboxes)

    def is_inherited(self) -> bool:
        """Return whether this is the life of the process from which the present one was forked."""
        return self.generation != FORKS.generation or self.pid != os.getpid()

    def check_open(self) -> None:
        """Raise ProducerClosedError if nothing may be accepted any more."""
        if is_exiting():
            raise ProducerClosedError("The interpreter is exiting, and producers have been closed.")
        if self.state is not LifeState.OPEN:
            raise ProducerClosedError(
                "The producer is closed; make a new one, or close it later. One of an adapter or a test fixture is for "
                "the moment: look it up where you produce, and keep it nowhere."
            )

    def running_engine(self) -> BackendEngine | None:
        """Return the engine, if it accepts records."""
        engine = self.engine
        return engine if engine is not None and engine.is_running() and self.state is LifeState.OPEN else None

    def start(self, settings: EngineSettings) -> BackendEngine:
        """Return the engine that runs, starting one if there is none; only while holding the lock.

        Raises:
            ProducerClosedError: The producer was closed, or the interpreter exits.
            ConfigurationError: uWSGI is about to fork this process, and will not tell Python; or eventlet is in force.
            OutOfResourcesError: The system gives no thread, no file descriptor or no memory.
        """
        self.check_open()
        engine = self.engine
        if engine is not None and engine.is_running():
            return engine
        if self._backend == "kafka":
            refuse_eventlet()  # which may have patched them since the producer was made
            refuse_silent_fork()
        is_restart = engine is not None
        connects_before = 0 if engine is None else engine.connects()
        try:
            engine = self._new_engine(settings)
            engine.start()
        except (RuntimeError, OSError, MemoryError) as error:
            raise caused_error(_no_resources_error(error), error) from error
        if is_restart:
            self.statistics.engine_restarts += 1
            self.statistics.connects_before += connects_before
        LOG_THREAD.start()  # for the same reason as below
        if self.on_undelivered is not None:
            self.callbacks.start()  # an interpreter that exits, when it is most needed, may start no thread
        self.engine = engine
        if self._was_closed():  # by a signal handler, in this very moment
            engine.terminate(_nothing)  # nothing was accepted yet
            raise ProducerClosedError("The producer was closed while it started.")
        return engine

    def wake(self) -> None:
        """Have the engine, if there is one, look."""
        engine = self.engine
        if engine is not None:
            engine.wake()

    def last_error(self) -> DekafError | None:
        """Return why no broker is connected at present."""
        engine = self.engine
        return None if engine is None else engine.last_error()

    def producer_state(self) -> ProducerState:
        """Return the state as users see it."""
        if self.state is LifeState.CLOSED:
            return ProducerState.CLOSED
        if self.state is LifeState.CLOSING:
            return ProducerState.CLOSING
        engine = self.engine
        return ProducerState.IDLE if engine is None or not engine.is_running() else ProducerState.RUNNING

    def _was_closed(self) -> bool:
        return self.state is not LifeState.OPEN

    def _new_engine(self, settings: EngineSettings) -> BackendEngine:
        if self._backend == "kafka":
            return Engine(settings, self.listener, self.statistics, self.on_undelivered)
        return OfflineEngine(
            self._backend,
            settings.limits,
            settings.partitioner,
            self.listener,
            self.statistics,
            self.produced,
            self._alias,
        )


def _nothing() -> None:
    """Nothing waits for the end."""


def _memory(config: ProducerConfig, before: ProducerLife | None, place: MemoryPlace | None) -> ProducedMessages:
    """Return where messages are kept; a child has a memory of its own."""
    if place is None:
        return ProducedMessages(config.buffer_memory)
    return place.memory if before is None else ProducedMessages(None)


def _no_resources_error(error: RuntimeError | OSError | MemoryError) -> DekafError:
    if isinstance(error, RuntimeError) and "shutdown" in str(error):
        # "can't create new thread at interpreter shutdown", since Python 3.12
        return ProducerClosedError("The interpreter is exiting and starts no more threads.")
    needed, mend = "memory", "free some"
    if isinstance(error, RuntimeError):
        needed, mend = "a thread", "raise the limit of threads or processes (ulimit -u, pids.max)"
    elif isinstance(error, OSError):
        needed, mend = "file descriptors", "raise the limit (ulimit -n)"
    reason = str(error) or type(error).__name__
    return OutOfResourcesError(
        f"A producer needs {needed} to start, and the system gives none: {reason}. Use less elsewhere, or {mend}.",
        is_retriable=True,
    )
