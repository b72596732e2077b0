"""Connections whose time is limited in all."""

from __future__ import annotations

import socket
import time

import pytest

from dekaf._oidc.timed_socket import Deadline, TimedSocket, dial
from tests.unit.oidc.odd_server import OddServer, drips, is_silent


def connected(talk_port: int, deadline: Deadline) -> socket.socket:
    connection = dial("127.0.0.1", talk_port, deadline)
    connection.sendall(b"hello")
    return connection


def test_deadline_tells_the_time_that_is_left() -> None:
    now = [5.0]
    deadline = Deadline(2.0, lambda: now[0])
    now[0] = 6.5

    assert deadline.time_left() == deadline.seconds_left() == 0.5


@pytest.mark.parametrize("at", [7.0, 8.0])
def test_deadline_that_is_over_raises(at: float) -> None:
    now = [5.0]
    deadline = Deadline(2.0, lambda: now[0])
    now[0] = at

    with pytest.raises(TimeoutError):
        deadline.time_left()


def test_a_byte_now_and_then_does_not_extend_the_time() -> None:
    with OddServer(drips(b"")) as server:
        deadline = Deadline(0.3)
        with connected(server.port, deadline) as connection:
            stream = TimedSocket(connection, deadline).makefile("rb")
            began = time.monotonic()

            with pytest.raises(TimeoutError):
                stream.read(65536)

    assert time.monotonic() - began < 5.0


def test_bytes_one_by_one_do_not_extend_the_time() -> None:
    with OddServer(drips(b"")) as server:
        deadline = Deadline(0.3)
        with connected(server.port, deadline) as connection:
            timed = TimedSocket(connection, deadline)

            with pytest.raises(TimeoutError):
                for _ in iter(lambda: timed.receive(1), b""):
                    pass


def test_peer_that_takes_nothing_does_not_hold_up_what_is_sent() -> None:
    with OddServer(is_silent) as server:
        deadline = Deadline(0.3)
        with dial("127.0.0.1", server.port, deadline) as connection, pytest.raises(TimeoutError):
            TimedSocket(connection, deadline).sendall(bytes(64 * 1024 * 1024))


def test_nothing_is_dialled_when_the_time_is_over() -> None:
    with OddServer(drips(b"")) as server:
        with pytest.raises(TimeoutError):
            dial("127.0.0.1", server.port, Deadline(0.0))

        assert server.connections == 0


def test_further_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with OddServer(drips(b"")) as server:
        stream = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        unknown = (999, socket.SOCK_STREAM, 0, "", ("::1", port))  # a family that this machine does not know
        found = [unknown, (*stream, ("127.0.0.1", port)), (*stream, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        with dial("two.example", 443, Deadline(10.0)) as connection:
            assert connection.getpeername() == ("127.0.0.1", server.port)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_error_of_the_last_address_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", port, Deadline(10.0))
