"""Read a topic with an independent client: what is really in the log."""

from __future__ import annotations

__lazy_modules__ = ("confluent_kafka",)  # from Python 3.15 on, for which there is none yet

import time
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, Message, TopicPartition

__all__ = ("ConsumedRecord", "read_back")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ConsumedRecord:
    """One record as a consumer sees it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int | None


def read_back(bootstrap_servers: str, topic: str, count: int, *, timeout: float = 20) -> list[ConsumedRecord]:
    """Read a topic from its beginning until `count` records were seen and every partition is at its end.

    Reading to the end shows duplicates: the list is longer than `count` then.

    Args:
        timeout: seconds for everything.

    Returns:
        the records, by partition and offset.

    Raises:
        AssertionError: fewer than `count` records arrived in time.
    """
    deadline = time.monotonic() + timeout
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "read-back",  # required by librdkafka; never joined, since partitions are assigned by hand
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )
    try:
        records = _consume(consumer, topic, count, deadline=deadline)
    finally:
        consumer.close()
    if len(records) < count:
        found = ", ".join(f"{record.partition}@{record.offset}" for record in records[-10:]) or "nothing"
        raise AssertionError(
            f"{topic}: {len(records)} of {count} records arrived in {timeout} s; the last were {found}"
        )
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _consume(consumer: Consumer, topic: str, count: int, *, deadline: float) -> list[ConsumedRecord]:
    partitions = set(
        consumer.list_topics(topic, timeout=max(0.1, deadline - time.monotonic())).topics[topic].partitions
    )
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    records: list[ConsumedRecord] = []
    at_end: set[int] = set()
    while (len(records) < count or at_end != partitions) and time.monotonic() < deadline:
        for message in consumer.consume(num_messages=500, timeout=0.2):
            error = message.error()
            if error is None:
                at_end.discard(_known(message.partition()))
                records.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(_known(message.partition()))
    return records


def _record(message: Message) -> ConsumedRecord:
    kind, timestamp_ms = message.timestamp()
    return ConsumedRecord(
        topic=_known(message.topic()),
        partition=_known(message.partition()),
        offset=_known(message.offset()),
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
        timestamp_ms=None if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms,
    )


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    pairs: list[tuple[str, bytes | None]] | None = message.headers()  # type: ignore[assignment]  # its stub describes what a producer may pass; a consumer gets these
    return tuple(pairs or ())


def _known(value: T | None) -> T:
    if value is None:
        raise TypeError("librdkafka returned a message without its place")
    return value
