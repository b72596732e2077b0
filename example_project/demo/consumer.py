"""Read topics with another client, confluent-kafka: what it sees is in Kafka, whatever the producer says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from example_project.demo.failure import DemoError

ANSWER_SECONDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record as Kafka has it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


class Reader:
    """Everything in some topics, from their beginning."""

    def __init__(self, bootstrap_servers: str, topics: tuple[str, ...], security: Mapping[str, str]) -> None:
        self.records: list[Record] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "dekaf-demo",  # librdkafka wants one; partitions are assigned by hand, nobody joins it
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
                **security,
            }
        )
        self._partitions = [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in partitions_of(self._consumer, topic)
        ]
        self._consumer.assign(self._partitions)

    def read_until(self, is_enough: Callable[[list[Record]], bool], *, timeout: float) -> bool:
        """Read on until there is enough, and tell whether there was in time."""
        deadline = time.monotonic() + timeout
        while not is_enough(self.records) and time.monotonic() < deadline:
            for message in self._consumer.consume(num_messages=100, timeout=0.1):
                if message.error() is None:
                    self.records.append(as_record(message))
        return is_enough(self.records)

    def count_in_log(self, topic: str) -> int:
        """Ask the brokers how many records a topic has, also those not read yet."""
        try:
            ends = [
                self._consumer.get_watermark_offsets(partition, timeout=ANSWER_SECONDS)
                for partition in self._partitions
                if partition.topic == topic
            ]
        except KafkaException as error:
            raise DemoError(f"Kafka does not tell where {topic} ends: {error.args[0].str()}") from error
        return sum(end for _, end in ends)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._consumer.close()


def partitions_of(consumer: Consumer, topic: str) -> list[int]:
    """Ask Kafka for the partitions of a topic. One that was made just now may take a moment until all brokers know it.

    Raises:
        DemoError: Kafka does not tell.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        try:
            known = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        except KafkaException as error:
            raise DemoError(f"Kafka does not tell about {topic}: {error.args[0].str()}") from error
        if known.partitions:
            return list(known.partitions)
        time.sleep(0.05)
    raise DemoError(f"Kafka made the topic {topic}, but does not tell its partitions")


def as_record(message: Message) -> Record:
    return Record(
        topic=message.topic() or "",
        partition=-1 if (partition := message.partition()) is None else partition,
        offset=-1 if (offset := message.offset()) is None else offset,
        key=message.key() or b"",
        value=message.value() or b"",
    )
