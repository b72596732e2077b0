from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.test import override_settings
from django.test.client import AsyncClientHandler

from dekaf.contrib.django import asgi, get_producer, get_registry
from dekaf.contrib.django.asgi import get_asgi_application, watch_requests, with_lifespan
from dekaf.contrib.django.producers import discard_producers
from dekaf.types import ProducerState

pytestmark = pytest.mark.asyncio


class Server:
    """The server's side of one connection."""

    def __init__(self, *messages: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self.has_answered = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self.say(message)

    def say(self, message: str) -> None:
        self._messages.put_nowait({"type": message})

    async def receive(self) -> dict[str, Any]:
        return await self._messages.get()

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.has_answered.set()


@pytest.fixture
def no_wrappers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the applications of other tests."""
    monkeypatch.setattr(asgi, "_wrappers", [])


@pytest.fixture
def watched() -> Iterator[None]:
    """Watch for the first request, and stop in the end."""
    watch_requests()
    yield
    request_started.disconnect(dispatch_uid="dekaf.contrib.django")


async def test_the_end_of_the_lifespan_closes_the_producers() -> None:
    server = Server("lifespan.startup", "lifespan.shutdown")
    registry = get_registry()
    get_producer().fire("orders", "42", "paid")

    await get_asgi_application()({"type": "lifespan"}, server.receive, server.send)

    assert [message["type"] for message in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert registry.close().undelivered == 1


async def test_a_lifespan_without_producers_makes_none() -> None:
    server = Server("lifespan.startup", "lifespan.shutdown")

    await get_asgi_application()({"type": "lifespan"}, server.receive, server.send)

    assert not get_registry().is_closed


async def test_an_application_may_be_started_again_in_one_process() -> None:
    application = get_asgi_application()
    first, second = Server("lifespan.startup", "lifespan.shutdown"), Server("lifespan.startup")
    registry = get_registry()

    await application({"type": "lifespan"}, first.receive, first.send)
    assert registry.is_closed
    lifespan = asyncio.create_task(application({"type": "lifespan"}, second.receive, second.send))
    await second.has_answered.wait()

    assert get_producer().status().state is ProducerState.IDLE
    second.say("lifespan.shutdown")
    await lifespan


async def test_everything_else_reaches_the_application_inside() -> None:
    scopes: list[Any] = []

    async def inside(scope: Any, _receive: object, _send: object) -> None:
        scopes.append(scope)

    server = Server()
    await with_lifespan(inside)({"type": "websocket"}, server.receive, server.send)

    assert scopes == [{"type": "websocket"}]


async def test_an_application_inside_serves_its_own_lifespan() -> None:
    told: list[str] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["database"] = "there"
        for message in ("lifespan.startup", "lifespan.shutdown"):
            assert (await receive())["type"] == message
            told.append(f"{message}: closed {get_registry().is_closed}")
            await send({"type": f"{message}.complete"})

    server = Server("lifespan.startup", "lifespan.shutdown")
    scope: dict[str, Any] = {"type": "lifespan", "state": {}}
    registry = get_registry()
    await with_lifespan(inside)(scope, server.receive, server.send)

    assert told == ["lifespan.startup: closed False", "lifespan.shutdown: closed False"]
    assert [message["type"] for message in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert scope["state"]["database"] == "there"
    assert registry.is_closed


@pytest.mark.usefixtures("watched")
async def test_below_a_lifespan_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    scope: dict[str, Any] = {"type": "lifespan", "state": {}}
    server = Server("lifespan.startup", "lifespan.shutdown")
    await get_asgi_application()(scope, server.receive, server.send)

    request_started.send(sender=ASGIHandler, scope={"type": "http", "state": dict(scope["state"])})
    discard_producers()
    get_producer()

    assert caplog.records == []


@pytest.mark.parametrize(
    ("application", "more", "remedy"),
    [
        pytest.param(None, {}, "from dekaf.contrib.django.asgi import get_asgi_application", id="plain"),
        pytest.param(get_asgi_application, {}, "uvicorn --lifespan off", id="lifespan off, or a router around it"),
        pytest.param(get_asgi_application, {"app": "FastAPI"}, "FastAPI(lifespan=dekaf_lifespan", id="mounted"),
    ],
)
@pytest.mark.usefixtures("no_wrappers", "watched")
async def test_a_server_without_a_lifespan_is_an_error_at_the_first_lookup(
    application: Any, more: dict[str, Any], remedy: str, caplog: pytest.LogCaptureFixture
) -> None:
    if application is not None:
        application()
    with caplog.at_level(logging.WARNING, "dekaf"):
        for _ in range(2):
            request_started.send(sender=ASGIHandler, scope={"type": "http", "state": {}, **more})
        assert caplog.records == []
        for _ in range(2):
            get_producer()

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert remedy in caplog.text


@pytest.mark.usefixtures("no_wrappers", "watched")
async def test_websockets_are_looked_at_as_well(caplog: pytest.LogCaptureFixture) -> None:
    async def inside(_scope: Any, _receive: object, _send: object) -> None:
        get_producer()

    server = Server()
    await with_lifespan(inside)({"type": "websocket", "state": {}}, server.receive, server.send)

    assert [record.levelname for record in caplog.records] == ["ERROR"]


OF_A_TEST_CLIENT: dict[str, Any] = {"state": {}, "extensions": {"http.response.debug": {}}}


@pytest.mark.usefixtures("no_wrappers", "watched")
@pytest.mark.parametrize(
    ("sender", "scope"),
    [
        pytest.param(WSGIHandler, None, id="WSGI"),
        pytest.param(ASGIHandler, {}, id="daphne has no state"),
        pytest.param(AsyncClientHandler, {"state": {}}, id="Django's test client"),
        pytest.param(ASGIHandler, OF_A_TEST_CLIENT, id="Starlette's test client"),
    ],
)
async def test_servers_that_end_in_the_ordinary_way_and_tests_are_fine(
    sender: type[object], scope: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dekaf"):
        request_started.send(sender=sender, **({} if scope is None else {"scope": {"type": "http", **scope}}))
        get_producer()

    assert caplog.records == []


@pytest.mark.usefixtures("no_wrappers", "watched")
async def test_doubles_and_other_backends_lose_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "dekaf"), override_settings(DEKAF={"backend": "memory"}):
        request_started.send(sender=ASGIHandler, scope={"type": "http", "state": {}})
        get_producer()

    assert caplog.records == []
