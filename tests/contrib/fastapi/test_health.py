"""Routes for probes in a FastAPI application."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient

from dekaf import ConfigurationError
from dekaf.contrib.fastapi import dekaf_lifespan, health_router
from dekaf.probes import Probes
from dekaf.registry import ProducerRegistry
from dekaf.testing import FakeCluster

NOWHERE = "127.0.0.1:1"
MEMORY = {"backend": "memory"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
def test_each_probe_is_answered(path: str) -> None:
    app = FastAPI(lifespan=dekaf_lifespan({"default": {"bootstrap_servers": NOWHERE}, "audit": MEMORY}))
    app.include_router(health_router())

    with TestClient(app) as client:
        response = client.get(path)

    assert response.status_code == 200
    assert response.json()["status"] == "up"
    assert list(response.json()["producers"]) == ["default", "audit"]
    assert response.headers["Cache-Control"] == "no-store"


def test_kafka_is_asked_where_the_router_says_so() -> None:
    app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": NOWHERE, "close_timeout_ms": 100}))
    app.include_router(health_router(prefix="/internal", require_kafka=True, topics=["orders"], timeout=0.2))

    with TestClient(app) as client:
        assert client.get("/internal/livez").status_code == 200
        assert client.get("/internal/readyz").status_code == 503
        assert client.get("/internal/startupz").status_code == 503


def test_a_process_that_reaches_kafka_is_ready_and_started() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": cluster.bootstrap_servers}))
        app.include_router(health_router(require_kafka=True, topics=["orders"], timeout=10))
        with TestClient(app) as client:
            assert client.get("/readyz").status_code == 200
            assert client.get("/startupz").status_code == 200


def test_probes_are_no_part_of_the_applications_interface() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(MEMORY))
    app.include_router(health_router())

    with TestClient(app) as client:
        assert client.get("/openapi.json").json()["paths"] == {}


def test_dependencies_of_the_router_are_the_users_to_add() -> None:
    def refuse() -> None:
        raise HTTPException(403)

    app = FastAPI(lifespan=dekaf_lifespan(MEMORY))
    app.include_router(health_router(details=True), dependencies=[Depends(refuse)])

    with TestClient(app) as client:
        assert client.get("/livez").status_code == 403


def test_an_application_without_a_lifespan_is_told_so() -> None:
    app = FastAPI()
    app.include_router(health_router())

    with pytest.raises(ConfigurationError, match="dekaf_lifespan"):
        TestClient(app).get("/readyz")


def test_readiness_takes_less_than_a_millisecond_in_the_process() -> None:
    with ProducerRegistry({"bootstrap_servers": NOWHERE}) as registry:
        probes = Probes()
        probes.ready(registry)
        best = min(_seconds(lambda: probes.ready(registry)) for _ in range(200))

    assert best < 0.001


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
