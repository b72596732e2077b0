"""The command against a real Kafka: a million lines, a broken one, Kafka stopped half-way, Ctrl-C."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.command.main import main
from tests.kafka import KafkaCluster, SecureCluster, read_back
from tests.kafka.admin import allow
from tests.kafka.users import USERS

MILLION = 1_000_000
MANY = 300_000


@pytest.fixture
def topic(kafka_cluster: KafkaCluster) -> str:
    name = f"command-{uuid.uuid4().hex[:12]}"
    kafka_cluster.create_topic(name, partitions=1)
    return name


def lines_of(path: Path, count: int) -> Path:
    path.write_bytes(b"".join(b"order %d\n" % number for number in range(count)))
    return path


def command(cluster: KafkaCluster, *arguments: str) -> list[str]:
    name, *rest = arguments
    return [sys.executable, "-m", "dekaf", name, "-b", cluster.bootstrap_servers, *rest]


def values(cluster: KafkaCluster, topic: str, count: int) -> list[bytes | None]:
    return [record.value for record in read_back(cluster.bootstrap_servers, topic, count, timeout=90)]


def test_a_million_lines_arrive_in_order_and_a_terminal_shows_how_far_it_is(
    kafka_cluster: KafkaCluster, topic: str, tmp_path: Path
) -> None:
    file = lines_of(tmp_path / "orders", MILLION)
    reader, writer = pty.openpty()
    shown: list[bytes] = []

    def read_terminal() -> None:
        try:
            while chunk := os.read(reader, 65_536):
                shown.append(chunk)
        except OSError:  # the other end was closed, as Linux tells it
            return

    reading = threading.Thread(target=read_terminal)
    process = subprocess.Popen(command(kafka_cluster, "produce", topic, str(file)), stderr=writer)
    os.close(writer)
    reading.start()
    assert process.wait(timeout=120) == 0
    reading.join()
    os.close(reader)

    text = b"".join(shown)
    assert b" read, " in text
    assert b" delivered" in text
    assert f"1,000,000 delivered to {topic}, 0 not".encode() in text
    assert values(kafka_cluster, topic, MILLION) == [b"order %d" % number for number in range(MILLION)]


def test_a_broken_line_ends_the_reading_after_what_was_before_it(
    kafka_cluster: KafkaCluster, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b'{"value": "paid"}\n' * 100_000 + b'{"value": \n' + b'{"value": "late"}\n' * 10)

    done = subprocess.run(
        command(kafka_cluster, "produce", topic, str(file), "--format", "json"),
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(b"line 100001: it is not JSON")
    assert values(kafka_cluster, topic, 100_000) == [b"paid"] * 100_000


def test_kafka_that_stops_half_way_holds_up_the_reading_and_loses_nothing(
    kafka_cluster: KafkaCluster, topic: str, tmp_path: Path
) -> None:
    file = lines_of(tmp_path / "orders", MANY)
    process = subprocess.Popen(
        command(kafka_cluster, "produce", topic, str(file), "-X", "buffer_memory=4000000"),
        stderr=subprocess.PIPE,
    )
    time.sleep(1.0)  # it is under way
    for broker in range(len(kafka_cluster.brokers)):
        kafka_cluster.pause(broker)
    time.sleep(3.0)
    assert process.poll() is None
    kafka_cluster.restore()
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert f"300,000 delivered to {topic}, 0 not".encode() in errors
    assert values(kafka_cluster, topic, MANY) == [b"order %d" % number for number in range(MANY)]


def test_ctrl_c_delivers_what_was_read_and_says_how_much(kafka_cluster: KafkaCluster, topic: str) -> None:
    process = subprocess.Popen(command(kafka_cluster, "produce", topic), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"order\n" * 200_000)
    process.stdin.flush()
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    told = int(errors.split(b" delivered to")[0].splitlines()[-1].replace(b",", b""))
    assert 0 < told <= 200_000
    assert len(values(kafka_cluster, topic, told)) == told


def test_check_goes_through_all_steps(
    kafka_cluster: KafkaCluster, topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "-b", kafka_cluster.bootstrap_servers, topic]) == 0
    assert f"topic {topic}: 1 partition(s)" in capsys.readouterr().out

    assert main(["check", "-b", kafka_cluster.bootstrap_servers, f"no-{topic}", "--timeout", "2"]) == 1
    assert f"FAILED topic no-{topic}: topic: " in capsys.readouterr().out


@pytest.fixture
def guarded_cluster() -> Iterator[SecureCluster]:
    """A broker with rules: alice may read one topic, and write to another."""
    rules = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    with SecureCluster(1, properties=rules) as cluster:
        for topic in ("read", "written", "hidden"):
            cluster.create_topic(topic, partitions=1)
        allow(cluster.bootstrap_servers, "User:alice", {"read": "READ", "written": "WRITE"})
        yield cluster


def test_check_tells_rights_to_see_a_topic_from_those_to_write_to_it(
    guarded_cluster: SecureCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEKAF_SASL_PASSWORD", USERS["alice"])
    monkeypatch.setenv("DEKAF_SSL_CAFILE", str(guarded_cluster.authority.cafile))
    monkeypatch.setenv("DEKAF_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("DEKAF_SASL_USERNAME", "alice")
    monkeypatch.setenv("DEKAF_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", guarded_cluster.servers("SASL_SSL"))

    assert main(["check", "written"]) == 0
    assert "ok     topic written: 1 partition(s), " in capsys.readouterr().out
    assert main(["check", "read", "hidden"]) == 1
    told = capsys.readouterr().out
    assert "FAILED topic read: rights: This client may see the topic, and not write to it" in told
    assert "FAILED topic hidden: rights: " in told
