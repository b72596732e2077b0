"""Read the orders back from Kafka in a thread, with a client that shares nothing with dekaf: confluent-kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from example_project.demo.consumer import partitions_of
from example_project.stand.arrival import Arrival
from example_project.stand.board import Board

POLL_SECONDS: Final = 0.2  # after which it looks whether it should end; what arrives is returned at once
AT_ONCE: Final = 500


@contextmanager
def read_kafka(servers: str, topic: str, board: Board, security: Mapping[str, str]) -> Iterator[None]:
    """Put every order on the board, from the topic's beginning, as soon as Kafka shows it.

    Raises:
        DemoError: Kafka does not tell the topic's partitions.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "dekaf-shop",  # librdkafka wants one; partitions are assigned by hand, nobody joins it
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 50,
            "reconnect.backoff.ms": 50,  # Kafka will be stopped and started
            "reconnect.backoff.max.ms": 300,
            "topic.metadata.refresh.interval.ms": 2000,
            "log_level": 0,
            **security,
        }
    )
    ends = threading.Event()
    try:
        partitions = partitions_of(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        reading = threading.Thread(target=read_on, args=(consumer, board.add, ends.is_set), name="reads the orders")
        reading.start()
        try:
            yield
        finally:
            ends.set()
            reading.join()
    finally:
        consumer.close()


def read_on(
    consumer: Consumer, on_arrivals: Callable[[Sequence[Arrival]], None], should_end: Callable[[], bool]
) -> None:
    while not should_end():
        first = consumer.poll(POLL_SECONDS)
        if first is not None:
            on_arrivals(arrivals_in([first, *consumer.consume(AT_ONCE, timeout=0)]))


def arrivals_in(messages: Sequence[Message]) -> list[Arrival]:
    """Return the orders among what a consumer gave; errors, such as a broker that is away, are its own affair."""
    read = (
        Arrival.from_record(message.partition() or 0, message.offset() or 0, message.value() or b"")
        for message in messages
        if message.error() is None
    )
    return [arrival for arrival in read if arrival is not None]
