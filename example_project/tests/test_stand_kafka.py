"""Which Kafka the stand takes, and what it can do to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest

from dekaf import ClusterUnavailableError, Producer
from dekaf.testing import FakeCluster
from example_project.demo import broker as demo_broker
from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interruption
from example_project.stand import kafka as kafka_of_the_stand
from example_project.stand.arrival import Arrival
from example_project.stand.board import Board
from example_project.stand.kafka import ORDERS_TOPIC, VIEWS_TOPIC, running_kafka
from example_project.stand.mock_process import MockProcess
from example_project.tests.demo_run import is_gone

ORDER = b'{"order_id":"web-%d","customer":"ada","item":"decaf","quantity":1,"total_cents":300}'


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEKAF_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setattr(kafka_of_the_stand, "why_kafka_cannot_start", lambda: "there is no `java`")


@pytest.fixture
def arrivals() -> list[Arrival]:
    return []


@pytest.fixture
def mock(arrivals: list[Arrival]) -> Iterator[MockProcess]:
    mock = MockProcess({ORDERS_TOPIC: 1, VIEWS_TOPIC: 1}, ORDERS_TOPIC, arrivals.extend)
    yield mock
    mock.end()
    assert is_gone(mock.pid)


@pytest.mark.usefixtures("no_java")
def test_without_java_it_is_the_mock_cluster_with_a_reason_and_can_be_stopped() -> None:
    board = Board()
    with running_kafka(board, Interruption()) as kafka, Producer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        written = producer.produce(ORDERS_TOPIC, b"ada", ORDER % 1)

        with board.watching() as events:
            told = next(event for event in events if event.get("arrivals"))

    assert kafka.description == "dekaf's mock cluster, in memory (there is no `java`)"
    assert kafka.switch is not None
    (arrival,) = told["arrivals"]
    assert (arrival["order_id"], arrival["partition"], arrival["offset"]) == (
        "web-1",
        written.partition,
        written.offset,
    )


def test_a_mock_cluster_that_has_ended_can_be_stopped_and_started_without_harm(mock: MockProcess) -> None:
    mock.wait_for_address()
    os.kill(mock.pid, signal.SIGKILL)

    mock.pause()
    mock.resume()


def test_a_frozen_mock_cluster_keeps_what_it_has_and_takes_each_order_once(
    mock: MockProcess, arrivals: list[Arrival]
) -> None:
    servers = mock.wait_for_address()
    with Producer(bootstrap_servers=servers, request_timeout_ms=300, unavailable_after_ms=300, linger_ms=0) as producer:
        producer.produce(ORDERS_TOPIC, b"ada", ORDER % 0)
        mock.pause()
        producer.fire(ORDERS_TOPIC, b"ada", ORDER % 1)
        with pytest.raises(ClusterUnavailableError):
            keep_producing(producer)
        producer.fire(ORDERS_TOPIC, b"ada", ORDER % 2)
        assert {one.order_id for one in arrivals} <= {"web-0"}
        mock.resume()
        assert producer.flush(timeout=30).ok

    mock.end()
    assert [one.order_id for one in arrivals] == ["web-0", "web-1", "web-2"]


def keep_producing(producer: Producer) -> NoReturn:
    """Until the cluster counts as away."""
    while True:
        producer.produce(ORDERS_TOPIC, b"ada", b"not an order")


def test_a_mock_cluster_that_ends_at_once_is_a_sentence() -> None:
    mock = MockProcess({}, "no-such-topic", lambda _: None)

    mock.wait_for_address()  # the cluster has started; then its log was asked for
    with pytest.raises(DemoError, match="did not start"):
        mock.wait_for_address()

    mock.end()


def test_a_mock_cluster_ends_with_the_one_that_started_it_even_while_it_is_frozen(mock: MockProcess) -> None:
    mock.wait_for_address()
    mock.pause()

    mock.end()

    assert is_gone(mock.pid)
    assert "reads the mock cluster's log" not in [thread.name for thread in threading.enumerate()]


def test_your_kafka_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeCluster() as cluster:
        servers = cluster.bootstrap_servers
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", servers)
    monkeypatch.setattr(demo_broker, "ANSWER_SECONDS", 1)

    with (
        pytest.raises(DemoError, match=f"no Kafka answered at {servers}"),
        running_kafka(Board(), Interruption()),
    ):
        pass
