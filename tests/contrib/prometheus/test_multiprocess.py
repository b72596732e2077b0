"""Metrics of all workers of gunicorn: exact after SIGTERM, at most an interval behind after SIGKILL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dekaf import ConfigurationError, Producer
from dekaf.contrib.prometheus import install_multiprocess
from dekaf.producer._engine.measurements import LATENCIES
from dekaf.testing import FakeCluster

PATIENCE = 30.0
APP = "tests.contrib.prometheus.worker_app"
ROOT = Path(__file__).parents[3]


class Gunicorn:
    """Two workers of the application."""

    def __init__(
        self, bootstrap_servers: str, folder: Path, *more: str, app: str = "make_app()", **environment: str
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "values").mkdir()
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "values"),
            "TEST_SERVERS": bootstrap_servers,
            "TEST_TOPIC": "orders",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        command = ["gunicorn", f"{APP}:{app}", "-w", "2", "-b", f"127.0.0.1:{self.port}", "-c", f"python:{APP}"]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, *more], env=environment, stdout=log, stderr=log, cwd=folder
            )

    def get(self, path: str) -> str:
        """Return an answer; connects anew until there is one."""
        until = monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
                    return str(answer.read().decode())
            except OSError:
                assert monotonic() < until, "no answer"
                sleep(0.05)

    def two_workers(self, path: str) -> tuple[int, int]:
        """Ask until both have answered; return their pids."""
        until = monotonic() + PATIENCE
        pids: set[int] = set()
        while len(pids) < 2:
            assert monotonic() < until, "one worker answers everything"
            pids.add(int(self.get(path)))
        first, second = pids
        return first, second

    def delivered(self) -> float:
        """Return the sum that the workers show."""
        return self.value("dekaf_records_delivered_total")

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until the workers have written what they count."""
        until = monotonic() + PATIENCE
        while not is_so():
            assert monotonic() < until, f"{self.delivered()} are told"
            sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster


@pytest.fixture(params=[(), ("--preload",)], ids=["each loads", "preload"])
def server(cluster: FakeCluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Gunicorn]:
    server = Gunicorn(cluster.bootstrap_servers, tmp_path, *request.param)
    yield server
    server.stop()


def test_counters_equal_what_the_cluster_holds_after_a_worker_was_ended_and_one_killed(
    cluster: FakeCluster, server: Gunicorn
) -> None:
    killed, _ = server.two_workers("/flushed")
    server.wait_until(lambda: server.delivered() == len(cluster.log("orders")))  # at most an interval behind

    os.kill(killed, signal.SIGKILL)
    ended, _ = pids = server.two_workers("/lingers")
    assert killed not in pids
    os.kill(ended, signal.SIGTERM)  # what lingers there is drained, and counted
    until = monotonic() + PATIENCE
    while ended in server.two_workers("/flushed"):
        assert monotonic() < until
    server.two_workers("/flushed")

    server.wait_until(lambda: server.delivered() == len(cluster.log("orders")))
    held = len(cluster.log("orders"))
    assert server.value("dekaf_send_latency_seconds_count") == held
    assert server.value("dekaf_send_latency_seconds_bucket", le="+Inf") == held
    assert server.value("dekaf_batch_records_sum") == held
    assert server.value("dekaf_buffer_used_bytes") == 0
    assert server.value("dekaf_info", producer="default") == 1
    shown = server.get("/metrics")
    assert 'dekaf_buffer_exhausted_total{producer="default"} 0.0' in shown  # not absent until it is 1
    assert shown.count('dekaf_send_latency_seconds_bucket{le="') == len(LATENCIES) + 1  # empty ones, too


@pytest.mark.parametrize(
    ("app", "more"),
    [("make_app()", ()), ("make_fastapi()", ("-k", "uvicorn.workers.UvicornWorker"))],
    ids=["wsgi", "uvicorn, whose workers end without exit hooks"],
)
def test_what_a_worker_was_drained_of_is_told_whatever_the_interval_is(
    cluster: FakeCluster, tmp_path: Path, app: str, more: tuple[str, ...]
) -> None:
    server = Gunicorn(cluster.bootstrap_servers, tmp_path, *more, app=app, TEST_INTERVAL="3600")
    try:
        workers = server.two_workers("/lingers")
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        until = monotonic() + PATIENCE
        while set(workers) & set(server.two_workers("/lingers")):
            assert monotonic() < until
        server.wait_until(lambda: server.delivered() == len(cluster.log("orders")) >= 20)
    finally:
        server.stop()


def test_without_the_mode_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    with Producer(backend="memory") as producer, pytest.raises(ConfigurationError, match="PROMETHEUS_MULTIPROC_DIR"):
        install_multiprocess(producer)


def test_interval_has_to_be_positive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with Producer(backend="memory") as producer, pytest.raises(ValueError, match="interval must be positive"):
        install_multiprocess(producer, interval=0)


TWICE = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from dekaf import Producer
from dekaf.contrib.prometheus import install_multiprocess

one = Producer(backend="memory", client_id="shop")
one.produce("orders", "1", "a")
install_multiprocess(one, interval=3600)
install_multiprocess([one], interval=3600)
two = Producer(backend="memory", client_id="shop")
two.produce("orders", "1", "a")
install_multiprocess(two, interval=3600)
one.close()
two.close()
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(*(line for line in generate_latest(registry).decode().splitlines() if line.startswith("dekaf_records_delivered")))
"""


def test_installing_again_replaces_the_target_and_counts_nothing_twice(tmp_path: Path) -> None:
    assert run(TWICE, tmp_path) == 'dekaf_records_delivered_total{producer="shop",topic="orders"} 2.0\n'


FORK_WHILE_WRITING = """
import os
import threading
from dekaf import Producer
from dekaf.contrib.prometheus import multiprocess

writes, is_written = threading.Event(), threading.Event()

def slowly(target):
    writes.set()
    is_written.wait(20)
    return []

producer = Producer(backend="disabled")
multiprocess.install_multiprocess(producer, interval=0.01)
multiprocess.named_metrics = slowly
assert writes.wait(20)
threading.Timer(0.2, is_written.set).start()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
print(is_written.is_set())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_waits_until_nothing_is_being_written(tmp_path: Path) -> None:
    """A child would inherit prometheus_client's lock as it is: held, by a thread that the child does not have."""
    assert run(FORK_WHILE_WRITING, tmp_path) == "True\n"


def run(program: str, values: Path) -> str:
    """Run a program in multiprocess mode; return what it has printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(values)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
