"""Servers that are told to stop under load: whatever they have answered for has to be in Kafka."""

from __future__ import annotations

import signal
import time

import pytest

from tests.broker.web_servers import Kind, Load, Server, StartServer
from tests.conftest import ReadBack
from tests.kafka import KafkaCluster
from tests.kafka.ports import free_ports

APPS = "tests.broker.web_apps"

LINGER_MS = 15_000  # nothing leaves by itself while a test runs: only the drain can deliver it
ANSWERS_BEFORE_THE_END = 300

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
    paths = server.kind.paths
    with Load(
        lambda number: server.get(f"{paths[number % len(paths)]}{number}"), enough=ANSWERS_BEFORE_THE_END
    ) as load:
        assert load.enough.wait(60), server.log()
        server.tell_to_stop()
    code = server.wait()

    assert code == KINDS[name].exit_code, server.log()
    assert len(load.answered) >= ANSWERS_BEFORE_THE_END
    delivered = [(record.value or b"").decode() for record in read_back(topic, len(load.answered))]
    assert set(map(str, load.answered)) <= set(delivered), server.log()
    assert len(delivered) == len(set(delivered))


def visit(server: Server, number: int) -> int:
    """Ask by each of the paths in turn."""
    paths = server.kind.paths
    return server.get(f"{paths[number % len(paths)]}{number}")


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
