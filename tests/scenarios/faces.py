"""Both faces of a producer behind one interface, so that every scenario runs through each of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, TypeVar

from dekaf.errors import ProduceError
from dekaf.producer import AsyncProducer, Producer, ProducerOptions
from dekaf.producer._engine.engine import Engine
from dekaf.types import DrainReport, PartitionInfo, ProducerStatus, RecordMetadata

PATIENCE = 15.0  # seconds after which a test gives up waiting for what must happen

T = TypeVar("T")
Handle = concurrent.futures.Future[RecordMetadata]

# Short waits: what takes a second in production takes milliseconds here.
QUICK: ProducerOptions = {
    "linger_ms": 1,
    "retry_backoff_ms": 2,
    "retry_backoff_max_ms": 10,
    "reconnect_backoff_ms": 2,
    "reconnect_backoff_max_ms": 10,
    "request_timeout_ms": 5_000,
    "delivery_timeout_ms": 20_000,
    "max_block_ms": 5_000,
    "close_timeout_ms": 10_000,
}

# Five records to a batch, so that a few dozen records make several requests.
SMALL_BATCHES: ProducerOptions = {"batch_size": 160}


def eventually(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
    """Wait until a condition of the producer's holds; what the cluster sees is waited for with its own methods."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout} s"
        time.sleep(0.001)


def thread_producer(servers: str, **options: Any) -> Producer[Any, Any]:
    """Return a producer for threads with quick settings, and these options on top."""
    merged: dict[str, Any] = {**QUICK, **options}
    return Producer(bootstrap_servers=servers, **merged)


def loop_producer(servers: str, **options: Any) -> AsyncProducer[Any, Any]:
    """Return a producer for coroutines with quick settings, and these options on top."""
    merged: dict[str, Any] = {**QUICK, **options}
    return AsyncProducer(bootstrap_servers=servers, **merged)


def threads_of_producers() -> list[str]:
    """Return the names of all threads that producers have started."""
    names = [thread.name.partition(" ")[0] for thread in threading.enumerate()]  # without the client id
    return [name for name in names if name in {"dekaf-io", "dekaf-resolver", "dekaf-callbacks", "dekaf-partitioner"}]


class UnexpectedError(Exception):
    """What no code of ours reckons with."""


def engine_of(producer: Producer[Any, Any] | AsyncProducer[Any, Any]) -> Engine:
    """Return a producer's engine, which starts if it has not."""
    engine = producer._core.start()
    assert isinstance(engine, Engine)
    return engine


def break_engine(
    producer: Producer[Any, Any] | AsyncProducer[Any, Any], kind: type[BaseException] = UnexpectedError
) -> None:
    """Raise on the I/O thread, as a mistake of ours would."""
    engine = engine_of(producer)

    def fail() -> None:
        raise kind("on purpose")

    engine._io.call(fail)
    eventually(lambda: not engine.is_alive())


class LoopThread:
    """An event loop that runs on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._worker = threading.Thread(target=self.loop.run_forever, name="test-loop")
        self._worker.start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it."""
        return self.start(coroutine).result(PATIENCE)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function there and wait for it."""

        async def call() -> T:
            return function()

        return self.run(call())

    def stop(self) -> None:
        """Cancel what still runs, and end."""
        if self.loop.is_closed():
            return
        self.run(self._cancel_all())
        self.kill()

    def kill(self) -> None:
        """End without letting anything finish: tasks just never go on."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._worker.join(PATIENCE)
        self.loop.close()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Face(Protocol):
    """A producer as scenarios see it; every method is called on the test's thread."""

    @property
    def producer(self) -> Producer[Any, Any] | AsyncProducer[Any, Any]:
        """The producer itself."""

    def produce(self, topic: str, value: bytes, *, key: bytes | None = None, partition: int | None = None) -> Handle:
        """Produce one message; the handle gets what `produce` returns or raises."""

    def call(self, topic: str, value: bytes, **options: Any) -> Handle:
        """Call `produce`, which waits, on a thread or in a task; the handle gets what it returns or raises."""

    def fire(self, topic: str, value: bytes, *, partition: int | None = None, **options: Any) -> None:
        """Fire one message."""

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Flush."""

    def close(self, timeout: float | None = None) -> DrainReport:
        """Close."""

    def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        """Return a topic's partitions."""

    def status(self) -> ProducerStatus:
        """Return the status."""

    def __enter__(self) -> Face: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ThreadFace:
    """The face for threads: every message waits on a thread of its own, unless there is space at once."""

    def __init__(self, servers: str, **options: Any) -> None:
        self.producer = thread_producer(servers, **options)

    def produce(self, topic: str, value: bytes, *, key: bytes | None = None, partition: int | None = None) -> Handle:
        try:
            return self.producer.submit(topic, key, value, partition=partition).as_concurrent()
        except ProduceError as error:
            return _failed(error)

    def call(self, topic: str, value: bytes, **options: Any) -> Handle:
        handle: Handle = concurrent.futures.Future()

        def produce() -> None:
            try:
                handle.set_result(self.producer.produce(topic, None, value, **options))
            except BaseException as error:
                handle.set_exception(error)

        threading.Thread(target=produce, name="test-call", daemon=True).start()
        return handle

    def fire(self, topic: str, value: bytes, *, partition: int | None = None, **options: Any) -> None:
        self.producer.fire(topic, None, value, partition=partition, **options)

    def flush(self, timeout: float | None = None) -> DrainReport:
        return self.producer.flush(timeout)

    def close(self, timeout: float | None = None) -> DrainReport:
        return self.producer.close(timeout)

    def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        return self.producer.partitions_for(topic)

    def status(self) -> ProducerStatus:
        return self.producer.status()

    def __enter__(self) -> Face:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LoopFace:
    """The face for coroutines: every message is a task on one loop."""

    def __init__(self, servers: str, **options: Any) -> None:
        self.producer = loop_producer(servers, **options)
        self.thread = LoopThread()

    def produce(self, topic: str, value: bytes, *, key: bytes | None = None, partition: int | None = None) -> Handle:
        return self.thread.start(self.producer.produce(topic, key, value, partition=partition))

    def call(self, topic: str, value: bytes, **options: Any) -> Handle:
        return self.thread.start(self.producer.produce(topic, None, value, **options))

    def fire(self, topic: str, value: bytes, *, partition: int | None = None, **options: Any) -> None:
        def fire() -> None:
            self.producer.fire(topic, None, value, partition=partition, **options)

        self.thread.call(fire)

    def flush(self, timeout: float | None = None) -> DrainReport:
        return self.thread.run(self.producer.flush(timeout))

    def close(self, timeout: float | None = None) -> DrainReport:
        return self.thread.run(self.producer.close(timeout))

    def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        return self.thread.run(self.producer.partitions_for(topic))

    def status(self) -> ProducerStatus:
        return self.producer.status()

    def __enter__(self) -> Face:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        finally:
            self.thread.stop()


class MakeFace(Protocol):
    """What the `make_face` fixture is."""

    def __call__(self, servers: str, **options: Any) -> Face:
        """Return a producer's face with quick settings, and these options on top."""


def _failed(error: ProduceError) -> Handle:
    handle: Handle = concurrent.futures.Future()
    handle.set_exception(error)
    return handle
