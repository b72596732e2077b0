"""aiokafka: fired from one coroutine, and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.helpers import create_ssl_context

from benchmarks.clients.interfaces import KeyValue, ProduceAndAwait
from benchmarks.job import MECHANISM, Job

__all__ = ("Awaiting", "Firing", "options")


def options(job: Job) -> dict[str, Any]:
    """Return aiokafka's options for a job."""
    return {
        "bootstrap_servers": job.bootstrap_servers,
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": job.linger_ms,
        "max_batch_size": job.batch_size,
        "compression_type": None if job.codec == "none" else job.codec,
        **_login(job),
    }


def _login(job: Job) -> dict[str, Any]:
    if not job.is_secure:
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": create_ssl_context(cafile=job.cafile),
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": job.username,
        "sasl_plain_password": job.password,
    }


class Firing:
    """`await AIOKafkaProducer.send`, which waits only while its batch is full; on uvloop."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._callback = job.callback
        self._acknowledged = 0
        self._loop = uvloop.new_event_loop()
        self._producer = self._loop.run_until_complete(self._start(job))

    async def _start(self, job: Job) -> Any:
        producer = AIOKafkaProducer(**options(job))
        await producer.start()
        return producer

    def fire(self, records: Sequence[KeyValue]) -> None:
        self._loop.run_until_complete(self._fire(records))

    async def _fire(self, records: Sequence[KeyValue]) -> None:
        send, topic = self._producer.send, self._topic
        if self._callback:
            delivered = self._delivered
            for key, value in records:
                (await send(topic, value, key)).add_done_callback(delivered)
        else:
            for key, value in records:
                await send(topic, value, key)

    def flush(self) -> None:
        self._loop.run_until_complete(self._flush())

    async def _flush(self) -> None:
        await self._producer.flush()
        await asyncio.sleep(0)  # the callbacks of the last futures

    def acknowledged(self) -> int | None:
        return self._acknowledged if self._callback else None

    def close(self) -> None:
        self._loop.run_until_complete(self._producer.stop())
        self._loop.close()

    def _delivered(self, future: asyncio.Future[Any]) -> None:
        if future.exception() is None:
            self._acknowledged += 1


class Awaiting:
    """`await AIOKafkaProducer.send_and_wait`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._job = job
        self._producer: Any = None

    async def start(self) -> ProduceAndAwait:
        self._producer = AIOKafkaProducer(**options(self._job))
        await self._producer.start()
        send_and_wait, topic = self._producer.send_and_wait, self._topic
        return lambda key, value: send_and_wait(topic, value, key)

    async def close(self) -> None:
        await self._producer.stop()
