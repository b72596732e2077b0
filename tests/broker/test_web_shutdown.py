"""Servers that are told to stop under load: whatever they have answered for has to be in Kafka."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ReadBack
from tests.kafka import KafkaCluster
from tests.kafka.ports import free_ports

ROOT = Path(__file__).parents[2]
APPS = "tests.broker.web_apps"

LINGER_MS = 15_000  # nothing leaves by itself while a test runs: only the drain can deliver it
ANSWERS_BEFORE_THE_END = 300
CLIENTS = 6


@dataclass(frozen=True)
class Kind:
    """A server with an application: how it is started, and what it ends with when it is told to."""

    command: tuple[str, ...]
    paths: tuple[str, ...]
    exit_code: int


# uvicorn ends by the signal it was sent, when it is done.
KINDS = {
    "uvicorn with FastAPI": Kind(("uvicorn", f"{APPS}.fastapi_app:app"), ("/", "/thread/"), -signal.SIGTERM),
    "uvicorn with Django": Kind(("uvicorn", f"{APPS}.django_app:asgi_application"), ("/", "/thread/"), -signal.SIGTERM),
    "gunicorn gthread with Django": Kind(
        ("gunicorn", "-k", "gthread", "--threads", "4", "-w", "2", f"{APPS}.django_app:wsgi_application"),
        ("/thread/",),
        0,
    ),
    "gunicorn preloaded with Django": Kind(
        ("gunicorn", "-k", "sync", "--preload", "-w", "2", f"{APPS}.django_app:wsgi_application"), ("/thread/",), 0
    ),
}


class Server:
    """A server in a process group of its own."""

    def __init__(self, kind: Kind, environment: dict[str, str], log: Path) -> None:
        self.kind = kind
        (self.port,) = free_ports(1)
        address = ("--port", str(self.port)) if kind.command[0] == "uvicorn" else ("-b", f"127.0.0.1:{self.port}")
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *kind.command, *address],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def get(self, path: str) -> int:
        """Return the status of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.get("/nothing/of/the/kind")
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            else:
                return

    def tell_to_stop(self) -> None:
        self._process.terminate()

    def wait(self) -> int:
        return self._process.wait(60)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Leave nothing behind, whatever happened; its group has workers, too."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers that answer, and end them."""
    with ExitStack() as servers:

        def start(kind: Kind, **environment: str) -> Server:
            server = Server(kind, environment, tmp_path / "server.log")
            servers.callback(server.kill)
            server.wait_until_it_answers()
            return server

        yield start


class Load:
    """Clients that ask until nobody answers."""

    def __init__(self, server: Server) -> None:
        self.answered: list[str] = []
        self.enough = threading.Event()
        self._is_over = False
        self._server = server
        self._numbers = itertools.count()
        self._clients = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over = kind is not None  # a server that was not told to stop would answer for ever
        for client in self._clients:
            client.join()

    def _ask(self) -> None:
        while not self._is_over:
            number = next(self._numbers)
            paths = self._server.kind.paths
            try:
                status = self._server.get(f"{paths[number % len(paths)]}{number}")
            except (OSError, http.client.HTTPException):  # it is on its way out
                return
            if 200 <= status < 300:
                self.answered.append(str(number))
            if len(self.answered) >= ANSWERS_BEFORE_THE_END:
                self.enough.set()


@pytest.mark.parametrize("name", KINDS)
def test_whatever_was_answered_is_delivered(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack, start_server: StartServer, name: str
) -> None:
    server = start_server(
        KINDS[name],
        DEKAF_BOOTSTRAP_SERVERS=kafka_cluster.bootstrap_servers,
        DEKAF_LINGER_MS=str(LINGER_MS),
        DEKAF_BATCH_SIZE="1048576",
        DEKAF_CLOSE_TIMEOUT_MS="10000",
        TOPIC=topic,
    )

    assert server.get(f"{server.kind.paths[0]}first") == 200, server.log()
    with Load(server) as load:
        assert load.enough.wait(60), server.log()
        server.tell_to_stop()
    code = server.wait()

    assert code == KINDS[name].exit_code, server.log()
    assert len(load.answered) >= ANSWERS_BEFORE_THE_END
    delivered = [(record.value or b"").decode() for record in read_back(topic, len(load.answered))]
    assert set(load.answered) <= set(delivered), server.log()
    assert len(delivered) == len(set(delivered))


def test_what_a_preloaded_application_fires_before_the_fork_is_delivered_once(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack, start_server: StartServer
) -> None:
    server = start_server(
        KINDS["gunicorn preloaded with Django"],
        DEKAF_BOOTSTRAP_SERVERS=kafka_cluster.bootstrap_servers,
        DEKAF_LINGER_MS=str(LINGER_MS),
        DEKAF_BATCH_SIZE="1048576",
        DEKAF_CLOSE_TIMEOUT_MS="10000",
        FIRE_ON_IMPORT="1",
        TOPIC=topic,
    )

    answers = [server.get(f"/thread/{number}") for number in range(20)]
    server.tell_to_stop()
    code = server.wait()

    assert (answers, code) == ([200] * 20, 0), server.log()
    delivered = sorted((record.value or b"").decode() for record in read_back(topic, 21))
    assert delivered == sorted(["imported", *map(str, range(20))])


@pytest.mark.parametrize("name", KINDS)
def test_without_kafka_it_starts_and_answers_and_stops_in_time(start_server: StartServer, name: str) -> None:
    (nobody,) = free_ports(1)
    server = start_server(
        KINDS[name],
        DEKAF_BOOTSTRAP_SERVERS=f"127.0.0.1:{nobody}",
        DEKAF_LINGER_MS="5",
        DEKAF_BATCH_SIZE="65536",
        DEKAF_CLOSE_TIMEOUT_MS="1500",
        TOPIC="orders",
    )

    answers = [server.get(f"{path}{number}") for number in range(10) for path in KINDS[name].paths]
    told = time.monotonic()
    server.tell_to_stop()
    code = server.wait()
    took = time.monotonic() - told

    assert set(answers) == {200}, server.log()
    assert code == KINDS[name].exit_code, server.log()
    assert took < 1.5 + 3.5, server.log()  # the drain gives up; the rest is the server's, on a busy machine
