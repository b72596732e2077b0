"""`dekaf perf`: what it measures is what arrives."""

from __future__ import annotations

import re

import pytest

from dekaf.command.main import main
from dekaf.testing import ApiKey, FakeCluster


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
