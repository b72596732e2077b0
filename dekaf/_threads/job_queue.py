"""JobQueue: what any thread leaves for an `ApplicationThread`, be it a thread or a greenlet."""

from __future__ import annotations

import os
from typing import Final, Generic, TypeVar, final

from dekaf._threads.greenlets import end_greenlet, idle, may_wait_in_hub, wait_idly
from dekaf._threads.primitives import Empty, SimpleQueue
from dekaf._threads.waker import EventfdWaker, new_waker

__all__ = ("JobQueue",)

T = TypeVar("T")


@final
class JobQueue(Generic[T]):
    """First in, first out. One thread, or greenlet, takes; every other method may be called from any."""

    def __init__(self) -> None:
        self._jobs: Final[SimpleQueue[T]] = SimpleQueue()
        self._bell: EventfdWaker | None = None  # of the greenlet that takes, once it has to wait

    def put(self, job: T) -> None:
        """Leave a job."""
        self._jobs.put(job)
        bell = self._bell
        if bell is not None and bell.process_id == os.getpid():
            bell.wake()

    def empty(self) -> bool:
        """Return whether there is none."""
        return self._jobs.empty()

    def get_nowait(self) -> T:
        """Take a job; raises `Empty` if there is none."""
        return self._jobs.get_nowait()

    def get(self) -> T:
        """Take a job; wait until there is one."""
        return self._get_in_hub() if may_wait_in_hub() else self._jobs.get()

    def _get_in_hub(self) -> T:
        if self._bell is None:
            self._bell = new_waker(blocks=False)
        bell = self._bell
        while True:
            try:
                return self._jobs.get_nowait()
            except Empty:
                if bell is None:
                    idle()
                    continue
            wait_idly(bell.descriptor)
            if bell.process_id != os.getpid():
                end_greenlet()  # a copy in a forked child, which must not take what is meant for the parent's
            bell.clear()
