"""The load without wrk: a generator in Python, which takes more of the machine than the server it loads."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import uvloop

from benchmarks.errors import BenchmarkError

__all__ = ("send_requests",)

PATIENCE_SECONDS = 120  # for the last answers


def send_requests(port: int, path: str, *, connections: int, seconds: float) -> int:
    """POST for so long, over as many connections; return how many requests were answered: all that were sent.

    Raises:
        BenchmarkError: an answer was not 200, or a connection broke.
    """
    return uvloop.run(_send_requests(port, path, connections, seconds))


async def _send_requests(port: int, path: str, connections: int, seconds: float) -> int:
    loop = asyncio.get_running_loop()
    tally = _Tally(time.monotonic() + seconds, loop.create_future())
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
    opened = [
        await loop.create_connection(lambda: _Connection(request, tally), "127.0.0.1", port) for _ in range(connections)
    ]
    try:
        for _, connection in opened:
            connection.send_next()
        await asyncio.wait_for(tally.finished, seconds + PATIENCE_SECONDS)
    finally:
        for transport, _ in opened:
            transport.abort()
    return tally.answered


class _Tally:
    """What all connections have sent and heard; `finished` once the time is over and every answer has come."""

    def __init__(self, ends_at: float, finished: asyncio.Future[None]) -> None:
        self.ends_at = ends_at
        self.finished = finished
        self.under_way = 0
        self.answered = 0

    def fail(self, reason: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(BenchmarkError(reason))


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, request: bytes, tally: _Tally) -> None:
        self._request = request
        self._tally = tally
        self._transport: asyncio.Transport
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send_next(self) -> None:
        self._tally.under_way += 1
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        head, found, body = received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200"):
            self._tally.fail(f"the server answered {received[:500].decode(errors='replace')}")
            return
        self._tally.under_way -= 1
        self._tally.answered += 1
        if time.monotonic() < self._tally.ends_at:
            self.send_next()
        elif not self._tally.under_way and not self._tally.finished.done():
            self._tally.finished.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.fail(f"the server closed a connection: {exc}")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BenchmarkError("an answer without Content-Length")
