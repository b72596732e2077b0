"""A producer in use as applications use it, and harder: both faces, callbacks, cancelled tasks, topics without end."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from dekaf import ProduceError, Producer, RecordMetadata

__all__ = ("MixedUse",)

TOPICS = 40  # in turn, each for some seconds: most are idle for long enough to be forgotten
SECONDS_PER_TOPIC = 3.0
PAUSE = 0.01  # seconds between two rounds of every worker
PER_ROUND = 10
IDLE_MS = 10_000


class MixedUse:
    """Two threads, an event loop and a visitor who comes and goes; a context manager.

    Args:
        servers: where Kafka is.
        topics: their names, which exist.
    """

    def __init__(self, servers: str, topics: list[str]) -> None:
        self.failures: list[ProduceError] = []
        self.accepted = 0
        self.producer: Producer[Any, Any] = Producer(bootstrap_servers=servers, metadata_max_idle_ms=IDLE_MS)
        self._servers = servers
        self._topics = topics
        self._latencies: list[float] = []  # seconds, of awaited calls
        self._is_over = threading.Event()
        self._lock = threading.Lock()  # guards accepted and failures
        works: tuple[Callable[[], object], ...] = (self._fire, self._submit, self._visit, self._await)
        self._workers = [threading.Thread(target=work, name=f"soak-{work.__name__}") for work in works]

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for worker in self._workers:
            worker.join()
        self.producer.close(30)

    def take_latencies(self) -> list[float]:
        """Return how many seconds each awaited call took since the last look."""
        latencies, self._latencies = self._latencies, []
        return latencies

    def _topic(self) -> str:
        return self._topics[int(time.monotonic() / SECONDS_PER_TOPIC) % len(self._topics)]

    def _accept(self, count: int) -> None:
        with self._lock:
            self.accepted += count

    def _heard(self, _metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        if error is not None:
            with self._lock:
                self.failures.append(error)

    def _fire(self) -> None:
        for number in itertools.count():
            if self._is_over.wait(PAUSE):
                break
            for _ in range(PER_ROUND):
                self.producer.fire(self._topic(), b"k%d" % (number % 50), b"v" * 100, on_delivery=self._heard)
            self._accept(PER_ROUND)

    def _submit(self) -> None:
        while not self._is_over.wait(PAUSE):
            handles = [self.producer.submit(self._topic(), None, b"v" * 300) for _ in range(PER_ROUND)]
            self._accept(PER_ROUND)
            for handle in handles:
                try:
                    handle.result(60)
                except ProduceError as error:
                    self._heard(None, error)

    def _visit(self) -> None:
        """Open a producer, use it and close it: whatever it leaves behind adds up."""
        while not self._is_over.wait(2.0):
            with Producer(bootstrap_servers=self._servers) as producer:
                producer.produce(self._topics[0], None, b"visitor", timeout=60)

    def _await(self) -> None:
        asyncio.run(self._await_on())

    async def _await_on(self) -> None:
        producer = self.producer.as_async()
        while not self._is_over.is_set():
            tasks = [asyncio.create_task(self._await_one(producer)) for _ in range(PER_ROUND)]
            cancelled = asyncio.create_task(self._await_one(producer))
            await asyncio.sleep(PAUSE)
            cancelled.cancel()  # the wait, not the record
            await asyncio.gather(*tasks, cancelled, return_exceptions=True)

    async def _await_one(self, producer: Any) -> None:
        began = time.monotonic()
        self._accept(1)
        try:
            await producer.produce(self._topic(), None, b"v" * 200)
        except ProduceError as error:
            self._heard(None, error)
        self._latencies.append(time.monotonic() - began)
