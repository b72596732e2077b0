"""The Kafka behind the page: Apache Kafka if there is Java, else dekaf's mock cluster, or the one you name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from example_project.demo.broker import VARIABLE, real_kafka
from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interruption
from example_project.demo.security import options_for_confluent
from example_project.stand.board import Board
from example_project.stand.kafka_reader import read_kafka
from example_project.stand.mock_process import MockProcess
from tests.kafka import KafkaCluster, KafkaUnavailableError, why_kafka_cannot_start
from tests.kafka.broker import BrokerState

ORDERS_TOPIC: Final = "shop-orders"
VIEWS_TOPIC: Final = "shop-views"
PARTITIONS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Stoppable:
    """How to take Kafka away, and how to bring it back.

    Args:
        stop: returns when that is done.
        start: the same.
        is_there: tells whether its process runs, which others may end as well.
    """

    stop: Callable[[], None]
    start: Callable[[], None]
    is_there: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class ShopKafka:
    """A Kafka that runs, is read, and has the shop's topics.

    Args:
        bootstrap_servers: where it is.
        description: what it is, for people.
        reader: who reads it, for people.
        orders_topic: the topic of the orders.
        views_topic: the topic of what was looked at.
        switch: how to stop it and start it again; None: it is not ours to stop.
        environment: options of the shops' producers that suit it.
    """

    bootstrap_servers: str
    description: str
    reader: str
    orders_topic: str = ORDERS_TOPIC
    views_topic: str = VIEWS_TOPIC
    switch: Stoppable | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def running_kafka(board: Board, interruption: Interruption) -> Iterator[ShopKafka]:
    """Give a Kafka whose orders are put on the board as they arrive; it ends with the block, unless it is yours.

    Raises:
        DemoError: it does not start, or does not answer.
    """
    why_not_apache = why_kafka_cannot_start()
    if servers := os.environ.get(VARIABLE):
        kafka = your_kafka(servers, board)
    elif why_not_apache is None:
        kafka = apache_kafka(board)
    else:
        kafka = mock_kafka(board, interruption, why_not_apache)
    with kafka as running:
        yield running


@contextmanager
def your_kafka(servers: str, board: Board) -> Iterator[ShopKafka]:
    with real_kafka(servers) as kafka, read_kafka(servers, kafka.orders_topic, board, options_for_confluent()):
        yield ShopKafka(
            bootstrap_servers=servers,
            description=kafka.description,
            reader="confluent-kafka",
            orders_topic=kafka.orders_topic,
            views_topic=kafka.views_topic,
        )


@contextmanager
def apache_kafka(board: Board) -> Iterator[ShopKafka]:
    cluster = KafkaCluster(1)
    with ExitStack() as stack:
        stack.callback(cluster.close)
        start_apache(cluster)
        stack.enter_context(read_kafka(cluster.bootstrap_servers, ORDERS_TOPIC, board, {}))
        yield ShopKafka(
            bootstrap_servers=cluster.bootstrap_servers,
            description=f"Apache Kafka {cluster.version}",
            reader="confluent-kafka",
            # Its log stays in its folder, as that of any broker that is restarted.
            switch=Stoppable(
                stop=lambda: cluster.stop(0),
                start=lambda: restart_apache(cluster),
                is_there=lambda: cluster.brokers[0].state is not BrokerState.DOWN,
            ),
        )


def start_apache(cluster: KafkaCluster) -> None:
    try:
        cluster.start()
        cluster.create_topics([ORDERS_TOPIC, VIEWS_TOPIC], partitions=PARTITIONS)
    except KafkaUnavailableError as error:
        first, *rest = str(error).splitlines()
        raise DemoError(f"Apache Kafka did not start: {first}", rest) from error


def restart_apache(cluster: KafkaCluster) -> None:
    try:
        cluster.restart(0)
    except KafkaUnavailableError as error:
        raise DemoError(f"Apache Kafka did not start again: {str(error).splitlines()[0]}") from error


@contextmanager
def mock_kafka(board: Board, interruption: Interruption, why: str) -> Iterator[ShopKafka]:
    with ExitStack() as stack:
        with interruption.held():
            mock = MockProcess({ORDERS_TOPIC: PARTITIONS, VIEWS_TOPIC: PARTITIONS}, ORDERS_TOPIC, board.add)
            stack.callback(mock.end)
        yield ShopKafka(
            bootstrap_servers=mock.wait_for_address(),
            description=f"dekaf's mock cluster, in memory ({why})",
            reader="its own log",
            switch=Stoppable(stop=mock.pause, start=mock.resume, is_there=lambda: True),
            # A process that is frozen keeps its connections: only silence tells that it is away.
            environment={"DEKAF_REQUEST_TIMEOUT_MS": "2000"},
        )
