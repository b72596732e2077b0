"""A TCP proxy for between a producer and a broker: as slow, and as unreliable, as networks are."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar

__all__ = ("Direction", "TcpProxy")

T = TypeVar("T")

CHUNK = 16_384
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: the peer sees a reset instead of an end
STEP_SECONDS = 10.0


class Direction(Enum):
    """Which half of a connection."""

    REQUESTS = "requests"
    ANSWERS = "answers"


class TcpProxy:
    """Forwards connections to a broker. Methods may be called from any thread; a context manager.

    Its port is known at once, so that a broker can be told to advertise it; `target` is set before it is used.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.target = ""
        self.latency = 0.0  # seconds, each way
        self.jitter = 0.0  # seconds at most on top, of each chunk; chunks stay in order
        self.bytes_per_second: float | None = None  # each way, of each connection
        self.refuses = False
        self.accepted = 0
        self.random = random.Random(seed)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._worker = threading.Thread(target=self._loop.run_forever, name="test-proxy")
        self._pairs: set[_Pair] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """The `host:port` it listens on."""
        port: int = self._socket.getsockname()[1]
        return f"127.0.0.1:{port}"

    def __enter__(self) -> Self:
        self._worker.start()
        self._call(self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(STEP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._worker.join(STEP_SECONDS)
        self._loop.close()
        self._socket.close()

    # Trouble.

    def connections(self) -> int:
        """Return how many connections are open."""
        return self._call(lambda: len(self._pairs))

    def reset(self) -> None:
        """Break all connections."""
        self._each(lambda pair: pair.reset())

    def cut_after(self, size: int, direction: Direction) -> None:
        """Break each connection after that many more bytes of one direction: most likely within a frame."""
        self._each(lambda pair: pair.cut_after(size, direction))

    def close_half(self, direction: Direction) -> None:
        """Tell one side of each connection that the other sends nothing more, and go on in the other direction."""
        self._each(lambda pair: pair.close_half(direction))

    def swallow(self, direction: Direction) -> None:
        """Let whatever comes in one direction of the present connections vanish; nobody is told."""
        self._each(lambda pair: pair.swallow(direction))

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Break all connections, and every new one at once, for the length of a block."""
        self.refuses = True
        self.reset()
        try:
            yield
        finally:
            self.refuses = False

    # Within.

    def _each(self, function: Callable[[_Pair], None]) -> None:
        def call() -> None:
            for pair in list(self._pairs):
                function(pair)

        self._call(call)

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(STEP_SECONDS)

    def _start(self) -> None:
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        self.accepted += 1
        if self.refuses:
            _reset(accepted)
            return
        task = self._loop.create_task(self._serve(accepted))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        host, _, port = self.target.rpartition(":")
        client = await asyncio.open_connection(sock=accepted)
        try:
            server = await asyncio.open_connection(host, int(port))
        except OSError:
            _Pair(self, client, client).reset()
            return
        pair = _Pair(self, client, server)
        self._pairs.add(pair)
        try:
            await pair.run()
        finally:
            self._pairs.discard(pair)

    async def _stop(self) -> None:
        self._loop.remove_reader(self._socket)
        for pair in list(self._pairs):
            pair.reset()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Pair:
    """A producer's connection, and ours to the broker on its behalf."""

    def __init__(self, proxy: TcpProxy, client: Stream, server: Stream) -> None:
        self._halves = {
            Direction.REQUESTS: _Half(proxy, client[0], server[1]),
            Direction.ANSWERS: _Half(proxy, server[0], client[1]),
        }
        for half in self._halves.values():
            half.on_cut = self.reset

    async def run(self) -> None:
        """Forward until both directions have ended, or the pair is reset."""
        try:
            await asyncio.gather(*(half.run() for half in self._halves.values()))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.reset()

    def reset(self) -> None:
        """Break both connections."""
        for half in self._halves.values():
            half.writer.transport.abort()

    def cut_after(self, size: int, direction: Direction) -> None:
        """Break both connections after that many bytes of a direction."""
        self._halves[direction].bytes_left = size

    def close_half(self, direction: Direction) -> None:
        """Send an end in a direction."""
        half = self._halves[direction]
        half.swallows = True
        if half.writer.can_write_eof() and not half.writer.transport.is_closing():
            half.writer.write_eof()

    def swallow(self, direction: Direction) -> None:
        """Forward nothing more in a direction."""
        self._halves[direction].swallows = True


class _Half:
    """One direction of a connection: chunks wait their time, and stay in order."""

    def __init__(self, proxy: TcpProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.bytes_left: int | None = None
        self.swallows = False
        self.on_cut: Callable[[], None] = lambda: None
        self._proxy = proxy
        self._late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        """Forward until the sender ends."""
        await asyncio.gather(self._read(), self._write())

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            data = await self.reader.read(CHUNK)
            proxy = self._proxy
            if proxy.bytes_per_second is not None:
                await asyncio.sleep(len(data) / proxy.bytes_per_second)
            due = max(due, clock() + proxy.latency + proxy.random.uniform(0.0, proxy.jitter))
            self._late.put_nowait((due, data))
            if not data:
                return

    async def _write(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await self._late.get()
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            if not data:
                self._end()
                return
            if self.swallows:
                continue
            if self.bytes_left is not None and len(data) >= self.bytes_left:
                self.writer.write(data[: self.bytes_left])
                await self.writer.drain()
                self.on_cut()
                return
            if self.bytes_left is not None:
                self.bytes_left -= len(data)
            self.writer.write(data)
            await self.writer.drain()

    def _end(self) -> None:
        if not self.swallows and not self.writer.transport.is_closing():
            self.writer.write_eof()


def _reset(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    accepted.close()
