"""No client at all: what is awaited is a timer. Whatever it costs, no client can cost less."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque

from benchmarks.clients.interfaces import ProduceAndAwait
from benchmarks.job import Job

__all__ = ("Awaiting", "Blocking")

ROUND_TRIP_SECONDS = 0.003  # of a broker that does not exist


class Awaiting:
    """Set the futures of everything that was produced meanwhile, once per round trip."""

    def __init__(self, _job: Job) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def start(self) -> ProduceAndAwait:
        """Return the call that awaits the next round trip."""
        return self._produce

    async def close(self) -> None:
        """End nothing."""

    async def _produce(self, _key: bytes | None, _value: bytes) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(ROUND_TRIP_SECONDS, self._acknowledge)
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _acknowledge(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(None)


class Blocking:
    """Have another thread release everybody who waits, once per round trip."""

    def __init__(self, _job: Job) -> None:
        self._waiting: deque[threading.Lock] = deque()
        self._somebody_waits = threading.Event()
        threading.Thread(target=self._acknowledge, daemon=True).start()

    def produce(self, _key: bytes | None, _value: bytes) -> None:
        """Wait for the next round trip."""
        lock = threading.Lock()
        lock.acquire()
        self._waiting.append(lock)
        self._somebody_waits.set()
        lock.acquire()

    def close(self) -> None:
        """End nothing."""

    def _acknowledge(self) -> None:
        while True:
            self._somebody_waits.wait()
            self._somebody_waits.clear()  # before emptying: whoever comes from now on sets it again
            time.sleep(ROUND_TRIP_SECONDS)
            while self._waiting:
                self._waiting.popleft().release()
