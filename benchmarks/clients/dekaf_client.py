"""Dekaf, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.clients.interfaces import KeyValue, ProduceAndAwait
from benchmarks.job import MECHANISM, Job
from dekaf import AsyncProducer, ProduceError, Producer, ProducerConfig, RecordMetadata

__all__ = ("Awaiting", "Blocking", "Firing")


def _config(job: Job) -> ProducerConfig:
    options: dict[str, object] = {
        "bootstrap_servers": job.bootstrap_servers,
        "linger_ms": job.linger_ms,
        "batch_size": job.batch_size,
        "buffer_memory": job.buffer_memory,
        "compression_type": job.codec,
        "max_block_ms": 60_000,  # a full buffer is no failure here
    }
    if job.is_secure:
        options |= {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": job.cafile,
            "sasl_mechanism": MECHANISM,
            "sasl_username": job.username,
            "sasl_password": job.password,
        }
    return ProducerConfig.from_mapping(options)


class Firing:
    """`Producer.fire`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = Producer(key=bytes, value=bytes, config=_config(job))
        self._callback = job.callback
        self._acknowledged = 0

    def fire(self, records: Sequence[KeyValue]) -> None:
        producer, topic = self._producer, self._topic
        if self._callback:
            delivered = self._delivered
            for key, value in records:
                producer.fire(topic, key, value, on_delivery=delivered)
        else:
            for key, value in records:
                producer.fire(topic, key, value)

    def flush(self) -> None:
        self._producer.flush()

    def acknowledged(self) -> int | None:
        return self._acknowledged if self._callback else None

    def close(self) -> None:
        self._producer.close()

    def _delivered(self, _: RecordMetadata | None, error: ProduceError | None) -> None:
        if error is None:
            self._acknowledged += 1


class Blocking:
    """`Producer.produce`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = Producer(key=bytes, value=bytes, config=_config(job))

    def produce(self, key: bytes | None, value: bytes) -> None:
        self._producer.produce(self._topic, key, value)

    def close(self) -> None:
        self._producer.close()


class Awaiting:
    """`await AsyncProducer.produce`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = AsyncProducer(key=bytes, value=bytes, config=_config(job))

    async def start(self) -> ProduceAndAwait:
        produce, topic = self._producer.produce, self._topic
        return lambda key, value: produce(topic, key, value)

    async def close(self) -> None:
        await self._producer.close()
