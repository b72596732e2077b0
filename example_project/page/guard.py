"""Keep other sites' pages from ordering, or from stopping Kafka, in the name of somebody who has the shop open.

A form on another site may post to 127.0.0.1 as well, and a site may give its own name the address 127.0.0.1. Browsers
tell both: by Origin and Sec-Fetch-Site, which no page can forge, and by the name in Host. A program that is no browser
sends none of them and is let in, as it could send anything.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

OUR_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def refusal_of(method: str, headers: Mapping[str, str]) -> str:
    """Return why a request is refused; empty if it is not.

    Args:
        method: as HTTP has it.
        headers: by lower-case name.
    """
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name not in OUR_NAMES:
        return "This shop is for this machine alone: ask for it at 127.0.0.1."
    if method in READING:
        return ""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "This comes from another site's page."
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "This comes from another site's page."
    return ""


class Guard:
    """ASGI middleware that answers 403 to what `refusal_of` refuses, whichever framework would have handled it."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            if reason := refusal_of(scope["method"], headers):
                await refuse(reason, send)
                return
        await self.app(scope, receive, send)


async def refuse(reason: str, send: Send) -> None:
    body = json.dumps({"detail": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
