"""Ask the stand, the process that started the shop: it has Kafka, and somebody who reads it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

VARIABLE: Final = "SHOP_DESK"  # the socket at which it answers
LONGEST_LINE: Final = 16 * 1024 * 1024  # everything that has arrived so far is one
AWAY: Final = "The process that started the shop does not answer: `make shop` starts everything."


@asynccontextmanager
async def asked(question: str) -> AsyncIterator[asyncio.StreamReader]:
    """Give the lines of the answer.

    Raises:
        OSError: nobody answers.
    """
    reader, writer = await asyncio.open_unix_connection(os.environ.get(VARIABLE, ""), limit=LONGEST_LINE)
    try:
        writer.write(f"{question}\n".encode())
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def switch_kafka(what: str) -> tuple[int, dict[str, str]]:
    """Ask to stop Kafka, or to start it, and return a status and a body for whoever asked the shop."""
    try:
        async with asked(what) as answer:
            said: dict[str, Any] = json.loads(await answer.readline())
    except (OSError, ValueError):
        return 503, {"detail": AWAY}
    if "refused" in said:
        return 409, {"detail": said["refused"]}
    return 202, said
