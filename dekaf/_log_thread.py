"""The thread on which the log records of engines and of closing are handled: handlers and filters are users' code.

They may block, raise anything, or never return. Whoever logs here only notes what there is to say; not even a record is
made on its thread. One thread per process, as handlers are the process's, too: started with the first engine, and anew
in a forked child.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, final

from dekaf._threads.application_thread import ApplicationThread
from dekaf._threads.gate import ThreadGate
from dekaf._threads.job_queue import JobQueue
from dekaf._threads.native_thread import thread_name
from dekaf._threads.primitives import get_ident, new_reentrant_lock
from dekaf.process_lock import ProcessLock

__all__ = ("KEPT_FOR_ERRORS", "LOG_THREAD", "MOST_WAITING", "DeferredLogger", "LogThread", "facts")

MOST_WAITING: Final = 1_000  # lines, behind a handler that is slow; what is more is dropped, and counted
KEPT_FOR_ERRORS: Final = 100  # places beyond these: what was lost is still told when a storm of details is not


class Line(NamedTuple):
    """Something to be logged, and where and when it was."""

    logger: logging.Logger
    level: int
    message: str
    args: tuple[object, ...]
    error: BaseException | None
    extra: dict[str, object] | None  # becomes attributes of the record
    created: float  # seconds since 1970
    thread: int | None
    thread_name: str
    file: str
    line: int
    function: str

    def write(self) -> None:
        """Make the record, as if it had been made at the time, and have it handled."""
        error = self.error
        raised = None if error is None else (type(error), error, error.__traceback__)
        record = self.logger.makeRecord(
            self.logger.name,
            self.level,
            self.file,
            self.line,
            self.message,
            self.args,
            raised,
            self.function,
            self.extra,
        )
        record.relativeCreated -= (record.created - self.created) * 1000.0
        record.created = self.created
        record.msecs = float(int(self.created * 1000.0) % 1000)
        record.thread = self.thread
        record.threadName = self.thread_name
        self.logger.handle(record)


@final
class LogThread:
    """Every method may be called from any thread, also by finalizers and signal handlers; none runs a user's code."""

    def __init__(self, name: str = "dekaf-log") -> None:
        self._name: Final = name
        self._renewing: Final = ProcessLock(new_reentrant_lock)
        self.begin_afresh()

    def begin_afresh(self) -> None:
        """Forget everything: a forked child's lines are its own, and its parent's thread is not there."""
        self._lines: deque[Line | Callable[[], None]] = deque()  # the first is being written
        self._bells: JobQueue[None] = JobQueue()  # one for each line
        self._lock = new_reentrant_lock()  # guards _worker and _dropped; re-entrant for a signal handler
        self._worker: ApplicationThread | None = None
        self._dropped = 0
        self._process_id = os.getpid()  # last: another thread of the child that finds it relies on the rest

    def start(self) -> bool:
        """Start the thread unless it runs; False if the system, or an interpreter that exits, gives none."""
        self._renew_if_forked()
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return True
            worker = ApplicationThread(self._work, self._name)
            try:
                worker.start()
            except (RuntimeError, MemoryError):
                return False
            self._worker = worker
        return True

    def put(self, line: Line) -> None:
        """Have a line written, after those before it."""
        self._renew_if_forked()
        most = MOST_WAITING if line.level < logging.ERROR else MOST_WAITING + KEPT_FOR_ERRORS
        if len(self._lines) >= most:
            with self._lock:
                self._dropped += 1
            return
        self._append(line)

    def when_written(self, tell: Callable[[], None]) -> bool:
        """Call `tell`, on this thread, once all lines up to now are written.

        Returns:
            False if there is nothing to wait for: no line, no thread, or the caller is a log handler.
        """
        self._renew_if_forked()
        worker = self._worker
        if (not self._lines and not self._dropped) or (worker is not None and worker.is_current()):
            return False
        return self._append(tell)

    def write_out(self, timeout: float) -> bool:
        """Wait until all lines up to now are written; False if that takes longer than `timeout` seconds."""
        return ThreadGate.opened_by(self.when_written).wait(timeout)

    def free_handlers(self) -> None:
        """Let `logging.shutdown` go past a handler that hangs here, with its lock held, as the interpreter exits."""
        line = self._lines[0] if self._lines else None
        logger = line.logger if isinstance(line, Line) else None
        while logger is not None:
            for handler in logger.handlers:
                _free(handler)
                target = getattr(handler, "target", None)  # of a MemoryHandler
                if isinstance(target, logging.Handler):
                    _free(target)
            logger = logger.parent if logger.propagate else None

    def _append(self, line: Line | Callable[[], None]) -> bool:
        self._lines.append(line)
        self._bells.put(None)
        worker = self._worker
        return (worker is not None and worker.is_alive()) or self.start()

    def _renew_if_forked(self) -> None:
        if self._process_id == os.getpid():
            return
        with self._renewing:
            if self._process_id != os.getpid():  # forked by a server that runs no hooks
                self.begin_afresh()

    def _work(self) -> None:
        lines, bells = self._lines, self._bells
        while lines is self._lines:  # or a handler has forked, and this is the child
            bells.get()
            while lines and lines is self._lines:
                self._tell_dropped()
                self._write(lines[0])
                lines.popleft()  # only now: who waits looks whether there is any

    def _write(self, line: Line | Callable[[], None]) -> None:
        with contextlib.suppress(BaseException):  # SystemExit and MemoryError, too: the next line is another's
            if isinstance(line, Line):
                line.write()
            else:
                line()

    def _tell_dropped(self) -> None:
        with self._lock:
            dropped = self._dropped
            self._dropped = 0
        if dropped:
            said = "%d log record(s) of dekaf were dropped: the log's handlers take too long"
            self._write(
                _line(logging.getLogger("dekaf"), logging.WARNING, said, (dropped,), None, {"dekaf_count": dropped})
            )


