"""A Kafka for the demo: librdkafka's mock cluster inside this process, or the cluster that the environment names."""

from __future__ import annotations

import concurrent.futures
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # not in its __all__

from example_project.demo.failure import DemoError
from example_project.demo.security import options_for_confluent, what_dekaf_says

VARIABLE: Final = "DEKAF_BOOTSTRAP_SERVERS"
ANSWER_SECONDS: Final = 5
TOPIC_SECONDS: Final = 10
PARTITIONS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """Where the cluster is, and the topics made for this run."""

    bootstrap_servers: str
    description: str
    orders_topic: str
    views_topic: str
    is_yours: bool = False

    @property
    def topics(self) -> tuple[str, str]:
        return self.orders_topic, self.views_topic


@contextmanager
def open_kafka() -> Iterator[Kafka]:
    """Give a Kafka with two fresh topics. The mock cluster ends with the block; on a real one the topics do.

    Raises:
        DemoError: no Kafka answers, or it refuses the topics.
    """
    servers = os.environ.get(VARIABLE)
    with real_kafka(servers) if servers else mock_kafka() as kafka:
        yield kafka


@contextmanager
def mock_kafka() -> Iterator[Kafka]:
    # The mock cluster is part of the C library behind confluent-kafka: it listens on real sockets of this machine for
    # as long as this producer, which produces nothing, is there.
    host = Producer({"bootstrap.servers": "made-by-the-mock", "test.mock.num.brokers": 3, "log_level": 0})
    brokers = host.list_topics(timeout=ANSWER_SECONDS).brokers.values()
    kafka = describe(",".join(f"{broker.host}:{broker.port}" for broker in brokers), "librdkafka's mock cluster")
    for topic in kafka.topics:
        host.list_topics(topic, timeout=ANSWER_SECONDS)  # asking for a topic makes it
    yield kafka
    del host


@contextmanager
def real_kafka(servers: str) -> Iterator[Kafka]:
    if said := what_dekaf_says(servers, ANSWER_SECONDS):
        raise DemoError(
            f"no Kafka answered at {servers} ({VARIABLE}). Without the variable the demo brings its own. The reason:",
            said.splitlines(),
        )
    asking: dict[str, str | int | float] = {
        "bootstrap.servers": servers,
        "log_level": 0,
        "socket.timeout.ms": ANSWER_SECONDS * 1000,
    }
    admin = AdminClient({**asking, **options_for_confluent()})
    brokers = ask_for_brokers(admin, servers)
    kafka = describe(servers, f"your cluster, {count(brokers, 'broker')}", is_yours=True)
    try:
        create(admin, kafka.topics)
        yield kafka
    finally:
        deletions = admin.delete_topics(list(kafka.topics), operation_timeout=TOPIC_SECONDS)
        concurrent.futures.wait(deletions.values(), TOPIC_SECONDS)


def ask_for_brokers(admin: AdminClient, servers: str) -> int:
    try:
        return len(admin.list_topics(timeout=ANSWER_SECONDS).brokers)
    except KafkaException as error:
        raise DemoError(
            f"confluent-kafka, which reads, got no answer from {servers} within {ANSWER_SECONDS} s: "
            f"{error.args[0].str()}"
        ) from error


def create(admin: AdminClient, topics: tuple[str, ...]) -> None:
    wanted = [NewTopic(topic, num_partitions=PARTITIONS) for topic in topics]
    for topic, creation in admin.create_topics(wanted, operation_timeout=TOPIC_SECONDS).items():
        try:
            creation.result(timeout=TOPIC_SECONDS)
        except KafkaException as error:
            raise DemoError(f"the topic {topic} could not be made: {error.args[0].str()}") from error


def describe(servers: str, description: str, *, is_yours: bool = False) -> Kafka:
    run = uuid.uuid4().hex[:6]  # topics of this run alone: what is read back is what it wrote
    return Kafka(
        bootstrap_servers=servers,
        description=description,
        orders_topic=f"dekaf-demo-{run}-orders",
        views_topic=f"dekaf-demo-{run}-views",
        is_yours=is_yours,
    )


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
