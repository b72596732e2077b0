"""The cluster that the broker tests stand on, tried with confluent-kafka alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.conftest import ReadBack
from tests.kafka import AdoptedCluster, BrokersNotOursError, KafkaCluster, why_kafka_cannot_start
from tests.kafka.broker import BrokerState

# A process started in the background by a shell ignores Ctrl-C, and hands that down: the first line undoes it.
LONG_LIVED_OWNER = """
import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.kafka import KafkaCluster
with KafkaCluster() as cluster:
    print(cluster.brokers[0].pid, cluster.brokers[0].node.folder.parent, flush=True)
    time.sleep(600)
"""


def produce(bootstrap_servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "log_level": 0})
    for number, value in enumerate(values):
        producer.produce(
            topic, value, key=b"key", partition=number % 4, headers=[("trace", b"1")], timestamp=number + 1
        )
    assert producer.flush(30) == 0


def test_produced_records_are_read_back_with_all_they_carry(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    produce(kafka_cluster.bootstrap_servers, topic, [b"a", b"b", b"c", b"d", b"e"])

    records = read_back(topic, 5)

    assert [(record.partition, record.offset, record.value) for record in records] == [
        (0, 0, b"a"),
        (0, 1, b"e"),
        (1, 0, b"b"),
        (2, 0, b"c"),
        (3, 0, b"d"),
    ]
    assert {record.key for record in records} == {b"key"}
    assert {record.headers for record in records} == {(("trace", b"1"),)}
    assert [record.timestamp_ms for record in records] == [1, 5, 2, 3, 4]


def test_reading_back_more_than_there_is_fails_within_its_time(topic: str, read_back: ReadBack) -> None:
    with pytest.raises(AssertionError, match="0 of 1 records"):
        read_back(topic, 1, timeout=1)


def test_console_consumer_prints_the_values(kafka_cluster: KafkaCluster, topic: str) -> None:
    produce(kafka_cluster.bootstrap_servers, topic, [b"a", b"b"])

    assert sorted(kafka_cluster.console_consumer(topic, 2)) == ["a", "b"]


def test_log_on_the_disk_is_valid(kafka_cluster: KafkaCluster, topic: str) -> None:
    produce(kafka_cluster.bootstrap_servers, topic, [b"on the disk"])

    dumped = kafka_cluster.dump_log(topic, 0)

    assert "isvalid: true" in dumped
    assert "payload: on the disk" in dumped


def test_stopped_broker_comes_back_on_its_port_with_its_records(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    produce(kafka_cluster.bootstrap_servers, topic, [b"before"])

    kafka_cluster.restart(0)
    produce(kafka_cluster.bootstrap_servers, topic, [b"after"])

    assert [record.value for record in read_back(topic, 2)] == [b"before", b"after"]


def test_killed_broker_comes_back_with_its_records(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    produce(kafka_cluster.bootstrap_servers, topic, [b"before"])

    kafka_cluster.kill(0)
    assert kafka_cluster.brokers[0].state is BrokerState.DOWN
    kafka_cluster.restart(0)

    assert [record.value for record in read_back(topic, 1)] == [b"before"]


def test_paused_broker_answers_again_after_it_is_resumed(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    with kafka_cluster.paused(0):
        assert kafka_cluster.brokers[0].state is BrokerState.PAUSED
        assert kafka_cluster.brokers[0].is_listening()

    produce(kafka_cluster.bootstrap_servers, topic, [b"awake"])
    assert [record.value for record in read_back(topic, 1)] == [b"awake"]


def test_brokers_left_down_or_paused_are_restored(kafka_cluster: KafkaCluster, read_back: ReadBack, topic: str) -> None:
    kafka_cluster.pause(0)
    kafka_cluster.restore()
    kafka_cluster.stop(0)
    kafka_cluster.restore()

    produce(kafka_cluster.bootstrap_servers, topic, [b"back"])
    assert [record.value for record in read_back(topic, 1)] == [b"back"]


def test_three_brokers_elect_another_leader_when_one_is_killed(start_kafka: Callable[..., KafkaCluster]) -> None:
    cluster = start_kafka(3, properties={"message.max.bytes": "2000000"}, heap_mb=256)
    cluster.create_topic("orders", partitions=1)
    first = cluster.leader_of("orders", 0)

    cluster.kill(first)
    deadline = time.monotonic() + 60
    while (now := cluster.leader_of("orders", 0)) in {first, -1} and time.monotonic() < deadline:
        time.sleep(0.2)  # nothing announces an election; the broker's session has to run out

    assert now not in {first, -1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left_behind_when_the_owner_ends_by_a_signal(number: signal.Signals) -> None:
    if reason := why_kafka_cannot_start():
        pytest.skip(reason)
    command = [sys.executable, "-c", LONG_LIVED_OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()

        try:
            owner.send_signal(number)
            owner.wait(30)
        finally:
            owner.kill()

    assert ends_within(10, int(pid), Path(folder))


def ends_within(seconds: float, pid: int, folder: Path) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) or folder.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # neither is a child of this process that could be waited for
    return True


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_adopted_cluster_keeps_its_processes_to_itself(kafka_cluster: KafkaCluster) -> None:
    with AdoptedCluster(kafka_cluster.bootstrap_servers) as adopted:
        adopted.create_topic(f"adopted-{os.getpid()}-{time.monotonic_ns()}")
        with pytest.raises(BrokersNotOursError, match="not started by this test run"):
            adopted.kill(0)
