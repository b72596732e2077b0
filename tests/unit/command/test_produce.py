"""`dekaf produce`, run as users run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from dekaf.testing import ApiKey, FakeCluster
from tests.unit.command.terminals import needs_pty, on_terminal

TOPIC = "orders"
COMMAND = (sys.executable, "-m", "dekaf")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={TOPIC: 1}) as running:
        yield running


def run(*arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=content, capture_output=True, timeout=50, check=False)


def produce(cluster: FakeCluster, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run("produce", TOPIC, "-b", cluster.bootstrap_servers, *arguments, content=content)


@contextmanager
def under_way(cluster: FakeCluster, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """Run the command with one line read, and more to come; give its standard input and error, too."""
    process = subprocess.Popen(
        [*COMMAND, "produce", TOPIC, "-b", cluster.bootstrap_servers, *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    with process:
        process.stdin.write(b"a\n")
        process.stdin.flush()
        yield process, process.stdin, process.stderr


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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_deliver_what_was_read(cluster: FakeCluster, number: signal.Signals, status: int) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "dekaf", "produce", TOPIC, "-b", cluster.bootstrap_servers],
        stdin=reader,
        stderr=subprocess.PIPE,
    )
    os.close(reader)
    os.write(writer, b"a\nb\n" * 5_000)  # more than is read ahead
    cluster.wait_until(lambda: len(cluster.log(TOPIC)) > 0)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    os.close(writer)

    assert process.returncode == status
    assert f"{len(cluster.log(TOPIC)):,} delivered to orders, 0 not".encode() in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/file"], b"/no/such/file: No such file or directory"),
        ([str(Path(__file__).parent)], b": Is a directory"),
        (["--key-separator", ""], b"it is empty"),
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


def test_a_message_that_is_too_large_is_a_broken_line(cluster: FakeCluster) -> None:
    content = b"a\n" + b"x" * 20_000 + b"\nb\n"
    done = produce(cluster, "-X", "max_request_size=10000", content=content)

    assert done.returncode == 1
    assert values(cluster) == [b"a"]
    assert done.stderr.startswith(b"line 2: ")

    done = produce(cluster, "-X", "max_request_size=10000", "--skip-broken", content=content)

    assert done.returncode == 1
    assert values(cluster) == [b"a", b"a", b"b"]
    assert b"2 delivered to orders, 0 not, 1 broken line(s) left out" in done.stderr


def test_a_topic_that_cannot_be_is_wrong_use(cluster: FakeCluster) -> None:
    done = run("produce", "no such topic", "-b", cluster.bootstrap_servers, content=b"a\n" * 10)

    assert done.returncode == 2
    assert done.stderr.count(b"no such topic") == 1


def test_a_full_buffer_holds_up_the_reading_whatever_the_configuration_says(cluster: FakeCluster) -> None:
    options = ("-X", "buffer_memory=65536", "-X", "batch_size=8192", "-X", "buffer_full=raise", "-q")
    done = produce(cluster, *options, content=b"".join(b"%0100d\n" % at for at in range(2_000)))

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(values(cluster)) == 2_000


def test_what_was_read_has_as_long_as_messages_live_once_kafka_is_there(cluster: FakeCluster) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    with under_way(cluster, "-X", "close_timeout_ms=100") as (process, stdin, stderr):
        cluster.wait_until(lambda: held.waiting)
        stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.0)  # ten times what closing would have
        held.release()
        errors = stderr.read()

        assert process.wait(30) == 0
    assert b"1 delivered to orders, 0 not" in errors


def test_a_second_ctrl_c_gives_up_what_is_left(cluster: FakeCluster) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    with under_way(cluster) as (process, _, stderr):
        cluster.wait_until(lambda: held.waiting)
        process.send_signal(signal.SIGINT)
        assert stderr.readline().startswith(b"interrupted: ")
        process.send_signal(signal.SIGINT)
        errors = stderr.read()
        held.release()

        assert process.wait(30) == 130
    assert b"0 delivered to orders, 1 not" in errors
    assert b"Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="shells of Windows close no descriptors")
@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [
        ("<&-", 2, b"dekaf: error: the standard input is closed: name a FILE, or pipe something into the command.\n"),
        (">&-", 0, b"2 delivered to orders"),
        ("2>&-", 0, b""),
        ("< /proc/self/mem", 1, b"the standard input: after line 0: "),
    ],
)
def test_standard_streams_may_be_closed_or_broken(
    cluster: FakeCluster, redirection: str, status: int, said: bytes
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, "produce", TOPIC, "-b", cluster.bootstrap_servers],
        input=b"a\nb\n",
        capture_output=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == status
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_arguments_that_are_no_text_are_produced_as_they_are(cluster: FakeCluster) -> None:
    done = produce(cluster, "-k", b"\xff", "-H", b"a=\xfe", content=b"\xfd\n")  # type: ignore[arg-type] # as shells do

    assert done.returncode == 0
    record = cluster.log(TOPIC)[0]
    assert (record.key, record.headers, record.value) == (b"\xff", (("a", b"\xfe"),), b"\xfd")


@needs_pty
def test_a_terminal_with_rich_shows_a_bar_a_rate_and_the_time_that_is_left(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    file = tmp_path / "orders"
    file.write_bytes(b"".join(b"%0100d\n" % at for at in range(60_000)))
    shown = on_terminal("produce", TOPIC, "-b", cluster.bootstrap_servers, str(file), columns=140)

    assert shown.status == 0
    assert re.search(
        r"━ +\d+% \d+:\d\d left, [\d,]+/s, [\d,]+ read, [\d,]+ delivered(, [\d,]+ waiting)?, [\d.]+ of 6.1 MB",
        shown.text,
    ), shown.text[-500:]
    assert "60,000 delivered to orders, 0 not" in shown.text.splitlines()[-1]
    assert shown.raw.rfind("\x1b[?25h") > shown.raw.rfind("\x1b[?25l")  # the cursor is there


@needs_pty
@pytest.mark.parametrize(
    ("options", "is_drawn"),
    [
        ({"has_rich": False}, False),
        ({"columns": 40}, False),
        ({"environment": {"NO_COLOR": "1"}}, True),
        ({"environment": {"PYTHONIOENCODING": "ascii"}}, True),
    ],
)
def test_terminals_of_all_kinds_are_left_clean(
    cluster: FakeCluster, tmp_path: Path, options: dict[str, Any], is_drawn: bool
) -> None:
    file = tmp_path / "orders"
    file.write_bytes(b"%0100d\n" % 7 * 40_000)
    shown = on_terminal("produce", TOPIC, "-b", cluster.bootstrap_servers, str(file), **options)

    assert shown.status == 0
    assert " delivered" in shown.text
    assert ("% " in shown.text) is is_drawn
    assert shown.text.splitlines()[-1].startswith("40,000 delivered to orders, 0 not, in ")
    if "NO_COLOR" in options.get("environment", {}):
        assert not re.search(r"\x1b\[[0-9;]+m", shown.raw)


@needs_pty
def test_a_dumb_terminal_gets_the_last_line_alone(cluster: FakeCluster) -> None:
    shown = on_terminal(
        "produce", TOPIC, "-b", cluster.bootstrap_servers, content=b"a\n" * 9, environment={"TERM": "dumb"}
    )

    assert re.fullmatch(r"9 delivered to orders, 0 not, in [\d.]+ s \([\d,]+ a second\)\n", shown.text)


@needs_pty
@pytest.mark.parametrize("has_rich", [True, False])
def test_complaints_are_lines_of_their_own_beside_the_progress(
    cluster: FakeCluster, tmp_path: Path, has_rich: bool
) -> None:
    file = tmp_path / "orders"
    file.write_bytes((b'{"value": "[red]%0100d"}\n' % 7 * 20_000 + b"[bold]\n") * 2)
    shown = on_terminal(
        *("produce", TOPIC, "-b", cluster.bootstrap_servers, str(file), "--format", "json", "--skip-broken"),
        has_rich=has_rich,
    )

    assert shown.status == 1
    for line in ("line 20001: it is not JSON", "line 40002: it is not JSON"):
        assert re.search(rf"(^|\r|\n){line}[^\r\n]*\n", shown.text), shown.text[-2000:]
