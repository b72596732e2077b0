"""gunicorn's gevent workers: what they have answered for is delivered; a wait for Kafka holds up no other request."""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dekaf.testing import ApiKey, FakeCluster
from tests.broker.web_servers import Kind, Load, Server
from tests.scenarios.faces import eventually

LINGER_MS = 60_000  # what is fired leaves when a request waits for it, and in the end, when the worker drains
ANSWERS = 120
WAYS = ("fire", "produce", "submit", "flush")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn is Unix's")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}) as cluster:
        yield cluster


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Servers to be killed in the end, whatever happened."""
    started: list[Server] = []
    yield started
    for server in started:
        server.kill()


def start(app: str, cluster: FakeCluster, servers: list[Server], log: Path, *more: str) -> Server:
    environment = {"DEKAF_BOOTSTRAP_SERVERS": cluster.bootstrap_servers, "DEKAF_LINGER_MS": str(LINGER_MS)}
    command = ("gunicorn", f"tests.scenarios.greenlet_apps:{app}", "-k", "gevent", *more)
    server = Server(Kind(command, ("/",), 0), environment, log)
    servers.append(server)
    server.wait_until_it_answers()
    return server


def page(server: Server, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, server.log()
        return answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("app", ["django_app", "flask_app"])
@pytest.mark.parametrize("more", [("-w", "2"), ("-w", "2", "--preload")], ids=["loaded by workers", "preloaded"])
def test_all_that_was_answered_for_is_delivered(
    app: str, more: tuple[str, ...], cluster: FakeCluster, servers: list[Server], tmp_path: Path
) -> None:
    server = start(app, cluster, servers, tmp_path / "log", *more)
    assert page(server, "/threads/0") == "True"
    # Both are there: a worker that is told to stop while it begins does not hear of it, and is killed in the end.
    first = page(server, "/pid/0")
    eventually(lambda: page(server, "/pid/0") != first)

    with Load(lambda number: server.get(f"/{WAYS[number % 4]}/{number}"), enough=ANSWERS) as load:
        assert load.enough.wait(30), server.log()
        server.tell_to_stop()

    assert server.wait() == 0, server.log()
    delivered = {(record.value or b"").decode() for record in cluster.log("orders")}
    assert {str(number) for number in load.answered} <= delivered, server.log()
    assert "ERROR" not in server.log()
    assert "Traceback" not in server.log()


def test_requests_that_wait_for_frozen_brokers_hold_up_no_other(
    cluster: FakeCluster, servers: list[Server], tmp_path: Path
) -> None:
    server = start("django_app", cluster, servers, tmp_path / "log", "-w", "1")
    page(server, "/produce/0")
    held = cluster.on(ApiKey.PRODUCE).hold()

    with ThreadPoolExecutor(40) as clients:
        waiting = [clients.submit(page, server, f"/{WAYS[1 + number % 3]}/{number}") for number in range(40)]
        cluster.wait_until(lambda: held.waiting)
        let_go = threading.Timer(1.0, held.release)
        let_go.start()
        gaps = [float(page(server, "/gap/0")) for _ in range(20)]
        assert not any(request.done() for request in waiting)
        let_go.join()
        assert all(request.result() for request in waiting)

    assert max(gaps) < 0.5
    assert float(page(server, "/gap/0")) < 0.5
    server.tell_to_stop()
    assert server.wait() == 0, server.log()
