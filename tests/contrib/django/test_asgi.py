from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.asgi import get_asgi_application as get_plain_application
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started

from dekaf.contrib.django import asgi, get_producer, get_registry
from dekaf.contrib.django.asgi import get_asgi_application, watch_requests, with_lifespan

pytestmark = pytest.mark.asyncio


class Server:
    """The server's side of one connection."""

    def __init__(self, *messages: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait({"type": message})

    async def receive(self) -> dict[str, Any]:
        return await self._messages.get()

    async def send(self, message: Any) -> None:
        self.sent.append(message)


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
    first, second = Server("lifespan.startup", "lifespan.shutdown"), Server("lifespan.startup", "lifespan.shutdown")
    before = get_registry()

    await application({"type": "lifespan"}, first.receive, first.send)
    lifespan = asyncio.create_task(application({"type": "lifespan"}, second.receive, second.send))
    await lifespan

    assert before.is_closed
    assert not get_registry().is_closed


async def test_everything_else_reaches_the_application_inside() -> None:
    scopes: list[Any] = []

    async def inside(scope: Any, _receive: object, _send: object) -> None:
        scopes.append(scope)

    server = Server()
    await with_lifespan(inside)({"type": "websocket"}, server.receive, server.send)

    assert scopes == [{"type": "websocket"}]


@pytest.mark.usefixtures("no_wrappers", "watched")
async def test_a_server_without_the_lifespan_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    get_plain_application()

    with caplog.at_level(logging.WARNING, "dekaf"):
        for _ in range(2):
            request_started.send(sender=ASGIHandler)

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "from dekaf.contrib.django.asgi import get_asgi_application" in caplog.text


@pytest.mark.usefixtures("no_wrappers", "watched")
@pytest.mark.parametrize(("sender", "is_wrapped"), [(WSGIHandler, False), (ASGIHandler, True)])
async def test_other_servers_are_not(caplog: pytest.LogCaptureFixture, sender: type[object], is_wrapped: bool) -> None:
    if is_wrapped:
        get_asgi_application()

    with caplog.at_level(logging.WARNING, "dekaf"):
        request_started.send(sender=sender)

    assert caplog.records == []
