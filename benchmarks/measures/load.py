"""A small closed-loop HTTP load: connections that send the next request when they have the answer to the last."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.servers.settings import UsageReport

__all__ = ("get_json", "send_requests")

TIMEOUT_SECONDS = 120


def send_requests(port: int, path: str, *, connections: int, requests: int) -> None:
    """POST `requests` times, over `connections` connections at once that stay open.

    :raises BenchmarkError: an answer was not 200, or a connection broke.
    """
    uvloop.run(_send_requests(port, path, connections, requests))


def get_json(port: int, path: str) -> UsageReport:
    """GET a JSON document.

    :raises BenchmarkError: the server did not answer so.
    """
    return uvloop.run(_get_json(port, path))


async def _send_requests(port: int, path: str, connections: int, requests: int) -> None:
    loop = asyncio.get_running_loop()
    countdown = _Countdown(requests, loop.create_future())
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
    opened = [
        await loop.create_connection(lambda: _Connection(request, countdown), "127.0.0.1", port)
        for _ in range(connections)
    ]
    try:
        for _, connection in opened:
            connection.send_next()
        await asyncio.wait_for(countdown.finished, TIMEOUT_SECONDS)
    finally:
        for transport, _ in opened:
            transport.abort()


class _Countdown:
    """The requests still to be sent and answered, shared by all connections."""

    def __init__(self, requests: int, finished: asyncio.Future[None]) -> None:
        self.to_send = requests
        self.to_answer = requests
        self.finished = finished

    def fail(self, reason: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(BenchmarkError(reason))


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, request: bytes, countdown: _Countdown) -> None:
        self._request = request
        self._countdown = countdown
        self._transport: asyncio.Transport
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send_next(self) -> None:
        if self._countdown.to_send:
            self._countdown.to_send -= 1
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        head, found, body = received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200"):
            self._countdown.fail(f"the server answered {received[:500].decode(errors='replace')}")
            return
        self._countdown.to_answer -= 1
        if self._countdown.to_answer:
            self.send_next()
        elif not self._countdown.finished.done():
            self._countdown.finished.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._countdown.to_answer:
            self._countdown.fail(f"the server closed a connection: {exc}")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BenchmarkError("an answer without Content-Length")


async def _get_json(port: int, path: str) -> UsageReport:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        raise BenchmarkError(f"nobody listens on port {port}") from error
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_SECONDS)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise BenchmarkError(f"the server answered {answer[:500].decode(errors='replace')}")
    report: UsageReport = json.loads(body)
    return report
