"""One connection to one broker: version negotiation, frames, and requests answered in the order they were sent."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from enum import Enum
from time import monotonic
from typing import Any, Final, final

from mypy_extensions import i64, trait

from dekaf._log_thread import DeferredLogger, facts
from dekaf._network.authentication import Authentication, SaltPassword, Session
from dekaf._network.connection_security import security_of
from dekaf._network.native_loop import keep_alive
from dekaf._network.requests import CallbackRequest, PendingRequest, SenderConnection
from dekaf._network.timers import call_after_reading, call_not_before
from dekaf._protocol.api import ApiKey, ApiVersionTable, negotiate
from dekaf._protocol.api_versions import ApiVersionsRequest, ApiVersionsResponse
from dekaf._protocol.error_codes import ErrorCode, row_for
from dekaf._protocol.headers import decode_response_header, encode_frame
from dekaf._security.credentials import Credentials
from dekaf._security.handshake_errors import (
    TlsPeer,
    closed_early_error,
    closed_unserved_error,
    handshake_error,
    tls_on_plain_port_error,
)
from dekaf._security.reauthentication import reauthentication_at
from dekaf._security.secret import Secret
from dekaf._wire.framing import FrameBuffer
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError, DekafError, MalformedResponseError
from dekaf.reports import ConnectionSecurity

logger = DeferredLogger("dekaf.network.connection")

NEWEST_API_VERSIONS: Final = 4
LAST_CORRELATION_ID: Final = 0x7FFF_FFF0  # the few above stay free for re-authentication, which is answered out of band
# Brokers, and the load balancers in front of them, end connections that no client uses; after this many seconds without
# a request an end is no sign of trouble.
IDLE_AFTER: Final = 1.0
# Quotas are kept over a window of some seconds; a damaged number must not silence us for days.
LONGEST_THROTTLE: Final = 300.0  # seconds
# A request must have arrived by the end of the session, or the broker hangs up: none is sent in its last moments.
LAST_SHARE: Final = 0.1  # of the session's life
MOST_LAST: Final = 0.25  # seconds
WRITE_BUFFER_LIMIT: Final = 4 * 1024 * 1024  # bytes in the transport before the sender is asked to hold back
SMALLEST_TLS_LIMIT: Final = 1  # with 0, asyncio's TLS would ask us to hold back, and never to go on


class ConnectionState(Enum):
    """A connection's life; it only moves down, but from REAUTHENTICATING back to READY."""

    CONNECTING = "connecting"
    NEGOTIATING = "negotiating"  # asking what the broker speaks
    AUTHENTICATING = "authenticating"  # proving who we are, before anything else is accepted
    READY = "ready"
    REAUTHENTICATING = (
        "reauthenticating"  # the same on a connection in use, which holds back requests; then READY again
    )
    CLOSED = "closed"


@final
class ConnectionSettings:
    """What every connection of a producer has in common; times in seconds."""

    def __init__(self, client_id: str, software_version: str, request_timeout: float, setup_timeout: float) -> None:
        self.client_id: Final = client_id.encode()
        self.software_version: Final = software_version
        self.request_timeout: Final = request_timeout
        self.setup_timeout: Final = setup_timeout  # from the first packet until requests can be sent


@final
class Identity:
    """As whom a connection authenticates, and who salts the password for it, since that takes long."""

    def __init__(self, credentials: Credentials, salt: SaltPassword) -> None:
        self.credentials: Final = credentials
        self.salt: Final = salt


@trait
class ConnectionObserver:
    """Who hears of a connection's changes; `NetworkClient` is the only one."""

    def connection_ready(self, connection: BrokerConnection) -> None:
        """The broker speaks versions we speak: requests may be sent."""
        raise NotImplementedError

    def connection_throttled(self, connection: BrokerConnection) -> None:
        """Its broker wants us to send nothing for a while."""
        raise NotImplementedError

    def connection_closed(self, connection: BrokerConnection, error: DekafError) -> None:
        """It is gone, and every pending request was told so."""
        raise NotImplementedError

    def session_ends(self, connection: BrokerConnection) -> None:
        """Its session will soon be over: it should be given what to authenticate anew with, see `reauthenticate`."""
        raise NotImplementedError

    def connection_writable(self, connection: BrokerConnection) -> None:
        """It takes requests again after holding back, or after the broker's throttling."""
        raise NotImplementedError


