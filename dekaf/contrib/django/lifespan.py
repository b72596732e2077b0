"""The lifespan protocol around an application that may serve it itself, or not know it, as Django's.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from enum import Enum
from typing import Any, Final, final

__all__ = ("ASGIApplication", "Lifespan", "Message", "Receive", "Send")

logger = logging.getLogger("dekaf.contrib.django")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
ShutDown = Callable[[], Awaitable[Message]]


class _Phase(Enum):
    """How far the application inside has got with its own lifespan."""

    SILENT = "silent"  # it has answered nothing, and maybe never will
    STARTED = "started"
    OVER = "over"


@final
class Lifespan:
    """One run of the lifespan protocol.

    Args:
        receive: The server's.
        send: The server's.
        shut_down: Returns the message that ends the lifespan, once everything is drained.
    """

    def __init__(self, receive: Receive, send: Send, shut_down: ShutDown) -> None:
        self._receive_from_server: Final = receive
        self._send_to_server: Final = send
        self._shut_down: Final = shut_down
        self._phase = _Phase.SILENT
        self._last_received = ""

    async def run(self, application: ASGIApplication, scope: MutableMapping[str, Any]) -> None:
        """Let an application serve the lifespan, and serve what it does not; drain after its own shutdown."""
        try:
            await application(scope, self._receive, self._send)
        except Exception as error:
            if self._phase is _Phase.OVER:  # it has told the server, which logs what it raises
                raise
            if self._phase is _Phase.STARTED:
                known = {"dekaf_error": type(error).__name__}
                logger.exception("The application's own lifespan ended before the server's", extra=known)
        if self._phase is not _Phase.OVER:
            await self._serve()

    async def _serve(self) -> None:
        if self._phase is _Phase.SILENT:
            await self._receive_until("lifespan.startup")
            await self._send_to_server({"type": "lifespan.startup.complete"})
        await self._receive_until("lifespan.shutdown")
        await self._send_to_server(await self._shut_down())

    async def _receive_until(self, kind: str) -> None:
        while self._last_received != kind:
            await self._receive()

    async def _receive(self) -> Message:
        message = await self._receive_from_server()
        self._last_received = message["type"]
        return message

    async def _send(self, message: Message) -> None:
        """Pass on what the application answers; the end only once everything is drained."""
        kind = message["type"]
        self._phase = _Phase.STARTED if kind == "lifespan.startup.complete" else _Phase.OVER
        if kind.startswith("lifespan.shutdown"):
            end = await self._shut_down()
            message = end if kind == "lifespan.shutdown.complete" else message
        await self._send_to_server(message)
