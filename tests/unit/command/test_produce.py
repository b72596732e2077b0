"""`dekaf produce`, run as users run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import ApiKey, FakeCluster

TOPIC = "orders"


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={TOPIC: 1}) as running:
        yield running


def produce(cluster: FakeCluster, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dekaf", "produce", TOPIC, "-b", cluster.bootstrap_servers, *arguments],
        input=content,
        capture_output=True,
        timeout=50,
        check=False,
    )


def values(cluster: FakeCluster) -> list[bytes | None]:
    return [record.value for record in cluster.log(TOPIC)]


def test_lines_of_the_standard_input_arrive_in_order(cluster: FakeCluster) -> None:
    done = produce(cluster, content=b"a\n\nb\n")

    assert (done.returncode, done.stdout) == (0, b"")
    assert values(cluster) == [b"a", b"", b"b"]
    assert done.stderr.startswith(b"3 delivered to orders, 0 not, in ")


def test_a_file_is_read_and_headers_and_a_key_are_added(cluster: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text('{"value": "a"}\n{"value": "b", "key": "43", "headers": {"own": "2"}}\n')

    done = produce(cluster, "--format", "json", "-k", "42", "-H", "trace=1", "-p", "0", "-q", str(file))

    assert (done.returncode, done.stderr) == (0, b"")
    assert [(record.key, record.headers) for record in cluster.log(TOPIC)] == [
        (b"42", (("trace", b"1"),)),
        (b"43", (("trace", b"1"), ("own", b"2"))),
    ]


def test_a_broken_line_ends_the_reading_and_what_was_read_is_delivered(cluster: FakeCluster) -> None:
    done = produce(cluster, "--format", "json", content=b'{"value": 1}\n{"valu": 2}\n{"value": 3}\n')

    assert done.returncode == 1
    assert values(cluster) == [b"1"]
    assert done.stderr.splitlines()[0] == b"line 2: there is no 'valu'; did you mean 'value'?"


def test_broken_lines_can_be_left_out(cluster: FakeCluster) -> None:
    done = produce(cluster, "--format", "json", "--skip-broken", content=b'{"value": 1}\n{\n{"value": 3}\n')

    assert done.returncode == 1
    assert values(cluster) == [b"1", b"3"]
    assert b"2 delivered to orders, 0 not, 1 broken line(s) left out" in done.stderr


def test_more_than_the_buffer_holds_is_read_as_fast_as_it_empties(cluster: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "many"
    file.write_bytes(b"".join(b"%0100d\n" % at for at in range(5_000)))

    done = produce(
        cluster, "-X", "buffer_memory=65536", "-X", "batch_size=8192", "-X", "max_block_ms=10", "-q", str(file)
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert values(cluster) == [b"%0100d" % at for at in range(5_000)]


def test_what_is_not_delivered_is_told_and_counts_as_a_failure(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=None)

    done = produce(
        cluster,
        *("-X", "delivery_timeout_ms=300", "-X", "request_timeout_ms=200", "-X", "close_timeout_ms=2000"),
        content=b"a\nb\n",
    )

    assert done.returncode == 1
    assert b"0 delivered to orders, 2 not" in done.stderr
    assert b"orders-0" in done.stderr


def test_ctrl_c_delivers_what_was_read(cluster: FakeCluster) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "dekaf", "produce", TOPIC, "-b", cluster.bootstrap_servers],
        stdin=reader,
        stderr=subprocess.PIPE,
    )
    os.close(reader)
    os.write(writer, b"a\nb\n" * 5_000)  # more than is read ahead
    cluster.wait_until(lambda: len(cluster.log(TOPIC)) > 0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    os.close(writer)

    assert process.returncode == 130
    assert f"{len(cluster.log(TOPIC)):,} delivered to orders, 0 not".encode() in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/file"], b"/no/such/file: No such file or directory"),
        (["-H", "x"], b"it is not NAME=VALUE"),
        (["-X", "lingr_ms=3"], b"lingr_ms"),
        (["--format", "xml"], b"invalid choice"),
    ],
)
def test_wrong_use_is_told_in_a_line_with_status_2(cluster: FakeCluster, arguments: list[str], said: bytes) -> None:
    done = produce(cluster, *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_message_that_is_too_large_is_told_by_its_line(cluster: FakeCluster) -> None:
    done = produce(cluster, "-X", "max_request_size=10000", content=b"a\n" + b"x" * 20_000 + b"\nb\n")

    assert done.returncode == 1
    assert values(cluster) == [b"a", b"b"]
    assert done.stderr.startswith(b"line 2: ")
