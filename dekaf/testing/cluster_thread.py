"""ClusterThread: the thread with the event loop on which a fake cluster's brokers live."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ("ClusterThread",)

T = TypeVar("T")

_PATIENCE: Final = 10.0  # seconds; everything takes a few milliseconds


class ClusterThread:
    """An event loop on a thread of its own. All methods are for other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.SelectorEventLoop()  # on every system, for its add_reader
        self._thread = threading.Thread(target=self._run, name="dekaf-fake-cluster", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the thread, wait for it, and return what it returns."""

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(_PATIENCE)

    def stop(self, shut: Callable[[], None]) -> None:
        """Call a last function, cancel all tasks, and end the thread; if it never ran, close the loop alone."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._shut_down(shut), self._loop).result(_PATIENCE)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
        if not self._loop.is_running():
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _shut_down(self, shut: Callable[[], None]) -> None:
        shut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
