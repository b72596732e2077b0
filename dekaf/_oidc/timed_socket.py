"""A connection whose time is limited in all: the time-out of a socket is only for each call of it."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from dekaf._threads.primitives import look_up_addresses, new_socket

__all__ = ("Deadline", "TimedSocket", "dial")


@final
class Deadline:
    """A moment until which something must be done.

    Args:
        seconds: From now.
        clock: Monotonic, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._at: Final = clock() + seconds

    def seconds_left(self) -> float:
        """Return how long it is until then; negative if it is over."""
        return self._at - self._clock()

    def time_left(self) -> float:
        """Return how long it is until then, as the time-out of a socket.

        Raises:
            TimeoutError: It is over.
        """
        left = self.seconds_left()
        if left <= 0.0:
            raise TimeoutError
        return left


def dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a connection to a host, whose addresses are tried one after the other, and share the time.

    Resolving its name cannot be limited: the system's resolver has limits of its own.

    Raises:
        OSError: There is none to be had, or not in time.
    """
    addresses = look_up_addresses(host, port)
    failure = OSError("it has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            dialled: socket.socket = new_socket(family, kind, protocol)
            try:
                dialled.settimeout(deadline.time_left() / (len(addresses) - index))
                dialled.connect(address)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BaseException:
                dialled.close()
                raise
        except OSError as error:
            failure = error
        else:
            return dialled
    raise failure


@final
class TimedSocket:
    """What `http.client` needs of a socket.

    Args:
        connection: Connected, and encrypted where it has to be. It is closed by who made it.
        deadline: Whatever is sent or received later fails with TimeoutError.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection: Final = connection
        self._deadline: Final = deadline

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._connection.settimeout(self._deadline.time_left())
        self._connection.sendall(data)

    def receive(self, most: int) -> bytes:
        """Return what comes, up to so many bytes; nothing at the end."""
        self._connection.settimeout(self._deadline.time_left())
        return self._connection.recv(most)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what is received as a stream."""
        return io.BufferedReader(_Received(self._connection, self._deadline))

    def close(self) -> None:
        """Let it be: HTTP's connection ends before its answer is read."""


@mypyc_attr(native_class=False)
class _Received(io.RawIOBase):
    """The bytes that come."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._connection.settimeout(self._deadline.time_left())
        return self._connection.recv_into(buffer)
