"""A server on loopback that says bytes which no HTTP server would, to show what a client makes of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ("OddServer", "drips", "is_silent", "says")

DRIP_SECONDS = 0.02

Talk = Callable[[socket.socket, threading.Event], None]


class OddServer:
    """Accepts connections, and leaves each to a function, on a thread of its own.

    Args:
        talk: what to do with a connection, and an event that is set when it is to end.
    """

    def __init__(self, talk: Talk) -> None:
        self.connections = 0
        self._talk = talk
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._talk(connection, self._ending)


def says(answer: bytes) -> Talk:
    """Answer the first bytes that come, and close the connection."""

    def talk(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        while connection.recv(65536):  # until the client is done: a reset would lose the answer
            pass

    return talk


def drips(beginning: bytes) -> Talk:
    """Begin to answer, and go on with a byte now and then, without end."""

    def talk(connection: socket.socket, ending: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(beginning)
        while not ending.wait(DRIP_SECONDS):
            connection.sendall(b"x")

    return talk


def is_silent(_: socket.socket, ending: threading.Event) -> None:
    """Neither read nor answer."""
    ending.wait()
