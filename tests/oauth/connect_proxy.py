"""ConnectProxy: an HTTP proxy on loopback that connects whomever one asks for with one server (HTTP's CONNECT)."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Final, Self

__all__ = ("ConnectProxy",)

_MOST_BYTES: Final = 16 * 1024


class ConnectProxy:
    """Leads every tunnel to the same port of this machine, and notes who asked for what.

    Args:
        target: the port.
        answer: what it answers instead of opening a tunnel; empty to open it.
    """

    def __init__(self, target: int, *, answer: bytes = b"") -> None:
        self.requests: Final[list[bytes]] = []
        self._target = target
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="connect-proxy", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_BYTES:
                head += client.recv(1)
            self.requests.append(head)
            if self._answer:
                client.sendall(self._answer)
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                # The client waits for this before it begins: nothing of the server's comes too early.
                client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                back = threading.Thread(target=_carry, args=(server, client), daemon=True)
                back.start()
                _carry(client, server)
                back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
