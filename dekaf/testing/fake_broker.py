"""FakeBroker: one broker of a fake cluster, a real socket on loopback that speaks Kafka's protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._wire.reader import Reader
from dekaf.errors import MalformedResponseError
from dekaf.testing.answers import Endpoint, api_versions_answer, frame
from dekaf.testing.broker_apis import ACKS_NONE, BrokerApis, targets_of
from dekaf.testing.broker_versions import AdvertisedVersions
from dekaf.testing.cluster_state import ClientConnection, ClusterState, UnknownVersionAnswer
from dekaf.testing.faults import TLS_HANDSHAKE, WHOLE_REQUEST, Plan, Reply
from dekaf.testing.received import (
    ReceivedApiVersions,
    ReceivedProduce,
    ReceivedRequest,
    ReceivedSaslAuthenticate,
    ReceivedSaslHandshake,
    RequestHeader,
    decode_header,
    decode_request,
)
from dekaf.testing.sasl_accounts import SaslAccounts
from dekaf.testing.sasl_apis import answer_sasl
from dekaf.testing.sasl_session import SaslSession
from dekaf.testing.server_connection import ServerConnection
from dekaf.testing.server_socket import ServerSocket, SocketOptions
from dekaf.testing.server_tls import ServerCertificate, ServerTls, TlsHandshake
from dekaf.testing.trigger import Trigger

__all__ = ("FakeBroker",)

_SERVED: Final = frozenset(int(api) for api in ApiKey)
# Advertised, but not served: brokers since 4.0 close the connection on the oldest Produce requests. Bare tokens follow
# SaslHandshake 0, which no client wants that knows of a newer one.
_FIRST_SERVED: Final[Mapping[int, int]] = {ApiKey.PRODUCE: 3, ApiKey.SASL_HANDSHAKE: 1}


class FakeBroker:
    """One broker of a `FakeCluster`; get it from ``cluster.broker(node_id)``.

    Its methods may be called from the test's thread. A broker listens on one port of the loopback interface for its
    whole life, stopped or not.
    """

    def __init__(
        self,
        node_id: int,
        state: ClusterState,
        *,
        versions: AdvertisedVersions,
        run: Callable[[Callable[[], None]], None],
        socket: SocketOptions,
        accounts: SaslAccounts | None = None,
    ) -> None:
        self.node_id: Final = node_id
        self._state = state
        self._versions = dict(versions)
        self._apis = BrokerApis(state, node_id)
        self._run = run  # calls a function on the cluster's thread and waits for it
        self._socket = ServerSocket(self, socket)
        self._host = socket.host
        self._accounts = accounts
        self._advertised: tuple[str, int] | None = None
        self._is_reading = True
        self._open: set[ServerConnection] = set()

    # What tests ask.

    @property
    def host(self) -> str:
        """The address it listens on, or a name for that."""
        return self._host

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._socket.port

    @property
    def address(self) -> str:
        """``host:port``, as a bootstrap server is written; an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it accepts connections."""
        return self._socket.is_open

    @property
    def connections(self) -> list[ClientConnection]:
        """All connections that were ever opened to it, in order."""
        with self._state.changed:
            return [connection for connection in self._state.connections if connection.node_id == self.node_id]

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests it received, in order."""
        with self._state.changed:
            return [request for request in self._state.requests if request.node_id == self.node_id]

    @property
    def handshakes(self) -> list[TlsHandshake]:
        """All attempts to speak TLS with it, in order, those that failed included."""
        with self._state.changed:
            return [handshake for handshake in self._state.handshakes if handshake.node_id == self.node_id]

    # What tests change.

    def use_tls(self, certificate: ServerCertificate | None) -> None:
        """Show another certificate to those who connect from now on; with None, speak plaintext with them."""
        self._socket.tls = None if certificate is None else ServerTls(certificate)

    def on_tls_handshake(self, *, nth: int = 1) -> Trigger:
        """Choose handshakes with this broker and script a fault for them; see `FakeCluster.on_tls_handshake`."""
        return Trigger(self._state.script, TLS_HANDSHAKE, topic=None, partition=None, node=self.node_id, nth=nth)

    def on(self, api: ApiKey, *, topic: str | None = None, partition: int | None = None, nth: int = 1) -> Trigger:
        """Choose requests to this broker and script a fault for them; see `FakeCluster.on`."""
        return Trigger(self._state.script, api, topic=topic, partition=partition, node=self.node_id, nth=nth)

    def advertise(self, versions: AdvertisedVersions) -> None:
        """Replace the versions of some APIs, as an upgrade or a downgrade does; known from the next connection on."""
        self._versions.update(versions)

    def advertise_address(self, host: str, port: int) -> None:
        """Name another address in Metadata answers than the one the broker listens on."""
        with self._state.changed:
            self._advertised = (host, port)
            if self.is_running:
                self._state.endpoints[self.node_id] = self._endpoint()

    def pause_reading(self) -> None:
        """Stop reading from all sockets: what clients send stays in the kernel's buffers until these are full."""
        self._run(lambda: self._set_reading(is_reading=False))

    def resume_reading(self) -> None:
        """Read again."""
        self._run(lambda: self._set_reading(is_reading=True))

    def close_connections(self) -> None:
        """Close every open connection, and go on accepting new ones."""
        self._run(self._close_connections)

    # What the cluster does with it, on its own thread.

    def listen(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        self._socket.open()
        with self._state.changed:
            self._state.endpoints[self.node_id] = self._endpoint()
            self._state.changed.notify_all()

    def shut(self, *, keep_port: bool = False, forget_port: bool = False) -> None:
        """Stop listening and break all connections; see `ServerSocket.close`."""
        self._socket.close(keep_port=keep_port, forget_port=forget_port)
        for connection in list(self._open):
            if connection.client.tls is None:
                connection.close()
            else:
                connection.abort()  # no server waits for a client's goodbye
        with self._state.changed:
            self._state.endpoints.pop(self.node_id, None)
            self._state.changed.notify_all()

    # What connections ask.

    @property
    def state(self) -> ClusterState:
        """The cluster's state."""
        return self._state

    @property
    def is_reading(self) -> bool:
        """Whether connections read from their sockets."""
        return self._is_reading

    def serve(self, handshake: TlsHandshake | None) -> ServerConnection:
        """Return what serves a new connection."""
        return ServerConnection(self, handshake)

    def begin_handshake(self) -> tuple[TlsHandshake, Plan]:
        """Take note of a handshake and return what the test scripted for it."""
        handshake = TlsHandshake(node_id=self.node_id, started_at=time.monotonic())
        with self._state.changed:
            self._state.handshakes.append(handshake)
            self._state.changed.notify_all()
        return handshake, self._state.script.plan(TLS_HANDSHAKE, self.node_id, [WHOLE_REQUEST])

    def end_handshake(self, handshake: TlsHandshake) -> None:
        """Tell those who wait that a handshake has ended."""
        with self._state.changed:
            self._state.changed.notify_all()

    def joined(self, connection: ServerConnection, tls: TlsHandshake | None) -> ClientConnection:
        """Take note of a new connection."""
        self._open.add(connection)
        with self._state.changed:
            number = len(self._state.connections) + 1
            client = ClientConnection(number=number, node_id=self.node_id, tls=tls)
            self._state.connections.append(client)
            self._state.changed.notify_all()
        return client

    def left(self, connection: ServerConnection) -> None:
        """Take note of the end of a connection."""
        self._open.discard(connection)
        with self._state.changed:
            connection.client.is_open = False
            self._state.changed.notify_all()

    def receive(self, message: bytes, client: ClientConnection) -> ReceivedRequest:
        """Decode a request and remember it.

        Raises:
            MalformedResponseError: the bytes are no request, or one that this broker does not know.
        """
        reader = Reader(message)
        header = decode_header(reader, node_id=self.node_id, connection=client.number)
        if self._is_unknown_greeting(header):
            request: ReceivedRequest = ReceivedApiVersions(header=header)
        else:
            self._check_version(header)
            request = decode_request(reader, header, self._state.topic_name)
        with self._state.changed:
            client.client_id = header.client_id
            if isinstance(request, ReceivedApiVersions) and request.client_software_name:
                client.software_name = request.client_software_name
                client.software_version = request.client_software_version
            self._state.requests.append(request)
            self._state.changed.notify_all()
        return request

    def session_of(self, client: ClientConnection) -> SaslSession | None:
        """Return the state of a new connection's authentication; None without SASL."""
        return None if self._accounts is None else SaslSession(self._accounts, self._state, client)

    def plan(self, request: ReceivedRequest, session: SaslSession | None) -> Plan:
        """Return what the test scripted for a request."""
        with self._state.changed:
            targets = targets_of(request, self._state)
            if session is not None and isinstance(request, ReceivedSaslAuthenticate):
                targets = list({*targets, session.awaits})
            plan = self._state.script.plan(ApiKey(request.api_key), self.node_id, targets)
        if self._is_unknown_greeting(request.header) and self._state.unknown_version is UnknownVersionAnswer.RESET:
            plan.reply = Reply.RESET
        return plan

    def answer(self, request: ReceivedRequest, plan: Plan, session: SaslSession | None) -> bytes | None:
        """Return the whole answer with its frame; None if the connection is to be closed instead.

        An empty answer means that the client wants none.
        """
        version, body = request.version, self._body(request, plan, session)
        if not body:
            return body
        if self._is_unknown_greeting(request.header):
            version = 0
        correlation_id = request.header.correlation_id
        if plan.reply is Reply.WRONG_CORRELATION_ID:
            correlation_id += 1
        if plan.reply is Reply.TRUNCATED:
            body = body[:-3]
        return frame(ApiKey(request.api_key), version, correlation_id, body)

    # Within.

    def _body(self, request: ReceivedRequest, plan: Plan, session: SaslSession | None) -> bytes | None:
        if self._is_unknown_greeting(request.header):
            return self._refuse_greeting(plan)
        if isinstance(request, ReceivedSaslHandshake | ReceivedSaslAuthenticate):
            with self._state.changed:
                self._state.changed.notify_all()
                return answer_sasl(request, plan, session)
        outcome = self._apis.answer(request, plan, self._versions)
        if isinstance(request, ReceivedProduce) and request.acks == ACKS_NONE:
            return None if outcome.is_failed else b""
        if session is not None and isinstance(request, ReceivedApiVersions) and not outcome.is_failed:
            session.greeted()
        return outcome.body

    def _endpoint(self) -> Endpoint:
        host, port = self._advertised or (self.host, self.port)
        return Endpoint(node_id=self.node_id, host=host, port=port)

    def _is_unknown_greeting(self, header: RequestHeader) -> bool:
        return header.api_key == ApiKey.API_VERSIONS and not self._knows(header)

    def _knows(self, header: RequestHeader) -> bool:
        lowest, highest = self._versions.get(header.api_key, (0, -1))
        return lowest <= header.version <= highest

    def _check_version(self, header: RequestHeader) -> None:
        is_too_old = header.version < _FIRST_SERVED.get(header.api_key, 0)
        if header.api_key not in _SERVED or is_too_old or not self._knows(header):
            raise MalformedResponseError(f"API {header.api_key} is not served in version {header.version}.")

    def _refuse_greeting(self, plan: Plan) -> bytes:
        known: Mapping[int, tuple[int, int]] = {}
        if self._state.unknown_version is UnknownVersionAnswer.WITH_ENTRY:
            known = {int(ApiKey.API_VERSIONS): self._versions[ApiKey.API_VERSIONS]}
        return api_versions_answer(
            0, error_code=ErrorCode.UNSUPPORTED_VERSION, ranges=known, throttle_time_ms=plan.throttle_ms
        )

    def _set_reading(self, *, is_reading: bool) -> None:
        self._is_reading = is_reading
        for connection in self._open:
            connection.set_reading(is_reading=is_reading)

    def _close_connections(self) -> None:
        for connection in list(self._open):
            connection.close()
