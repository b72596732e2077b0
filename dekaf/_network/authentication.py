"""Authenticate one connection with SASL: the handshake, then the mechanism's rounds, until the broker is satisfied.

The same serves a connection that is new and one that authenticates anew while it is in use (KIP-368): answers come in
the order of the requests, so those of earlier requests are told apart by themselves, and the connection holds back new
ones meanwhile. Every method runs on the I/O thread.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._network.requests import CallbackRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode, row_for
from dekaf._protocol.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from dekaf._protocol.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from dekaf._security.credentials import Credentials
from dekaf._security.exchange import Finished, SaltNeeded, SaslExchange, Send
from dekaf._security.refusals import credentials_refused_error, mechanism_refused_error
from dekaf._security.salted_password import SaltedPassword, SaltParameters
from dekaf._security.secret import Secret
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import AuthenticationError, BrokerConnectionError, DekafError

# Has the login thread salt a password, and is told what came of it.
TellSalted = Callable[["SaltedPassword | None", "DekafError | None"], None]
SaltPassword = Callable[[SaltParameters, Secret, TellSalted], None]


@final
class Session:
    """What the broker granted: times in monotonic seconds."""

    def __init__(self, lifetime_ms: int, sent_at: float, authenticated_at: float) -> None:
        self.lifetime_ms: Final = lifetime_ms  # 0: for as long as the connection lives
        self.sent_at: Final = sent_at  # when the request was sent: the session cannot have begun earlier
        self.authenticated_at: Final = authenticated_at


@final
class Authentication:
    """One run of the exchange; it ends with one call of `finished` or of `failed`, or with its connection."""

    def __init__(
        self,
        connection: SenderConnection,
        address: str,
        credentials: Credentials,
        salt: SaltPassword,
        finished: Callable[[Session], None],
        failed: Callable[[DekafError], None],
    ) -> None:
        self._connection: Final = connection
        self._address: Final = address
        self._credentials: Final = credentials
        self._salt: Final = salt
        self._finished: Final = finished
        self._failed: Final = failed
        self._exchange: SaslExchange | None = None
        self._sent_at = 0.0
        self._is_cancelled = False

    def cancel(self) -> None:
        """Do nothing any more: the connection has ended."""
        self._is_cancelled = True

    def begin(self) -> None:
        """Name the mechanism."""
        try:
            self._exchange = self._credentials.exchange(self._address)
            version = self._connection.version(ApiKey.SASL_HANDSHAKE)
        except DekafError as error:
            self._failed(error)
            return
        body = BytesWriter()
        SaslHandshakeRequest(mechanism=self._credentials.mechanism.value).encode(body, version)
        request = CallbackRequest(ApiKey.SASL_HANDSHAKE, self._on_handshake, _ignore_loss)
        self._connection.send(request, version, [body.getvalue()])

    def _on_handshake(self, reader: Reader, version: int) -> None:
        response = SaslHandshakeResponse.decode(reader, version)
        if response.error_code == ErrorCode.NONE:
            assert self._exchange is not None
            self._send(self._exchange.start())
        elif response.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM:
            self._failed(mechanism_refused_error(self._address, self._credentials.mechanism, response.mechanisms))
        elif response.error_code == ErrorCode.ILLEGAL_SASL_STATE:
            self._failed(
                BrokerConnectionError(
                    f"The listener at {self._address} does not authenticate clients: set security_protocol to SSL or "
                    "PLAINTEXT, or connect to the listener that does."
                )
            )
        else:
            self._failed(_refused_error(self._address, response.error_code))

    def _send(self, auth_bytes: Secret) -> None:
        try:
            version = self._connection.version(ApiKey.SASL_AUTHENTICATE)
        except BrokerConnectionError as error:
            self._failed(error)
            return
        self._sent_at = monotonic()
        request = CallbackRequest(ApiKey.SASL_AUTHENTICATE, self._on_authenticate, _ignore_loss)
        self._connection.send_secret(request, version, _sealed(auth_bytes, version))

    def _on_authenticate(self, reader: Reader, version: int) -> None:
        response = SaslAuthenticateResponse.decode(reader, version)
        exchange = self._exchange
        assert exchange is not None
        if response.error_code != ErrorCode.NONE:
            self._failed(self._answer_error(response, exchange))
            return
        try:
            step = exchange.receive(response.auth_bytes)
        except AuthenticationError as error:
            # Without the frames, whose variables hold what the broker said, which may repeat what it was told.
            self._failed(error.with_traceback(None))
            return
        if isinstance(step, Send):
            self._send(step.auth_bytes)
        elif isinstance(step, SaltNeeded):
            self._salt(step.parameters, self._credentials.password, self._on_salted)
        elif isinstance(step, Finished):
            self._finished(Session(response.session_lifetime_ms, self._sent_at, monotonic()))

    def _on_salted(self, salted: SaltedPassword | None, error: DekafError | None) -> None:
        if self._is_cancelled:
            return
        assert self._exchange is not None
        if salted is None:
            self._failed(error or AuthenticationError("The password could not be salted."))
            return
        self._send(self._exchange.resume(salted).auth_bytes)

    def _answer_error(self, response: SaslAuthenticateResponse, exchange: SaslExchange) -> AuthenticationError:
        if response.error_code != ErrorCode.SASL_AUTHENTICATION_FAILED:
            return _refused_error(self._address, response.error_code)
        return credentials_refused_error(
            self._address,
            self._credentials.mechanism,
            username=self._credentials.username,
            message=None if response.error_message is None else self._credentials.masked(response.error_message),
            challenge=exchange.challenge_text(),
        )


def _sealed(auth_bytes: Secret, version: int) -> Secret:
    """Return the body of a SaslAuthenticate request: the repr of what it is written with would show it."""
    body = BytesWriter()
    SaslAuthenticateRequest(auth_bytes=auth_bytes.reveal()).encode(body, version)
    return Secret(body.getvalue())


def _refused_error(address: str, code: int) -> AuthenticationError:
    row = row_for(code)
    return AuthenticationError(f"The broker at {address} refused to authenticate this client: {row.name}.")


def _ignore_loss(_error: DekafError) -> None:
    """The connection's owner hears of its end, and tells why; an authentication ends with it."""
