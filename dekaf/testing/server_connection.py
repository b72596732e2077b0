"""ServerConnection: one client's connection to a fake broker, as the broker sees it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import MalformedResponseError
from dekaf.testing.cluster_state import ClientConnection, ClusterState
from dekaf.testing.faults import WHOLE_REQUEST, PartitionFault, Plan, Reply
from dekaf.testing.received import ReceivedRequest
from dekaf.testing.sasl_session import Admission, SaslSession
from dekaf.testing.server_socket import reset
from dekaf.testing.server_tls import TlsHandshake

__all__ = ("ServedBroker", "ServerConnection")

_SIZE_BYTES: Final = 4
_MAX_FRAME_BYTES: Final = 100 * 1024 * 1024  # a broker's socket.request.max.bytes


class ServedBroker(Protocol):
    """What a connection asks its broker."""

    @property
    def state(self) -> ClusterState:
        """The cluster's state."""

    @property
    def is_running(self) -> bool:
        """Whether the broker accepts connections."""

    @property
    def is_reading(self) -> bool:
        """Whether connections read from their sockets."""

    def joined(self, connection: ServerConnection, tls: TlsHandshake | None) -> ClientConnection:
        """Take note of a new connection."""

    def left(self, connection: ServerConnection) -> None:
        """Take note of the end of a connection."""

    def receive(self, message: bytes, client: ClientConnection) -> ReceivedRequest:
        """Decode a request and remember it.

        Raises:
            MalformedResponseError: the bytes are no request, or one that this broker does not know.
        """

    def session_of(self, client: ClientConnection) -> SaslSession | None:
        """Return the state of a new connection's authentication; None without SASL."""

    def plan(self, request: ReceivedRequest, session: SaslSession | None) -> Plan:
        """Return what the test scripted for a request."""

    def answer(self, request: ReceivedRequest, plan: Plan, session: SaslSession | None) -> bytes | None:
        """Return the whole answer with its frame; None if the connection is to be closed instead.

        An empty answer means that the client wants none.
        """


class ServerConnection(asyncio.Protocol):
    """One connection: requests are taken in as they come, and served one after the other, as a broker does.

    A request being served is brought to its end even if the client goes away; those behind it are dropped.
    """

    client: ClientConnection

    def __init__(self, broker: ServedBroker, tls: TlsHandshake | None) -> None:
        self._broker = broker
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: deque[ReceivedRequest] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._session: SaslSession | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, unless the broker has stopped since it accepted."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.client = self._broker.joined(self, self._tls)
        self._session = self._broker.session_of(self.client)
        if not self._broker.is_running:  # stopped between the handshake and now
            transport.abort()
        elif not self._broker.is_reading:
            transport.pause_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Drop what was not served yet."""
        self._transport = None
        self._waiting.clear()
        self._broker.left(self)

    def data_received(self, data: bytes) -> None:
        """Take in requests."""
        self._buffer += data
        try:
            for message in self._cut():
                self._waiting.append(self._broker.receive(message, self.client))
        except MalformedResponseError as error:
            self._broker.state.note_violation(str(error))
            self.close()
        if self._waiting and self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._serve())

    def set_reading(self, *, is_reading: bool) -> None:
        """Read from the socket or leave the bytes there."""
        if self._transport is not None:
            if is_reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def close(self) -> None:
        """End the connection once everything that was answered is written."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    def _cut(self) -> list[bytes]:
        messages: list[bytes] = []
        while len(self._buffer) >= _SIZE_BYTES:
            size = int.from_bytes(self._buffer[:_SIZE_BYTES], "big", signed=True)
            if not 0 <= size <= _MAX_FRAME_BYTES:
                raise MalformedResponseError(f"A request of {size} bytes is announced.")
            end = _SIZE_BYTES + size
            if len(self._buffer) < end:
                break
            messages.append(bytes(self._buffer[_SIZE_BYTES:end]))
            del self._buffer[:end]
        return messages

    async def _serve(self) -> None:
        try:
            while self._waiting:
                request = self._waiting.popleft()
                admission = self._admit(request)
                if admission is Admission.CLOSED:
                    self.close()
                    break
                plan = self._broker.plan(request, self._session)
                if admission is Admission.MISPLACED:
                    plan.partitions[WHOLE_REQUEST] = PartitionFault(error_code=ErrorCode.ILLEGAL_SASL_STATE)
                answer = await self._process(request, plan)
                if plan.reply is Reply.SILENCE:
                    return  # with the worker still in place, so that nothing behind it is served either
                self._reply(plan, answer)
                if self._session is not None and self._session.is_ended:
                    self.close()
        except MalformedResponseError as error:
            self._broker.state.note_violation(str(error))
            self.close()
        self._worker = None

    def _admit(self, request: ReceivedRequest) -> Admission:
        if self._session is None:
            return Admission.SERVED
        changed = self._broker.state.changed
        with changed:
            changed.notify_all()
            return self._session.admit(request.api_key)

    async def _process(self, request: ReceivedRequest, plan: Plan) -> bytes | None:
        if plan.before is not None:
            await plan.before.wait()
        answer = self._broker.answer(request, plan, self._session) if plan.is_processed else b""
        if plan.delay:
            await asyncio.sleep(plan.delay)
        if plan.after is not None:
            await plan.after.wait()
        return answer

    def _reply(self, plan: Plan, answer: bytes | None) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if plan.reply is Reply.RESET:
            self._waiting.clear()
            reset(transport)
        elif plan.reply is Reply.CLOSE or answer is None:
            self.close()
        elif plan.reply is Reply.HALF:
            transport.write(answer[: max(len(answer) // 2, _SIZE_BYTES + 1)])
            self.close()
        elif plan.reply is Reply.RAW:
            transport.write(plan.raw)
        elif plan.reply is Reply.REWRITTEN and plan.rewrite is not None:
            transport.write(plan.rewrite(answer))
        elif answer:
            transport.write(answer)
