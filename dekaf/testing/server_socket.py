"""ServerSocket: where a fake broker listens, and how connections to it begin."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from dekaf.errors import ConfigurationError
from dekaf.testing.faults import Plan, Reply
from dekaf.testing.server_tls import ServerTls, TlsHandshake

__all__ = ("ConnectionDesk", "ServerSocket", "SocketOptions", "reset")

ADDRESS: Final = "127.0.0.1"
ADDRESS_IPV6: Final = "::1"

_CAN_SHARE: Final = hasattr(socket, "SO_REUSEPORT")  # not on Windows

# Seconds of lingering after close: none, so that the peer gets a reset.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
# Seconds until a client's goodbye is no longer waited for; a broker does not wait at all.
_GOODBYE_SECONDS: Final = 0.2


class ConnectionDesk(Protocol):
    """What a socket asks the broker that it belongs to."""

    def serve(self, handshake: TlsHandshake | None) -> asyncio.Protocol:
        """Return what serves a new connection."""

    def begin_handshake(self) -> tuple[TlsHandshake, Plan]:
        """Take note of a handshake and return what the test scripted for it."""

    def end_handshake(self, handshake: TlsHandshake) -> None:
        """Take note of its end, good or bad."""


@dataclass(frozen=True, kw_only=True)
class SocketOptions:
    """What the sockets of a broker are like.

    Args:
        host: what the broker calls itself: the address it listens on, or a name for that.
        tls: how connections are encrypted; None for plaintext.
        receive_buffer_bytes: the kernel's buffer of each connection; None leaves that to the system.
        port: where to listen; 0 takes a free one.
    """

    host: str = ADDRESS
    tls: ServerTls | None = None
    receive_buffer_bytes: int | None = None
    port: int = 0


class ServerSocket:
    """A port of the loopback interface. Its methods are called on the cluster's thread.

    Args:
        desk: the broker.
        options: what the socket is like; how it is encrypted may be changed for connections to come.
    """

    def __init__(self, desk: ConnectionDesk, options: SocketOptions) -> None:
        self.tls = options.tls
        self._desk = desk
        self._address: Final = ADDRESS_IPV6 if options.host == ADDRESS_IPV6 else ADDRESS
        self._receive_buffer_bytes = options.receive_buffer_bytes
        self._wanted_port: Final = options.port
        self._port = 0
        self._listener: socket.socket | None = None
        self._kept: socket.socket | None = None  # bound to the port while it does not listen
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
        """Accept connections, on the same port as before if there was one.

        Raises:
            ConfigurationError: the port asked for is taken.
        """
        if not self._port and self._wanted_port:
            _check_free(self._wanted_port)
            self._port = self._wanted_port
        listener = self._bound()
        try:
            listener.listen()
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._let_go()

    def close(self, *, keep_port: bool = False, forget_port: bool = False) -> None:
        """Refuse connections, and break off the handshakes that are under way.

        Args:
            keep_port: let no other program have the port until it is opened again: the system gives free ones to
                whatever connects next, of any process.
            forget_port: open another port next time; one that was kept until then.
        """
        for task in self._accepting:
            task.cancel()
        if not (keep_port or forget_port):
            self._let_go()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            if keep_port and _CAN_SHARE:
                self._kept = self._bound()
            self._listener.close()
            self._listener = None
        if forget_port:
            self._port = 0

    def _bound(self) -> socket.socket:
        # The protocol spelled out: only then does asyncio switch Nagle's algorithm off for accepted connections.
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if _CAN_SHARE:  # between the socket that listens and the one that keeps the port for it
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self._receive_buffer_bytes is not None:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer_bytes)
            bound.settimeout(0)
            bound.bind((self._address, self._port))
        except BaseException:
            bound.close()
            raise
        return bound

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _accept(self, listener: socket.socket) -> None:
        # An asyncio.Server would lose a connection that it had accepted when it is closed: it would stay open for ever.
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.settimeout(0)
        task = asyncio.get_running_loop().create_task(self._begin(accepted, self.tls))
        self._accepting.add(task)
        task.add_done_callback(lambda done: self._accepted(done, accepted))

    async def _begin(self, accepted: socket.socket, tls: ServerTls | None) -> None:
        loop = asyncio.get_running_loop()
        if tls is None:
            await loop.connect_accepted_socket(lambda: self._desk.serve(None), accepted)
            return
        handshake, plan = self._desk.begin_handshake()
        try:
            await _obstruct(accepted, plan)
            await loop.connect_accepted_socket(
                lambda: self._desk.serve(handshake),
                accepted,
                ssl=cast(ssl.SSLContext, tls.watch(accepted, handshake)),
                ssl_shutdown_timeout=_GOODBYE_SECONDS,
            )
        except OSError as error:
            handshake.error = handshake.error or str(error) or type(error).__name__
            raise
        finally:
            self._desk.end_handshake(handshake)

    def _accepted(self, task: asyncio.Task[object], accepted: socket.socket) -> None:
        self._accepting.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()


def _check_free(port: int) -> None:
    """Raise ConfigurationError if somebody listens: sockets that share a port would take each other's connections."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} of {ADDRESS} cannot be listened on: {error.strerror}. Stop what listens there, such as a "
                "real Kafka, or choose another port."
            ) from error


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that the peer sees a reset."""
    connected: socket.socket = transport.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def _obstruct(accepted: socket.socket, plan: Plan) -> None:
    """Do what a test scripted for a handshake, if anything.

    Raises:
        ConnectionAbortedError: that was to end the connection.
    """
    for held in (plan.before, plan.after):
        if held is not None:
            await held.wait()
    await asyncio.sleep(plan.delay)
    if plan.reply is Reply.NORMAL:
        return
    if plan.reply is Reply.SILENCE:
        await asyncio.Event().wait()  # until the broker stops
    loop = asyncio.get_running_loop()
    await loop.sock_recv(accepted, 1)  # what else came is left unread
    if plan.reply is Reply.RAW:
        await loop.sock_sendall(accepted, plan.raw)
        while await loop.sock_recv(accepted, 65536):  # closing at once would reset what was sent
            pass
    elif plan.reply is Reply.RESET:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    raise ConnectionAbortedError(f"the test wants it: {plan.reply.value}")
