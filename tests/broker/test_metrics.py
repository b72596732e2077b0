"""What producers count and measure, against what Kafka holds; after chaos, `tests/chaos` compares as well."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Self

import pytest

from dekaf import Producer
from dekaf.producer.options import CompressionType
from tests.contrib.prometheus.test_multiprocess import PATIENCE, Gunicorn
from tests.contrib.prometheus.worker_app import INTERVAL
from tests.kafka import KafkaCluster, read_back


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_records_bytes_and_batches_are_those_on_the_brokers_disk(
    kafka_cluster: KafkaCluster, topic: str, codec: CompressionType
) -> None:
    other = f"other-{topic}"
    kafka_cluster.create_topic(other, partitions=2)
    with Producer(
        bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str, compression_type=codec
    ) as producer:
        for number in range(2_000):
            producer.fire(topic if number % 4 else other, str(number), "x" * (number % 500))
        producer.flush()
        metrics = producer.metrics()

    on_disk = {name: kafka_cluster.dumped_batches(name) for name in (topic, other)}
    assert metrics.batches_retried_total == 0
    assert {one.topic: one.records_delivered_total for one in metrics.topics} == {
        name: sum(batch.count for batch in batches) for name, batches in on_disk.items()
    }
    assert {one.topic: one.sent_bytes_total for one in metrics.topics} == {
        name: sum(batch.size_bytes for batch in batches) for name, batches in on_disk.items()
    }
    batches = [batch for found in on_disk.values() for batch in found]
    assert metrics.batch_size_bytes.count == metrics.batch_records.count == len(batches)
    assert metrics.batch_size_bytes.sum == sum(batch.size_bytes for batch in batches)
    assert metrics.batch_records.sum == metrics.send_latency_seconds.count == 2_000


class Load:
    """Asks a server to produce, so that each answer stands for ten records that were delivered."""

    def __init__(self, server: Gunicorn) -> None:
        self.answers: list[tuple[float, int]] = []  # when, and by which worker
        self._is_over = threading.Event()
        self._server = server
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._is_over.is_set():
            worker = int(self._server.get("/flushed"))
            self.answers.append((time.monotonic(), worker))

    def wait_for(self, answers: int, worker: int) -> None:
        """Wait until a worker has given so many more answers."""
        until = time.monotonic() + PATIENCE
        before = len(self.of(worker))
        while len(self.of(worker)) < before + answers:
            assert time.monotonic() < until, "it answers no more"
            self._is_over.wait(0.02)

    def of(self, worker: int) -> list[float]:
        """Return when a worker answered."""
        return [when for when, which in self.answers if which == worker]


def test_sums_of_two_workers_are_exact_when_one_is_ended_and_an_interval_behind_when_one_is_killed(
    kafka_cluster: KafkaCluster, topic: str, tmp_path: Path
) -> None:
    def held() -> int:
        return len(read_back(kafka_cluster.bootstrap_servers, topic, 0))

    server = Gunicorn(kafka_cluster.bootstrap_servers, tmp_path, TEST_TOPIC=topic)
    try:
        ended, killed = server.two_workers("/flushed")
        with Load(server) as load:
            load.wait_for(10, ended)
            os.kill(ended, signal.SIGTERM)
            load.wait_for(10, killed)
        server.wait_until(lambda: server.delivered() == held())

        with Load(server) as load:
            load.wait_for(10, killed)
            os.kill(killed, signal.SIGKILL)
            died = time.monotonic()
            load.wait_for(5, next(worker for _, worker in load.answers if worker != killed))
        in_the_end = held()
        last = [when for when in load.of(killed) if when > died - 2 * INTERVAL]  # the writer may have been late, too
        server.wait_until(lambda: in_the_end - server.delivered() <= 10 * (len(last) + 1))
        assert server.delivered() <= in_the_end
    finally:
        server.stop()
