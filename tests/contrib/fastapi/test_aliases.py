from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.routing import Mount

from dekaf import AsyncProducer, ConfigurationError, ProducerRegistry
from dekaf.contrib.fastapi import (
    ProducerDep,
    SyncProducerDep,
    dekaf_lifespan,
    producer_for,
    sync_producer_for,
    topic_for,
)
from dekaf.producer import Producer
from dekaf.registry import override_everywhere

OPTIONS: dict[str, object] = {"bootstrap_servers": "127.0.0.1:1", "close_timeout_ms": 200}
SETTINGS: dict[str, object] = {"default": OPTIONS, "audit": OPTIONS}

AuditDep = Annotated[AsyncProducer[Any, Any], Depends(producer_for("audti"))]


def on_the_application(app: FastAPI) -> None:
    @app.get("/place")
    async def place(audit: AuditDep) -> None: ...


def in_a_dependency(app: FastAPI) -> None:
    async def log(audit: Annotated[Any, Depends(sync_producer_for("audti"))]) -> None: ...

    @app.get("/place", dependencies=[Depends(log)])
    def place() -> None: ...


def on_a_router(app: FastAPI) -> None:
    router = APIRouter(prefix="/place", dependencies=[Depends(producer_for("audti", str, dict))])

    @router.get("")
    async def place() -> None: ...

    app.include_router(router)


def on_a_router_of_a_router(app: FastAPI) -> None:
    inner, outer = APIRouter(), APIRouter()

    @inner.get("/place")
    async def place() -> None: ...

    outer.include_router(inner, dependencies=[Depends(producer_for("audti"))])
    app.include_router(outer)


def of_a_websocket(app: FastAPI) -> None:
    @app.websocket("/place")
    async def place(websocket: WebSocket, audit: AuditDep) -> None: ...


def of_a_topic(app: FastAPI) -> None:
    @app.get("/place")
    async def place(log: Annotated[Any, Depends(topic_for("audit-log", alias="audti"))]) -> None: ...


def on_a_mounted_application(app: FastAPI) -> None:
    inner = FastAPI()
    on_the_application(inner)
    app.router.routes.append(Mount("", routes=[Mount("", app=inner)]))


WAYS = [
    on_the_application,
    in_a_dependency,
    on_a_router,
    on_a_router_of_a_router,
    of_a_websocket,
    of_a_topic,
    on_a_mounted_application,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_route_that_asks_for_a_producer_there_is_not_shows_at_the_start(way: Any) -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))
    way(app)

    with (
        pytest.raises(ConfigurationError, match=r"^/place: .* has no alias 'audti'.*Did you mean 'audit'"),
        TestClient(app),
    ):
        pytest.fail("it started")


def test_without_a_default_producer_its_dependencies_show_too() -> None:
    app = FastAPI(lifespan=dekaf_lifespan({"audit": OPTIONS}))

    @app.get("/place")
    async def place(first: ProducerDep) -> None: ...

    @app.get("/block")
    def block(first: SyncProducerDep) -> None: ...

    with pytest.raises(ConfigurationError, match=r"/place: .*\n/block: "), TestClient(app):
        pytest.fail("it started")


def test_what_the_application_overrides_asks_for_nothing() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))
    on_the_application(app)
    app.dependency_overrides[producer_for("audti")] = lambda: "a double"

    with TestClient(app) as client:
        assert client.get("/place").status_code == 200


def test_tests_without_settings_have_every_alias() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(ProducerRegistry.without_configuration()))
    on_the_application(app)

    with override_everywhere(Producer(backend="memory")), TestClient(app) as client:
        assert client.get("/place").status_code == 200


def test_other_applications_inside_are_left_alone() -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None: ...

    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))
    app.mount("/other", other)

    with TestClient(app):
        pass
