"""The page's stream of server-sent events: what the stand tells, and every moment how the shop's own producer is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from example_project.page.stand import asked

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
MOMENT: Final = 0.25  # seconds between two looks at the producer
RETRY: Final = b"retry: 1000\n\n"  # for browsers that lost the stream: milliseconds

Vitals = Callable[[], dict[str, Any]]


async def stream(vitals: Vitals, name: str) -> AsyncIterator[bytes]:
    """Yield events until the stand ends, or the page is closed.

    Args:
        vitals: tells how the producer is.
        name: of the shop, as the stand calls it.
    """
    yield RETRY + event("shop", {"name": name})
    try:
        async with asked("watch") as lines:
            async for told in in_turn(lines, vitals):
                yield told
    except OSError:
        return  # the stand is ending, or gone: the browser asks again


async def in_turn(lines: asyncio.StreamReader, vitals: Vitals) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    next_look = loop.time()
    while True:
        left = next_look - loop.time()
        if left <= 0:
            yield event("vitals", vitals())
            next_look = loop.time() + MOMENT
            continue
        try:
            line = await asyncio.wait_for(lines.readline(), left)
        except TimeoutError:
            continue
        if not line:
            return
        told: dict[str, Any] = json.loads(line)
        yield event(told.pop("event"), told)


def event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
