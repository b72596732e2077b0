"""Forks, exits and a Kafka that is not there: what a web server does to a producer, on a real broker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path

import pytest

from dekaf import BrokerConnectionError, DeliveryTimeoutError, Producer
from tests.conftest import ReadBack
from tests.kafka import ConsumedRecord, KafkaCluster
from tests.scenarios.places import closed_port

ROOT = Path(__file__).parents[2]


def run_script(script: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )


def values(records: list[ConsumedRecord]) -> list[str]:
    return sorted((record.value or b"").decode() for record in records)


def test_fired_messages_are_drained_when_the_interpreter_exits(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    script = """
        import sys
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=5000, batch_size=1048576)
        for number in range(1000):
            producer.fire(sys.argv[2], None, str(number))
    """

    done = run_script(script, kafka_cluster.bootstrap_servers, topic)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_back(topic, 1000)) == 1000


def test_users_exit_hooks_may_still_produce(kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack) -> None:
    script = """
        import atexit, sys
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=5000)
        atexit.register(lambda: producer.fire(sys.argv[2], None, "goodbye"))
    """

    done = run_script(script, kafka_cluster.bootstrap_servers, topic)

    assert (done.returncode, done.stderr) == (0, "")
    assert values(read_back(topic, 1)) == ["goodbye"]


def test_parent_and_forked_children_each_deliver_their_own(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    script = """
        import os, sys
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=300)
        producer.fire(sys.argv[2], None, "parent before")
        producer.flush()
        producer.fire(sys.argv[2], None, "parent pending")  # lingers while the children are forked
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                producer.fire(sys.argv[2], None, f"child {child} fired")
                producer.produce(sys.argv[2], None, f"child {child} produced")
                sys.exit(0)  # runs the exit hooks
            children.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        producer.produce(sys.argv[2], None, "parent after")
        producer.close()
        sys.exit(max(codes))
    """

    done = run_script(script, kafka_cluster.bootstrap_servers, topic)

    assert (done.returncode, done.stderr) == (0, "")
    expected = ["parent before", "parent pending", "parent after"]
    expected += [f"child {child} {verb}" for child in range(4) for verb in ("fired", "produced")]
    assert values(read_back(topic, len(expected))) == sorted(expected)


def produce_in_child(bootstrap_servers: str, topic: str) -> None:
    """Leave a message lingering: only the drain can deliver it."""
    producer = Producer(bootstrap_servers=bootstrap_servers, linger_ms=5000)
    producer.fire(topic, None, "from a child")


@pytest.mark.parametrize(
    "context", [multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")], ids=["fork", "spawn"]
)
def test_children_of_multiprocessing_drain(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack, context: ForkContext | SpawnContext
) -> None:
    child = context.Process(target=produce_in_child, args=(kafka_cluster.bootstrap_servers, topic))

    child.start()
    child.join(30)

    assert child.exitcode == 0
    assert values(read_back(topic, 1)) == ["from a child"]


def test_a_dropped_producer_warns_and_delivers(kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack) -> None:
    producer = Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, linger_ms=5000)
    producer.fire(topic, None, "kept")

    with pytest.warns(ResourceWarning, match="without close"):
        del producer

    assert values(read_back(topic, 1)) == ["kept"]


def test_a_broker_that_was_killed_and_restarted_loses_and_repeats_nothing(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    outcomes: list[bool] = []
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, delivery_timeout_ms=60_000) as producer:
        producer.partitions_for(topic)  # a topic that was never heard of would be given up after max_block_ms
        for number in range(3000):
            producer.fire(
                topic, str(number % 5), str(number), on_delivery=lambda _, error: outcomes.append(error is None)
            )
            if number == 1000:
                kafka_cluster.kill(0)
        kafka_cluster.restart(0)
        for number in range(3000, 4000):
            producer.fire(
                topic, str(number % 5), str(number), on_delivery=lambda _, error: outcomes.append(error is None)
            )
        report = producer.flush(60)

    assert report.ok, report
    assert outcomes == [True] * 4000
    records = read_back(topic, 4000)
    assert len(records) == 4000
    for key in range(5):
        mine = [int(record.value or b"") for record in records if record.key == str(key).encode()]
        assert mine == list(range(key, 4000, 5))


@pytest.fixture
def nobody() -> Iterator[str]:
    """Return an address where nothing listens."""
    with closed_port() as address:
        yield address


def test_without_kafka_produce_fails_in_time_and_names_the_servers(nobody: str) -> None:
    started = time.monotonic()
    producer = Producer(bootstrap_servers=nobody, produce_timeout_ms=500)
    assert time.monotonic() - started < 1.0

    started = time.monotonic()
    with pytest.raises(DeliveryTimeoutError, match=nobody) as caught:
        producer.produce("orders", None, "v")
    assert time.monotonic() - started < 3.0
    assert isinstance(caught.value.__cause__, BrokerConnectionError)
    assert caught.value.is_retriable
    assert not caught.value.may_be_persisted
    with pytest.raises(BrokerConnectionError, match=nobody):
        producer.check(0.2)
    producer.close()


def test_without_kafka_close_returns_in_time_and_reports_what_is_lost(nobody: str) -> None:
    producer = Producer(bootstrap_servers=nobody, max_block_ms=60_000)
    for _ in range(10):
        producer.fire("orders", None, "v")
    started = time.monotonic()

    report = producer.close(2)

    assert 1.9 < time.monotonic() - started < 4.0
    assert (report.undelivered, report.delivered, report.ok) == (10, 0, False)


def test_an_absent_broker_costs_next_to_no_cpu(nobody: str) -> None:
    producer = Producer(bootstrap_servers=nobody)
    producer.fire("orders", None, "v")
    before = time.process_time()

    producer.close(3)

    assert time.process_time() - before < 0.3


def test_a_process_under_sigint_ends_with_its_messages_delivered(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    script = """
        import signal, sys, time
        from dekaf import Producer
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=5000)
        producer.fire(sys.argv[2], None, "before Ctrl-C")
        print("ready", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), kafka_cluster.bootstrap_servers, topic],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, signal.SIGINT)
        process.wait(20)

    assert values(read_back(topic, 1)) == ["before Ctrl-C"]
