"""ServerSocket: where a fake broker listens, and how connections to it begin."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

__all__ = ("ServerSocket", "reset")

# Seconds of lingering after close: none, so that the peer gets a reset.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ServerSocket:
    """A port of the loopback interface. Its methods are called on the cluster's thread.

    Parameters:
        host: the address to listen on.
        serve: makes what serves a connection.
        receive_buffer_bytes: the kernel's buffer of each connection; None leaves that to the system.
    """

    def __init__(
        self, host: str, serve: Callable[[], asyncio.Protocol], *, receive_buffer_bytes: int | None = None
    ) -> None:
        self._host = host
        self._serve = serve
        self._receive_buffer_bytes = receive_buffer_bytes
        self._port = 0
        self._listener: socket.socket | None = None
        self._accepting: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        """The port, which stays the same when it is opened again; 0 before the first time."""
        return self._port

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def open(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        # The protocol spelled out: only then does asyncio switch Nagle's algorithm off for accepted connections.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._receive_buffer_bytes is not None:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer_bytes)
            listener.settimeout(0)
            listener.bind((self._host, self._port))
            listener.listen()
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._listener = listener

    def close(self, *, forget_port: bool = False) -> None:
        """Refuse connections."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if forget_port:
            self._port = 0

    def _accept(self, listener: socket.socket) -> None:
        # An asyncio.Server would lose a connection that it had accepted when it is closed: it would stay open for ever.
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.settimeout(0)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(self._serve, accepted))
        self._accepting.add(task)
        task.add_done_callback(lambda done: self._accepted(done, accepted))

    def _accepted(self, task: asyncio.Task[object], accepted: socket.socket) -> None:
        self._accepting.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that the peer sees a reset."""
    connected: socket.socket = transport.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
