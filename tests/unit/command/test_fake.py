"""`python -m dekaf fake`, run as users run it: a process that stands in for Kafka until it is told to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dekaf.command.main import main
from dekaf.producer import Producer
from dekaf.testing import FakeCluster


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; give the process, and where its Kafka is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dekaf", "fake", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Fake Kafka at 127.0.0.1:"), first or process.communicate()[1]
        yield process, first.split()[3].removesuffix(",")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_says_what_came(number: signal.Signals) -> None:
    with command("--port", "0", "--nodes", "2", "--topic", "orders:3", "--show") as (process, servers):
        with Producer(bootstrap_servers=servers, key=str, value=str) as producer:
            assert len(producer.partitions_for("orders")) == 3
            producer.produce("orders", "42", "paid", partition=1)
            producer.produce("created-by-itself", "1", "a")
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")
    assert "orders-1 0 key=b'42' value=b'paid'" in output.splitlines()
    assert "created-by-itself-0 0 key=b'1' value=b'a'" in output.splitlines()
    assert output.splitlines()[-1].endswith("records: orders 1, created-by-itself 1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_it_stands_in_for_a_kafka_at_a_fixed_port() -> None:
    port = free_port()
    with (
        command("--port", str(port)) as (_, servers),
        Producer(bootstrap_servers=f"localhost:{port}", key=str, value=str) as producer,
    ):
        assert servers == f"127.0.0.1:{port}"
        assert producer.produce("orders", "42", "paid").offset == 0


def test_a_port_that_is_taken_is_an_error_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCluster() as cluster, pytest.raises(SystemExit) as ended:
        main(["fake", "--port", str(cluster.broker(1).port)])

    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert (
        f"port {cluster.broker(1).port} of 127.0.0.1 cannot be listened on: {os.strerror(errno.EADDRINUSE)}." in error
    )
    assert "choose another port" in error


@pytest.mark.parametrize(
    "topic", ["orders:0", "orders:00", "orders:x", "orders:9999999999", ":3", "", "my orders", ".."]
)
def test_a_topic_is_a_name_and_a_number(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fake", "--topic", topic])

    assert "is not NAME or NAME:PARTITIONS" in capsys.readouterr().err


@pytest.mark.parametrize("nodes", ["0", "-3", "x", "1001"])
def test_there_is_at_least_one_broker(nodes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fake", "--port", "0", "--nodes", nodes])

    assert "is not a number from 1 to 1,000" in capsys.readouterr().err


def test_an_unknown_release_is_an_error_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fake", "--port", "0", "--kafka", "7.0"])

    assert "7.0" in capsys.readouterr().err
