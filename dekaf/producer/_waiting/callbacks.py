"""The thread on which a thread producer's callbacks run, started when the first one is due."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._threads.application_thread import ApplicationThread
from dekaf._threads.job_queue import JobQueue
from dekaf._threads.primitives import Empty, new_reentrant_lock
from dekaf.producer._waiting.backlog import CallbackBacklog
from dekaf.producer._waiting.mailbox import CallbackGroup, CountedCallbacks


@final
class CallbackThread:
    """Run callbacks one after the other, so that they keep the order in which they are posted."""

    def __init__(self, name: str = "dekaf-callbacks") -> None:
        self.backlog: Final = CallbackBacklog(f"on the thread '{name}'")
        self._name: Final = name
        self._jobs: JobQueue[Callable[[], None] | None] = JobQueue()
        # Guards _worker. Re-entrant: a signal handler that closes may interrupt the thread that starts one.
        self._lock: Final = new_reentrant_lock()
        self._worker: ApplicationThread | None = None
        self._is_stopped = False

    def post(self, group: CallbackGroup) -> None:
        """Have a group notified; from any thread."""
        self.run(CountedCallbacks(group, self.backlog).notify)

    def run(self, job: Callable[[], None]) -> None:
        """Have `job` called; from any thread."""
        self._jobs.put(job)
        if self._worker is None:
            self.start()

    def is_current(self) -> bool:
        """Return whether the caller is a callback."""
        worker = self._worker
        return worker is not None and worker.is_current()  # mostly there is none

    def is_running(self) -> bool:
        """Return whether the thread runs."""
        return self._worker is not None

    def when_done(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once what was posted has run; False if there is nothing to wait for, or no thread to run it."""
        if self._worker is None and self._jobs.empty():
            return False  # as for all who use no callbacks
        self.run(tell)
        return self._worker is not None

    def stop(self, timeout: float) -> None:
        """Run what was posted, then end; wait up to `timeout` seconds for it, unless called from a callback.

        What no thread could be started for runs here, one job after the other until the time is over.
        """
        with self._lock:
            worker = self._worker
        self._is_stopped = True
        if worker is None:
            self.run_here(monotonic() + timeout)
            return
        self._jobs.put(None)  # so that it looks
        if worker.is_alive() and not self.is_current():
            worker.join(timeout)

    def start(self) -> None:
        """Start the thread, unless it runs, or no thread can be started just now."""
        with self._lock:
            if self._worker is not None:
                return
            self._worker = ApplicationThread(self._work, self._name)
            try:
                self._worker.start()
            except RuntimeError:
                # An interpreter that exits starts no thread, since Python 3.12, nor does one at its limit: the jobs
                # wait for the next attempt, or for `stop`.
                self._worker = None

    def run_here(self, until: float) -> None:
        """Run on this thread what no thread could be started for, up to a time in monotonic seconds."""
        while self._worker is None and monotonic() < until:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return
            if job is not None:
                self._run_contained(job)

    @staticmethod
    def _run_contained(job: Callable[[], None]) -> None:
        """Run a job that contains what users' functions raise, and must not end the thread if it fails to."""
        with contextlib.suppress(BaseException):
            job()

    def _run_next(self) -> None:
        # A function of its own: a job that is done is not kept while the thread waits for the next, nor is a callback.
        job = self._jobs.get()
        if job is not None:
            self._run_contained(job)

    def _work(self) -> None:
        try:
            while not self._is_stopped or not self._jobs.empty():
                self._run_next()
        finally:  # a greenlet may be killed by those who kill all: what is posted next starts another
            self._worker = None
        if not self._jobs.empty():  # posted in this very moment
            self.start()
