"""`dekaf perf`: what it measures is what arrives."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from dekaf.command.main import main
from dekaf.testing import ApiKey, FakeCluster
from tests.unit.command.terminals import needs_pty, on_terminal


def test_rate_and_latencies_of_what_arrived_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        status = main(["perf", "orders", "-b", cluster.bootstrap_servers, "-n", "1,000", "-s", "50", "--keys", "10"])
        records = cluster.log("orders")

    first, second, third = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(records) == 1000
    assert {len(record.value or b"") for record in records} == {50}
    assert len({record.key for record in records}) == 10
    assert first.startswith("1,000 delivered, 0 not, in ")
    assert re.fullmatch(r"[\d,]+ a second, [\d.]+ MB/s", second)
    assert re.fullmatch(r"latency p50 [\d.]+ ms, p99 [\d.]+ ms, p99.9 [\d.]+ ms", third)


def test_a_rate_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        main(["perf", "orders", "-b", cluster.bootstrap_servers, "-n", "50", "-r", "100"])

    seconds = float(re.findall(r"in ([\d.]+) s", capsys.readouterr().out)[0])
    assert seconds >= 0.49


def test_what_does_not_arrive_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).never_answer(times=None)
        status = main(
            [
                *("perf", "orders", "-b", cluster.bootstrap_servers, "-n", "10"),
                *("-X", "delivery_timeout_ms=300", "-X", "request_timeout_ms=200"),
            ]
        )

    output = capsys.readouterr().out
    assert status == 1
    assert output.startswith("0 delivered, 10 not")
    assert "no latencies" in output


@needs_pty
def test_a_terminal_with_rich_shows_rate_megabytes_and_percentiles_on_the_way() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        shown = on_terminal("perf", "orders", "-b", cluster.bootstrap_servers, "-n", "60000", columns=150)

    assert shown.status == 0
    latencies = r"p50 [\d.]+ ms, p99 [\d.]+ ms, p99.9 [\d.]+ ms"
    bar = rf"% \d+:\d\d left, [\d,]+/s, [\d.]+ MB/s, {latencies}, [\d,]+ of 60,000 delivered"
    assert re.search(bar, shown.text), shown.text[-1000:]
    assert re.fullmatch("latency p50 .*", shown.text.splitlines()[-1])


def test_ctrl_c_delivers_and_tells_what_was_measured() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        process = subprocess.Popen(
            [sys.executable, "-m", "dekaf", "perf", "orders", "-b", cluster.bootstrap_servers, "-r", "100"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        cluster.wait_until(lambda: len(cluster.log("orders")) > 0)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert b" delivered, 0 not, in " in output
    assert b"Traceback" not in errors


def test_a_topic_that_cannot_be_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["perf", "my topic", "-X", "backend=memory", "-n", "1"])

    assert ended.value.code == 2
    assert "'my topic' is not a topic name" in capsys.readouterr().err
