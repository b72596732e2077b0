"""confluent-kafka (librdkafka): fired, flushed per message, and bridged to asyncio by hand and by its own class."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from benchmarks.clients.interfaces import KeyValue, ProduceAndAwait
from benchmarks.job import MECHANISM, Job

__all__ = ("Awaiting", "Blocking", "Bridge", "Firing", "OwnAsyncio", "configuration")

POLL_EVERY = 1000  # calls


def configuration(job: Job) -> dict[str, Any]:
    """Return librdkafka's configuration for a job."""
    return {
        "bootstrap.servers": job.bootstrap_servers,
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": job.linger_ms,
        "batch.size": job.batch_size,
        "compression.type": job.codec,
        # Its default of 100,000 messages is 10 MB of small ones: it would wait for space most of the time.
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 1_048_576,
        "message.max.bytes": 1_048_576,  # as dekaf's max_request_size: its default refuses messages of a million bytes
        **_login(job),
    }


def _login(job: Job) -> dict[str, Any]:
    if not job.is_secure:
        return {}
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": job.cafile,
        "sasl.mechanism": MECHANISM,
        "sasl.username": job.username,
        "sasl.password": job.password,
    }


class Firing:
    """`Producer.produce`, polled every 1000 calls; when its queue is full it is polled until there is space."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = Producer(configuration(job))
        self._callback = job.callback
        self._acknowledged = 0

    def fire(self, records: Sequence[KeyValue]) -> None:
        for start in range(0, len(records), POLL_EVERY):
            if self._callback:
                self._fire_with_callback(records[start : start + POLL_EVERY])
            else:
                self._fire(records[start : start + POLL_EVERY])
            self._producer.poll(0)

    def _fire(self, records: Sequence[KeyValue]) -> None:
        produce, topic = self._producer.produce, self._topic
        for key, value in records:
            try:
                produce(topic, value, key)
            except BufferError:  # costs nothing until it happens
                self._retry(key, value)

    def _fire_with_callback(self, records: Sequence[KeyValue]) -> None:
        produce, topic, delivered = self._producer.produce, self._topic, self._delivered
        for key, value in records:
            try:
                produce(topic, value, key, on_delivery=delivered)
            except BufferError:  # costs nothing until it happens
                self._retry(key, value)

    def _retry(self, key: bytes | None, value: bytes) -> None:
        while True:
            self._producer.poll(0.01)
            try:
                if self._callback:
                    self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
                else:
                    self._producer.produce(self._topic, value, key)
            except BufferError:
                continue
            return

    def flush(self) -> None:
        self._producer.flush()

    def acknowledged(self) -> int | None:
        return self._acknowledged if self._callback else None

    def close(self) -> None:
        self._producer.flush()

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self._acknowledged += 1


class Blocking:
    """`Producer.produce` and `Producer.flush`, the usual way to wait for one message."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = Producer(configuration(job))

    def produce(self, key: bytes | None, value: bytes) -> None:
        self._producer.produce(self._topic, value, key)
        self._producer.flush()

    def close(self) -> None:
        self._producer.flush()


class Bridge:
    """The bridge people write: a thread that polls, and a future set through `call_soon_threadsafe`."""

    def __init__(self, settings: dict[str, Any], topic: str) -> None:
        self._topic = topic
        self._producer = Producer(settings)
        self._is_closed = False
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._loop = asyncio.get_running_loop()
        self._poller.start()

    def produce(self, key: bytes | None, value: bytes) -> Awaitable[object]:
        loop = self._loop
        future: asyncio.Future[Message] = loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            loop.call_soon_threadsafe(_complete, future, error, message)

        self._producer.produce(self._topic, value, key, on_delivery=delivered)
        return future

    def close(self) -> None:
        self._producer.flush()
        self._is_closed = True
        self._poller.join()

    def _poll(self) -> None:
        while not self._is_closed:
            self._producer.poll(0.1)


class Awaiting:
    """The bridge, as a workload."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._bridge: Bridge | None = None

    async def start(self) -> ProduceAndAwait:
        self._bridge = Bridge(configuration(self._job), self._job.topic)
        return self._bridge.produce

    async def close(self) -> None:
        if self._bridge is not None:
            self._bridge.close()


class OwnAsyncio:
    """`confluent_kafka.aio.AIOProducer`, which comes with the package.

    Its `produce` returns a future after at most `buffer_timeout` seconds of its own gathering, 1 second by default;
    0 would switch its timer off, so the shortest sensible time is used.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._producer: Any = None

    async def start(self) -> ProduceAndAwait:
        from confluent_kafka.aio import AIOProducer  # noqa: PLC0415 # older versions have none

        producer = AIOProducer(configuration(self._job), batch_size=max(1, self._job.tasks), buffer_timeout=0.005)
        self._producer, topic = producer, self._job.topic

        async def produce(key: bytes | None, value: bytes) -> object:
            return await (await producer.produce(topic, value, key))

        return produce

    async def close(self) -> None:
        await self._producer.close()


def _complete(future: asyncio.Future[Message], error: KafkaError | None, message: Message) -> None:
    if future.done():  # its task was cancelled
        return
    if error is None:
        future.set_result(message)
    else:
        future.set_exception(KafkaException(error))
