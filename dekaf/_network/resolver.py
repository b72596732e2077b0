"""Look up host names on a thread of our own.

The event loop's default executor refuses work once the interpreter shuts down, and newer Pythons refuse new threads
then; a producer that drains at exit may still have to reconnect. So this thread starts with the engine and waits.
"""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import socket
import threading
from typing import final


@final
class Resolver:
    """Turn `host:port` into addresses to connect to. `resolve` runs on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: queue.SimpleQueue[tuple[str, int, asyncio.Future[list[str]]] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="dekaf-resolver", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Let the thread end once its present look-up is over."""
        self._jobs.put(None)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`; OSError if it has none."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            future: asyncio.Future[list[str]] = self._loop.create_future()
            self._jobs.put((host, port, future))
            return await future
        return [host]

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            host, port, future = job
            if future.done():  # the caller gave up: one slow look-up must not hold up the others time and again
                continue
            addresses: list[str] = []
            error: OSError | None = None
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys([str(entry[4][0]) for entry in found]))
            except OSError as failure:
                error = failure
            except (ValueError, OverflowError) as failure:  # a label that is too long, or empty; a port that cannot be
                error = OSError(f"{host!r} is not a valid host name: {failure}")
            try:
                self._loop.call_soon_threadsafe(_settle, future, addresses, error)
            except RuntimeError:  # the loop is closed, and with it whatever waited
                return


def _settle(future: asyncio.Future[list[str]], addresses: list[str], error: OSError | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(addresses)