LOG_THREAD: Final = LogThread()


def facts(  # one per fact
    client_id: str | None,
    *,
    topic: str | None = None,
    partition: int | None = None,
    count: int | None = None,
    broker: str | None = None,
    error: BaseException | None = None,
) -> dict[str, object]:
    """Return the facts of a line, for its `extra`, by the names that are documented; without those not given.

    Args:
        client_id: Of the producer whose line it is.
        topic: What it is about.
        partition: The same.
        count: How many messages, callbacks or lines.
        broker: Host and port.
        error: Its class is told; its text is in the message.
    """
    named: dict[str, object] = {
        "dekaf_client_id": client_id,
        "dekaf_topic": topic,
        "dekaf_partition": partition,
        "dekaf_count": count,
        "dekaf_broker": broker,
        "dekaf_error": None if error is None else type(error).__name__,
    }
    return {name: value for name, value in named.items() if value is not None}


@final
class DeferredLogger:
    """A logger, by its name, whose records are handled on the log thread.

    What its level leaves out costs a look at the level, and none of an application's code or locks.

    The facts in `extra` have names that begin with `dekaf_`, so that they are not those of a record's own attributes.
    """

    def __init__(self, name: str, log_thread: LogThread = LOG_THREAD) -> None:
        self._logger: Final = logging.getLogger(name)
        self._log_thread: Final = log_thread

    def debug(self, message: str, *args: object, extra: dict[str, object] | None = None) -> None:
        """Log a detail."""
        self.log(logging.DEBUG, message, *args, extra=extra)

    def info(self, message: str, *args: object, extra: dict[str, object] | None = None) -> None:
        """Log news."""
        self.log(logging.INFO, message, *args, extra=extra)

    def warning(self, message: str, *args: object, extra: dict[str, object] | None = None) -> None:
        """Log what somebody should look at."""
        self.log(logging.WARNING, message, *args, extra=extra)

    def error(
        self,
        message: str,
        *args: object,
        error: BaseException | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        """Log what went wrong, with the traceback of `error`."""
        self.log(logging.ERROR, message, *args, error=error, extra=extra)

    def log(
        self,
        level: int,
        message: str,
        *args: object,
        error: BaseException | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        """Log at a level of `logging`."""
        if self._is_enabled_for(level):
            self._log_thread.put(_line(self._logger, level, message, args, error, extra))

    def _is_enabled_for(self, level: int) -> bool:
        # Not the logger's own answer: it may be of an application's class, and takes a lock of the whole logging, which
        # is held while an application makes its handlers.
        logger = self._logger
        if logger.disabled or logger.manager.disable >= level:
            return False
        return level >= logging.Logger.getEffectiveLevel(logger)


def _line(
    logger: logging.Logger,
    level: int,
    message: str,
    args: tuple[object, ...],
    error: BaseException | None,
    extra: dict[str, object] | None,
) -> Line:
    frame = sys._getframe(1)  # noqa: SLF001 # as the standard library's logging does
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    code = frame.f_code
    return Line(
        logger,
        level,
        message,
        args,
        error,
        extra,
        time.time(),
        get_ident(),
        thread_name(),
        code.co_filename,
        frame.f_lineno,
        code.co_name,
    )


def _free(handler: logging.Handler) -> None:
    lock = handler.lock
    if lock is None:
        return
    if lock.acquire(blocking=False):
        lock.release()
    else:
        handler.createLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LOG_THREAD.begin_afresh)
