"""Servers that are told to stop: what they have answered for is delivered, or the log has said that it will be lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import FakeCluster
from tests.broker.web_servers import Kind, Load, Server

APPS = "tests.scenarios.stopped_apps"
CONFIGURATION = "python:tests.scenarios.stopped_gunicorn"
WORKER = "tests.scenarios.stopped_gunicorn.WithoutLifespan"

LINGER_MS = 60_000  # nothing leaves by itself while a test runs: only the drain can deliver it
ANSWERS = 60

# uvicorn sends itself the signal in the end. Which of the two it comes to depends on whether it imports the application
# before it takes over the signals.
BY_SIGTERM = {-signal.SIGTERM, 128 + signal.SIGTERM}


def uvicorn(app: str, *more: str) -> tuple[str, ...]:
    return ("uvicorn", f"{APPS}:{app}", *more)


def gunicorn(app: str, *more: str) -> tuple[str, ...]:
    return ("gunicorn", f"{APPS}:{app}", "-w", "2", *more)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}) as cluster:
        yield cluster


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Server]]:
    """Servers to be killed in the end, whatever happened."""
    started: list[Server] = []
    yield started
    for server in started:
        server.kill()


def start(command: tuple[str, ...], cluster: FakeCluster, servers: list[Server], log: Path, **more: str) -> Server:
    environment = {"DEKAF_BOOTSTRAP_SERVERS": cluster.bootstrap_servers, "DEKAF_LINGER_MS": str(LINGER_MS), **more}
    server = Server(Kind(command, ("/",), 0), environment, log)
    servers.append(server)
    server.wait_until_it_answers()
    return server


def answers_before_the_end(server: Server) -> list[str]:
    """Put the server under load, tell it to stop in the midst of it, and return what it has answered for."""
    with Load(lambda number: server.get(f"/{number}"), enough=ANSWERS) as load:
        assert load.enough.wait(30), server.log()
        server.tell_to_stop()
    return [str(number) for number in load.answered]


def delivered(cluster: FakeCluster) -> set[str]:
    return {(record.value or b"").decode() for record in cluster.log("orders")}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(uvicorn("below_dekaf"), id="Django mounted below dekaf_lifespan"),
        pytest.param(uvicorn("around_fastapi"), id="with_lifespan around FastAPI around Django"),
    ],
)
def test_the_lifespan_of_the_application_around_django_drains(
    command: tuple[str, ...], cluster: FakeCluster, servers: list[Server], tmp_path: Path
) -> None:
    server = start(command, cluster, servers, tmp_path / "log")

    answered = answers_before_the_end(server)

    assert server.wait() in BY_SIGTERM, server.log()
    assert set(answered) <= delivered(cluster), server.log()
    assert "ERROR" not in server.log()


@pytest.mark.parametrize(
    ("command", "codes", "more"),
    [
        pytest.param(uvicorn("plain", "--lifespan", "off"), BY_SIGTERM, {"DRAIN_ON_SIGTERM": "1"}, id="uvicorn"),
        pytest.param(
            uvicorn("alone", "--lifespan", "off"), BY_SIGTERM, {"DRAIN_ON_SIGTERM": "1"}, id="uvicorn, FastAPI"
        ),
        pytest.param(
            uvicorn("plain", "--lifespan", "off", "--workers", "2"),
            {0},
            {"DRAIN_ON_SIGTERM": "1"},
            id="uvicorn workers",
        ),
        pytest.param(gunicorn("wsgi"), {0}, {"DRAIN_ON_SIGTERM": "1"}, id="gunicorn sync"),
        pytest.param(gunicorn("plain", "-k", WORKER), {0}, {"DRAIN_ON_SIGTERM": "1"}, id="UvicornWorker"),
        pytest.param(
            gunicorn("plain", "-k", WORKER, "--preload", "-c", CONFIGURATION), {0}, {}, id="UvicornWorker, preload"
        ),
    ],
)
def test_without_a_lifespan_the_signal_drains_where_it_was_asked_to(
    command: tuple[str, ...],
    codes: set[int],
    more: dict[str, str],
    cluster: FakeCluster,
    servers: list[Server],
    tmp_path: Path,
) -> None:
    server = start(command, cluster, servers, tmp_path / "log", **more)

    answered = answers_before_the_end(server)

    assert server.wait() in codes, server.log()
    assert set(answered) <= delivered(cluster), server.log()
    assert "No lifespan of dekaf" not in server.log()


@pytest.mark.parametrize(
    ("command", "more", "remedy"),
    [
        pytest.param(uvicorn("plain"), {}, "with_lifespan(application)", id="plain"),
        pytest.param(uvicorn("wrapped", "--lifespan", "off"), {}, "uvicorn --lifespan off", id="lifespan off"),
        pytest.param(uvicorn("router"), {}, "with_lifespan(application)", id="router"),
        pytest.param(uvicorn("in_fastapi"), {}, "FastAPI(lifespan=dekaf_lifespan", id="mounted"),
        pytest.param(uvicorn("alone"), {}, "FastAPI(lifespan=dekaf_lifespan())", id="FastAPI alone"),
        pytest.param(gunicorn("wrapped", "-k", WORKER), {}, 'CONFIG_KWARGS = {"lifespan": "off"}', id="UvicornWorker"),
        pytest.param(
            gunicorn("plain", "-k", WORKER, "--preload"),
            {"DRAIN_ON_SIGTERM": "1"},
            "gunicorn's post_worker_init",
            id="asked for before the fork",
        ),
    ],
)
def test_what_will_be_lost_is_an_error_at_the_first_message(
    command: tuple[str, ...],
    more: dict[str, str],
    remedy: str,
    cluster: FakeCluster,
    servers: list[Server],
    tmp_path: Path,
) -> None:
    server = start(command, cluster, servers, tmp_path / "log", **more)

    assert server.get("/first") == 200, server.log()
    server.tell_to_stop()
    server.wait()

    assert "lost" in server.log()
    assert remedy in server.log()
    assert delivered(cluster) == set()