@final
class BrokerConnection(SenderConnection):
    """An asyncio protocol; every method runs on the I/O thread.

    A mismatch of any kind closes the connection and fails every request on it: after a wrong byte nothing that follows
    can be trusted.
    """

    def __init__(  # noqa: PLR0913 # what it is, what it needs, and whom it tells
        self,
        node_id: int,
        address: str,
        settings: ConnectionSettings,
        owner: ConnectionObserver,
        *,
        api_versions: int,
        identity: Identity | None,
        peer: TlsPeer | None,
    ) -> None:
        self.node_id: Final = node_id
        self.address: Final = address
        self.state = ConnectionState.CONNECTING
        self.pending: deque[PendingRequest] = deque()
        self.throttled_until = 0.0
        self.last_used = monotonic()
        self.received_anything = False
        self.last_received = self.last_used  # monotonic seconds
        # If it was closed for want of an answer: since when, without the time in which this process stood still.
        self.silent_since: float | None = None
        self._setup_due = math.inf  # monotonic seconds
        self.served_anything = False  # since it was ready: a broker that wants a login tells its versions to everybody
        self.ended_idle = False  # the broker closed it while nothing was under way
        self.ended_for_renewal = False  # it could not authenticate anew; a new connection may well be able to
        self.session: Session | None = None  # what SASL granted
        # How it is protected; replaced as a whole, since other threads read it. None while it does not serve.
        self.security: ConnectionSecurity | None = None
        # When it must be ready, in monotonic seconds: TCP and TLS have used up a part of the time by when it is made.
        self.set_up_by: float | None = None
        self._sends_unanswered = False
        # Requests without an answer, of which something still waits in the transport's buffer.
        self._unwritten: deque[PendingRequest] = deque()
        self._settings: Final = settings
        self._owner: Final = owner
        self._api_versions_version = api_versions
        self._versions: ApiVersionTable | None = None
        self.identity = identity
        self._peer: Final = peer  # None: the connection is not encrypted
        self._authentication: Authentication | None = None
        self._session_end = math.inf  # monotonic seconds, after which the broker takes no request
        self._reauthenticates_at: float | None = None  # the same; None: never
        self._transport: Any = None
        self._frames = FrameBuffer()
        self._correlation_id: i64 = 0
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._close_reason: DekafError | None = None

    def __repr__(self) -> str:
        return f"<BrokerConnection {self.node_id} {self.address} {self.state.value}, {len(self.pending)} pending>"

    # Using it.

    def is_ready(self) -> bool:
        """Return whether requests can be sent."""
        return self.state is ConnectionState.READY or self.state is ConnectionState.REAUTHENTICATING

    def is_busy(self) -> bool:
        """Return whether any request is under way: to be answered, or to be written."""
        return len(self.pending) > 0 or len(self._unwritten) > 0

    def takes_requests(self, now: float) -> bool:
        """Return whether requests should be sent now: it is ready, keeps up, and the broker does not throttle us."""
        return (
            self.state is ConnectionState.READY
            and not self._is_paused
            and now >= self.throttled_until
            and now < self._session_end
        )

    def offers(self, api: ApiKey) -> bool:
        """Return whether the broker knows an API, in whatever version; only once it is ready."""
        return self._versions is not None and self._versions.offers(api)

    def version(self, api: ApiKey, *, at_most: int = 32767) -> int:
        """Return the version both sides speak; BrokerConnectionError if there is none."""
        assert self._versions is not None
        return self._versions.version(api, at_most=at_most)

    def speaks(self, api: ApiKey) -> bool:
        """Return whether there is a version of an API that both sides know; only once it is ready."""
        try:
            self.version(api)
        except BrokerConnectionError:
            return False
        return True

    def send(self, request: PendingRequest, version: int, body: list[bytes]) -> None:
        """Write one request, and keep it until its answer comes."""
        self._await(request, self._write(request, version, body))

    def send_secret(self, request: PendingRequest, version: int, body: Secret) -> None:
        """Do the same, with a body that no traceback shows."""
        now = self._number(request, version)
        client_id = self._settings.client_id
        self._transport.write(encode_frame(request.api, version, self._correlation_id, client_id, [body.reveal()]))
        self._await(request, now)

    def _await(self, request: PendingRequest, now: float) -> None:
        request.deadline = now + self._settings.request_timeout
        self.pending.append(request)
        if self._timer is None:
            self._arm(self._settings.request_timeout)

    def send_unanswered(self, request: PendingRequest, version: int, body: list[bytes]) -> None:
        """Write one request to which there is no answer; it hears once the socket took it."""
        if not self._sends_unanswered:
            self._sends_unanswered = True
            # From now on asyncio tells whenever the socket does not take what it is given, and when it has taken all.
            self._transport.set_write_buffer_limits(SMALLEST_TLS_LIMIT if self._peer is not None else 0)
        request.deadline = self._write(request, version, body) + self._settings.request_timeout
        self._unwritten.append(request)
        self._tell_written()
        if self._timer is None and self._unwritten:
            self._arm(self._settings.request_timeout)

    def throttle(self, milliseconds: int) -> None:
        """Send nothing for so long, as the broker asked (KIP-219)."""
        if milliseconds <= 0:
            return
        seconds = min(milliseconds / 1000.0, LONGEST_THROTTLE)
        for request in self.pending:  # what the broker makes us wait must not look like a broker that does not answer
            request.deadline += seconds
        self.hold_back_until(monotonic() + seconds)
        self._owner.connection_throttled(self)

    def hold_back_until(self, moment: float) -> None:
        """Take no requests before `moment`, in monotonic seconds, nor sooner than was asked for before."""
        if moment > self.throttled_until and moment > monotonic():
            self.throttled_until = moment
            call_not_before(asyncio.get_running_loop(), moment, self._throttle_over)

    def close(self, reason: DekafError) -> None:
        """Close at once; pending requests hear of it from `connection_lost`, on the loop's next round."""
        self._begin_end(reason)
        if self._authentication is not None:
            self._authentication.cancel()
        if self._transport is not None:
            self._transport.abort()

    def finish(self, reason: DekafError) -> bool:
        """Close so that the broker can read all that it was sent; return whether its end is still to come.

        Requests without an answer may wait in the system's buffers for long after they were written. Closing at once
        would be answered with a reset, which drops them, if the broker sends anything meanwhile.
        """
        if not self._sends_unanswered or self.state is ConnectionState.CLOSED:
            self.close(reason)
            return False
        self._begin_end(reason)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:  # TLS says goodbye on its own
            self._transport.close()
        return True

    def _begin_end(self, reason: DekafError) -> None:
        """Take no more requests; the first reason for it is the one that is told."""
        if self._close_reason is None:
            self._close_reason = reason
        self.state = ConnectionState.CLOSED
        self.security = None

    def reauthenticate(self, identity: Identity) -> None:
        """Prove anew who we are (KIP-368). Requests under way go on; new ones are held back meanwhile."""
        if self.state is not ConnectionState.READY:
            return
        self.state = ConnectionState.REAUTHENTICATING
        self._authenticate(identity)

    def session_left(self) -> float:
        """Return for how many seconds the session still counts; 0 once it is over."""
        return max(self._session_end - monotonic(), 0.0)

    def end_session(self, reason: DekafError) -> None:
        """Close, since it cannot authenticate anew; nothing is wrong until a new connection cannot, either."""
        self.ended_for_renewal = True
        self.close(reason)

    # What asyncio calls.

    def connection_made(self, transport: Any) -> None:
        """TCP is connected: ask which versions the broker speaks."""
        self._transport = transport
        if self.state is ConnectionState.CLOSED:  # while it was being made
            transport.abort()
            return
        keep_alive(transport)
        transport.set_write_buffer_limits(WRITE_BUFFER_LIMIT)
        self.state = ConnectionState.NEGOTIATING
        now = monotonic()
        self._setup_due = now + self._settings.setup_timeout if self.set_up_by is None else max(self.set_up_by, now)
        asyncio.get_running_loop().call_later(self._setup_due - now, self._check_setup)
        self._ask_versions(self._api_versions_version)

    def data_received(self, data: bytes) -> None:
        """Answer pending requests, first in, first out."""
        self.last_received = monotonic()
        if not self.received_anything:
            self.received_anything = True
            mismatch = None if self._peer is not None else tls_on_plain_port_error(self.address, data)
            if mismatch is not None:
                self.close(mismatch)
                return
        try:
            for frame in self._frames.feed(data):
                if self.state is ConnectionState.CLOSED:
                    return
                self._answer(frame)
        except MalformedResponseError as error:
            # Of one that never was ready the client tells, once for a series of attempts.
            level = logging.WARNING if self.is_ready() else logging.DEBUG
            known = facts(self._settings.client_id.decode(), broker=self.address, error=error)
            logger.log(level, "Closing the connection to %s: %s", self.address, error, extra=known)
            self.close(error)
        else:
            self._owner.connection_writable(self)

    def eof_received(self) -> bool:
        """The broker closes: so do we."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell every pending request."""
        self.ended_idle = self.is_ready() and not self.is_busy() and monotonic() - self.last_used >= IDLE_AFTER
        self.state = ConnectionState.CLOSED
        self.security = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._authentication is not None:
            self._authentication.cancel()
            self._authentication = None
        reason = self._close_reason
        if reason is None:
            reason = self._end_error(error)
        while self.pending:
            self.pending.popleft().on_lost(reason)
        while self._unwritten:
            self._unwritten.popleft().on_lost(reason)
        self._owner.connection_closed(self, reason)

    def pause_writing(self) -> None:
        """The socket does not keep up."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_paused = False
        self._tell_written()
        self._owner.connection_writable(self)

    # Within.

    def _write(self, request: PendingRequest, version: int, body: list[bytes]) -> float:
        now = self._number(request, version)
        self._transport.write(encode_frame(request.api, version, self._correlation_id, self._settings.client_id, body))
        return now

    def _tell_written(self) -> None:
        """Tell the requests without an answer that the socket has them, if it has."""
        # A transport that closes drops what it has: its empty buffer says nothing.
        if not self._unwritten or self._transport.get_write_buffer_size() > 0 or self._transport.is_closing():
            return
        written = self._unwritten
        self._unwritten = deque()
        for request in written:
            request.on_written()

    def _number(self, request: PendingRequest, version: int) -> float:
        """Give a request its place in the order of answers; return the time."""
        self._correlation_id = 0 if self._correlation_id >= LAST_CORRELATION_ID else self._correlation_id + 1
        request.version = version
        request.correlation_id = self._correlation_id
        now = self.last_used = monotonic()
        return now

    def _end_error(self, error: Exception | None) -> BrokerConnectionError:
        """Return why the broker ended the connection, which before its first answer mostly is a matter of security."""
        if not self.received_anything:
            if error is None:
                return closed_early_error(self.address, is_encrypted=self._peer is not None)
            refusal = None if self._peer is None else handshake_error(error, self._peer)
            if refusal is not None:
                return refusal
        # The error depends on whether more was written after the broker had closed.
        is_close = error is None or isinstance(error, (BrokenPipeError, ConnectionResetError))
        if is_close and self._may_want_a_login():
            return closed_unserved_error(self.address, is_encrypted=self._peer is not None)
        return BrokerConnectionError(self._ended_by_broker(error))

    def _may_want_a_login(self) -> bool:
        """Return whether the first request of all was too much for the broker, and we did not say who we are."""
        was_ready = self._versions is not None and self.identity is None
        return was_ready and len(self.pending) > 0 and not self.served_anything and not self._sends_unanswered

    def _ended_by_broker(self, error: Exception | None) -> str:
        detail = f": {error}" if error is not None else ""
        ended = f"The broker at {self.address} closed the connection{detail}."
        if not self._sends_unanswered or self.ended_idle:
            return ended
        return f"{ended} With acks='none' that is how it refuses messages, so the last ones may be lost."

    def _answer(self, frame: bytes) -> None:
        if not self.pending:
            raise MalformedResponseError("The broker sent an answer that nothing asked for.")
        request = self.pending[0]
        reader = Reader(frame)
        correlation_id = decode_response_header(reader, request.api, request.version)
        if correlation_id != int(request.correlation_id):
            raise MalformedResponseError(
                f"The broker answered request {correlation_id} where {int(request.correlation_id)} was due."
            )
        was_ready = self.is_ready()
        # It stays pending until its answer was understood: one that was not counts as lost.
        request.on_response(reader, request.version)
        self.pending.popleft()
        self.served_anything = self.served_anything or was_ready

    def _ask_versions(self, version: int) -> None:
        body = BytesWriter()
        ApiVersionsRequest(
            client_software_name="dekaf-python", client_software_version=self._settings.software_version
        ).encode(body, version)
        self.send(CallbackRequest(ApiKey.API_VERSIONS, self._on_versions, _ignore_loss), version, [body.getvalue()])

    def _on_versions(self, reader: Reader, version: int) -> None:
        response = ApiVersionsResponse.decode(reader, version)
        if response.error_code == ErrorCode.UNSUPPORTED_VERSION and version > 0:
            self._ask_versions(min(response.version_to_retry, version - 1))
            return
        if response.error_code != ErrorCode.NONE:
            row = row_for(response.error_code)
            self.close(BrokerConnectionError(f"The broker at {self.address} refused to negotiate: {row.name}."))
            return
        self._versions = negotiate(response.ranges)
        self.throttle(response.throttle_time_ms)
        if self.identity is not None:
            self.state = ConnectionState.AUTHENTICATING
            self._authenticate(self.identity)
            return
        self._is_set_up()

    def _is_set_up(self) -> None:
        self._describe()
        self.state = ConnectionState.READY
        self._owner.connection_ready(self)

    def _describe(self) -> None:
        identity = self.identity
        self.security = security_of(
            self._transport,
            self.address,
            credentials=None if identity is None else identity.credentials,
            reauthenticates_at=self._reauthenticates_at,
        )

    # Who we are.

    def _authenticate(self, identity: Identity) -> None:
        self.identity = identity
        self._authentication = Authentication(
            self, self.address, identity.credentials, identity.salt, self._authenticated, self._refused
        )
        self._authentication.begin()

    def _authenticated(self, session: Session) -> None:
        assert self.identity is not None
        self._authentication = None
        self.session = session
        self._keep_session(session)
        if self.state is ConnectionState.AUTHENTICATING:
            # Versions are not asked for again: brokers tell strangers the same.
            self._is_set_up()
            return
        self._describe()
        self.state = ConnectionState.READY
        self._owner.connection_writable(self)

    def _keep_session(self, session: Session) -> None:
        due = reauthentication_at(
            session.lifetime_ms,
            sent_at=session.sent_at,
            authenticated_at=session.authenticated_at,
            spread=random.random(),
        )
        self._session_end = math.inf
        self._reauthenticates_at = due
        if due is not None:
            lifetime = session.lifetime_ms / 1000.0
            self._session_end = session.sent_at + lifetime - min(lifetime * LAST_SHARE, MOST_LAST)
            call_not_before(asyncio.get_running_loop(), due, self._session_due)

    def _session_due(self) -> None:
        if self.state is ConnectionState.READY:
            self._owner.session_ends(self)

    def _refused(self, error: DekafError) -> None:
        self._authentication = None
        if self.state is ConnectionState.REAUTHENTICATING:
            self.end_session(error)
        else:
            self.close(error)

    def _check_setup(self) -> None:
        call_after_reading(asyncio.get_running_loop(), self._end_setup)

    def _end_setup(self) -> None:
        if self.is_ready() or self.state is ConnectionState.CLOSED:
            return
        late = max(0.0, monotonic() - self._setup_due)
        self.silent_since = max(self._setup_due - self._settings.setup_timeout, self.last_received) + late
        what = "authenticate us" if self.state is ConnectionState.AUTHENTICATING else "say which versions it speaks"
        self.close(
            BrokerConnectionError(
                f"The broker at {self.address} did not {what} within socket_connection_setup_timeout_ms="
                f"{self._settings.setup_timeout * 1000:.0f}."
            )
        )

    def _throttle_over(self) -> None:
        if self.state is ConnectionState.READY:
            self._owner.connection_writable(self)

    def _arm(self, delay: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        deadline = self._next_deadline()
        if deadline == math.inf:
            return
        late = monotonic() - deadline
        if late < 0:
            self._arm(-late + 0.001)
        else:
            call_after_reading(asyncio.get_running_loop(), self._end_overdue)

    def _end_overdue(self) -> None:
        """Close, unless the answer has been there, unread, all the while."""
        if self.state is ConnectionState.CLOSED:
            return
        deadline = self._next_deadline()
        if deadline > monotonic():
            if deadline < math.inf and self._timer is None:
                self._arm(deadline - monotonic() + 0.001)
            return
        late = monotonic() - deadline  # this process may have stood still
        self.silent_since = max(deadline - self._settings.request_timeout, self.last_received) + late
        # The answer may still be on its way, and the next one would be taken for it: only a new connection is safe.
        what = "answer" if self.pending else "take what it was sent"
        self.close(
            BrokerConnectionError(
                f"The broker at {self.address} did not {what} within request_timeout_ms="
                f"{self._settings.request_timeout * 1000:.0f}."
            )
        )

    def _next_deadline(self) -> float:
        """Return when the first request under way is overdue; infinity if none is under way."""
        deadline = self.pending[0].deadline if self.pending else math.inf
        return min(deadline, self._unwritten[0].deadline) if self._unwritten else deadline


def _ignore_loss(_error: DekafError) -> None:
    """The version request has no caller to tell but the connection's owner, who hears of the loss anyway."""
