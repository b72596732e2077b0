"""Run what an application provides for a login, and what takes long, on a thread where it can hold up nothing else.

Password and token callables, files and PBKDF2 run here, one after the other. A call has a time limit, but no call can
be stopped: one that hangs is left behind with its thread, and a second one takes over; while that hangs, too, no third
is started. What a call that was left behind returns in the end is used, if it still helps.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Final, final

from dekaf._threads.native_thread import NativeThread
from dekaf._threads.primitives import SimpleQueue
from dekaf.errors import CredentialsUnavailableError
from dekaf.process_lock import ProcessLock

MOST_LEFT_BEHIND: Final = 1  # threads that hang in an application's code; more would only hang as well


@final
class LoginJob:
    """One call on its way. Its outcome goes to `future`, or, if nothing waits for that any more, to `late`."""

    def __init__(
        self,
        what: str,
        call: Callable[[], object],
        turn: ProcessLock | None,
        future: asyncio.Future[object],
        late: Callable[[object], None] | None,
    ) -> None:
        self.what: Final = what  # names it in errors
        self.call: Final = call
        self.turn: Final = turn  # held during the call
        self.future: Final = future
        self.late: Final = late


@final
class LoginWorker:
    """One thread, and the event loop on which asynchronous providers run for as long as it lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop  # the engine's
        self._jobs: Final[SimpleQueue[LoginJob | None]] = SimpleQueue()
        self._worker: Final = NativeThread(self._work, "dekaf-login")
        self._providers: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; RuntimeError if the system, or an interpreter that exits, gives none."""
        self._worker.start()

    def is_alive(self) -> bool:
        """Return whether the thread runs, be it in a call that hangs."""
        return self._worker.is_alive()

    def put(self, job: LoginJob) -> None:
        """Have a job done after those before it."""
        self._jobs.put(job)

    def end(self) -> None:
        """End the thread once the jobs before are done."""
        self._jobs.put(None)

    def _work(self) -> None:
        try:
            while True:
                job = self._jobs.get()
                if job is None or not self._do(job):
                    return
        finally:
            if self._providers is not None:
                self._providers.close()

    def _do(self, job: LoginJob) -> bool:
        """Do one job; False if the engine's loop is closed, and nothing waits for jobs any more."""
        if job.future.done() and job.late is None:
            return True
        result: object = None
        failure: BaseException | None = None
        try:
            if job.turn is None:
                result = self._resolved(job.call())
            else:
                with job.turn:
                    result = self._resolved(job.call())
        except BaseException as error:  # SystemExit, too: an application's code must not end this thread
            failure = error
        try:
            self._loop.call_soon_threadsafe(_tell, job, result, failure)
        except RuntimeError:
            return False
        return True

    def _resolved(self, result: object) -> object:
        """Return what a provider returned, awaited if it is to be awaited."""
        if not inspect.isawaitable(result):
            return result
        if self._providers is None:
            self._providers = asyncio.new_event_loop()
        awaitable: Any = result
        return self._providers.run_until_complete(_awaited(awaitable))


@final
class LoginThread:
    """The workers of one engine. `run` is called on the engine's loop; the thread starts with the first call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self._loop: Final = loop
        self._timeout: Final = timeout  # seconds
        self._worker: LoginWorker | None = None
        self._left_behind: list[LoginWorker] = []
        self._is_stopped = False

    async def run(
        self,
        what: str,
        call: Callable[[], object],
        *,
        turn: ProcessLock | None = None,
        late: Callable[[object], None] | None = None,
    ) -> object:
        """Call something on the thread, and return what it returned.

        Args:
            what: Names the call in errors, such as the option that gave it.
            call: May block, and may return an awaitable.
            turn: A lock to hold meanwhile.
            late: Hears on the engine's loop of what it returned after its time was over.

        Raises:
            CredentialsUnavailableError: It did not return in time, or an earlier one hangs still.
            Exception: What it raised.
        """
        worker = self._ready_worker(what)
        future: asyncio.Future[object] = self._loop.create_future()
        worker.put(LoginJob(what, call, turn, future, late))
        try:
            async with asyncio.timeout(self._timeout):
                return await future
        except TimeoutError:
            if not future.cancelled():
                raise  # the call's own
            if worker is self._worker:  # several may have waited for the same one
                self._leave_behind(worker)
            raise CredentialsUnavailableError(
                f"{what} did not return within request_timeout_ms={self._timeout * 1000:.0f}."
            ) from None

    def stop(self) -> None:
        """Let the threads end; one that hangs is left to itself."""
        self._is_stopped = True
        if self._worker is not None:
            self._worker.end()

    def _ready_worker(self, what: str) -> LoginWorker:
        self._left_behind = [worker for worker in self._left_behind if worker.is_alive()]
        if self._worker is None:
            if len(self._left_behind) > MOST_LEFT_BEHIND:
                raise CredentialsUnavailableError(
                    f"{what} cannot be called: earlier calls have still not returned, where each had "
                    f"request_timeout_ms={self._timeout * 1000:.0f}."
                )
            worker = LoginWorker(self._loop)
            try:
                worker.start()
            except RuntimeError as error:
                raise CredentialsUnavailableError(f"{what} cannot be called: {error}.") from error
            self._worker = worker
        return self._worker

    def _leave_behind(self, worker: LoginWorker) -> None:
        worker.end()  # should it ever return
        self._left_behind.append(worker)
        self._worker = None


async def _awaited(awaitable: Any) -> object:
    return await awaitable


def _tell(job: LoginJob, result: object, failure: BaseException | None) -> None:
    if not job.future.done():
        if failure is None:
            job.future.set_result(result)
        elif isinstance(failure, Exception) and not isinstance(failure, StopIteration):
            job.future.set_exception(failure)
        else:
            # What ends a program, or a generator, must end neither the engine nor a coroutine of it.
            job.future.set_exception(CredentialsUnavailableError(f"{job.what} raised {type(failure).__name__}."))
    elif failure is None and job.late is not None:
        job.late(result)
