"""kafka-python: fired, and waited for one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer

from benchmarks.clients.interfaces import KeyValue
from benchmarks.job import MECHANISM, Job

__all__ = ("Blocking", "Firing")


def _producer(job: Job) -> Any:
    return KafkaProducer(
        bootstrap_servers=job.bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=job.linger_ms,
        batch_size=job.batch_size,
        compression_type=None if job.codec == "none" else job.codec,
        **_login(job),
    )


def _login(job: Job) -> dict[str, Any]:
    if not job.is_secure:
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": job.cafile,
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": job.username,
        "sasl_plain_password": job.password,
    }


class Firing:
    """`KafkaProducer.send`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = _producer(job)
        self._callback = job.callback
        self._acknowledged = 0

    def fire(self, records: Sequence[KeyValue]) -> None:
        send, topic = self._producer.send, self._topic
        if self._callback:
            delivered = self._delivered
            for key, value in records:
                send(topic, value, key).add_callback(delivered)
        else:
            for key, value in records:
                send(topic, value, key)

    def flush(self) -> None:
        self._producer.flush()

    def acknowledged(self) -> int | None:
        return self._acknowledged if self._callback else None

    def close(self) -> None:
        self._producer.close()

    def _delivered(self, _: object) -> None:
        self._acknowledged += 1


class Blocking:
    """`KafkaProducer.send(...).get()`."""

    def __init__(self, job: Job) -> None:
        self._topic = job.topic
        self._producer = _producer(job)

    def produce(self, key: bytes | None, value: bytes) -> None:
        self._producer.send(self._topic, value, key).get()

    def close(self) -> None:
        self._producer.close()
