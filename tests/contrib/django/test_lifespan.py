from __future__ import annotations

from typing import Any

import pytest

from dekaf.contrib.django.lifespan import Lifespan

pytestmark = pytest.mark.asyncio


class Server:
    """The server's side of a lifespan, which notes when everything is drained."""

    def __init__(self, *messages: str) -> None:
        self.told: list[str] = []
        self._messages = list(messages)

    async def receive(self) -> dict[str, Any]:
        return {"type": self._messages.pop(0)}

    async def send(self, message: Any) -> None:
        self.told.append(message["type"])

    async def shut_down(self) -> dict[str, Any]:
        self.told.append("drained")
        return {"type": "lifespan.shutdown.complete"}

    async def run(self, application: Any) -> list[str]:
        await Lifespan(self.receive, self.send, self.shut_down).run(application, {"type": "lifespan"})
        return self.told


ALL = ["lifespan.startup.complete", "drained", "lifespan.shutdown.complete"]


async def test_an_application_that_knows_no_lifespan_is_served() -> None:
    async def inside(scope: Any, _receive: object, _send: object) -> None:
        raise ValueError(f"Django can only handle ASGI/HTTP connections, not {scope['type']}.")

    assert await Server("lifespan.startup", "lifespan.shutdown").run(inside) == ALL


async def test_one_that_raises_only_at_the_first_message_is_served_too() -> None:
    async def inside(_scope: object, receive: Any, _send: object) -> None:
        raise NotImplementedError(await receive())

    assert await Server("lifespan.startup", "lifespan.shutdown").run(inside) == ALL


async def test_one_that_returns_after_its_start_is_served_to_the_end() -> None:
    async def inside(_scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    assert await Server("lifespan.startup", "lifespan.shutdown").run(inside) == ALL


async def test_one_that_breaks_after_its_start_is_logged_and_drained(caplog: pytest.LogCaptureFixture) -> None:
    async def inside(_scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError("a bug")

    assert await Server("lifespan.startup", "lifespan.shutdown").run(inside) == ALL
    assert "a bug" in caplog.text


async def test_one_that_cannot_start_says_so_itself() -> None:
    async def inside(_scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise RuntimeError("no database")

    server = Server("lifespan.startup")
    with pytest.raises(RuntimeError, match="no database"):
        await server.run(inside)
    assert server.told == ["lifespan.startup.failed"]


async def test_one_that_fails_to_stop_is_drained_and_says_so() -> None:
    async def inside(_scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed"})

    told = await Server("lifespan.startup", "lifespan.shutdown").run(inside)

    assert told == ["lifespan.startup.complete", "drained", "lifespan.shutdown.failed"]
