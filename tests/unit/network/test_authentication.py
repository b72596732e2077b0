"""One authentication: what is sent after what, and every way it can end."""

from __future__ import annotations

from time import monotonic

import pytest

from dekaf._network.authentication import Authentication, Session
from dekaf._network.requests import PendingRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.sasl_authenticate import SaslAuthenticateRequest
from dekaf._protocol.sasl_handshake import SaslHandshakeRequest
from dekaf._security.credentials import Credentials
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltParameters
from dekaf._security.secret import Secret
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import AuthenticationError, BrokerConnectionError, ConfigurationError, DekafError
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

PLAIN = Credentials(Mechanism.PLAIN, username="alice", password=Secret(b"wonder"))
SCRAM = Credentials(Mechanism.SCRAM_SHA_256, username="alice", password=Secret(b"wonder"))
NO_SASL = BrokerConnectionError("The broker does not offer SASL_AUTHENTICATE, which this client needs.")


class Connection(SenderConnection):
    """Takes down what is sent, in the highest version of each API unless one is missing."""

    def __init__(self, missing: ApiKey | None = None) -> None:
        self.sent: list[tuple[PendingRequest, int, bytes]] = []
        self.is_broken = False
        self._missing = missing

    def version(self, api: ApiKey, *, at_most: int = 32767) -> int:
        if api is self._missing:
            raise NO_SASL
        return min(at_most, 1 if api is ApiKey.SASL_HANDSHAKE else 2)

    def send(self, request: PendingRequest, version: int, body: list[bytes]) -> None:
        self.sent.append((request, version, b"".join(body)))

    def send_secret(self, request: PendingRequest, version: int, body: Secret) -> None:
        self.sent.append((request, version, body.reveal()))
        if self.is_broken:
            raise RuntimeError("the transport is closing")


class Run:
    """An authentication at a broker that a test plays."""

    def __init__(self, credentials: Credentials, *, missing: ApiKey | None = None) -> None:
        self.connection = Connection(missing)
        self.salted: list[tuple[SaltParameters, Secret]] = []
        self.sessions: list[Session] = []
        self.errors: list[DekafError] = []
        self.authentication = Authentication(
            self.connection, "b:9092", credentials, self._salt, self.sessions.append, self.errors.append
        )
        self.authentication.begin()

    def shake_hands(self, code: int = 0) -> None:
        """Answer the handshake; the broker offers SCRAM-SHA-512."""
        name = b"SCRAM-SHA-512"
        self.answer(code.to_bytes(2, "big") + b"\0\0\0\1" + len(name).to_bytes(2, "big") + name)

    def consent(self, auth_bytes: bytes = b"", *, code: int = 0, message: bytes = b"", lifetime_ms: int = 0) -> None:
        """Answer SaslAuthenticate, in version 2."""
        self.answer(
            code.to_bytes(2, "big")
            + bytes([len(message) + 1])
            + message
            + bytes([len(auth_bytes) + 1])
            + auth_bytes
            + lifetime_ms.to_bytes(8, "big")
            + b"\0"
        )

    def answer(self, body: bytes) -> None:
        """Answer the latest request."""
        request, version, _ = self.connection.sent[-1]
        request.on_response(Reader(body), version)

    @property
    def asked(self) -> list[ApiKey]:
        """The requests so far."""
        return [request.api for request, _, _ in self.connection.sent]

    @property
    def error(self) -> DekafError:
        """The one error it ended with."""
        assert self.sessions == []
        (error,) = self.errors
        return error

    def _salt(self, parameters: SaltParameters, password: Secret, tell: object) -> None:
        self.salted.append((parameters, password))
        self.tell = tell


def body_of(request: SaslHandshakeRequest | SaslAuthenticateRequest, version: int) -> bytes:
    writer = BytesWriter()
    request.encode(writer, version)
    return writer.getvalue()


# Going well.


def test_mechanism_is_named_first_and_nothing_is_proved_before_the_broker_knows_it() -> None:
    run = Run(PLAIN)

    ((_, version, body),) = run.connection.sent
    assert body == body_of(SaslHandshakeRequest(mechanism="PLAIN"), version)


def test_consent_ends_it_with_the_session_that_was_granted() -> None:
    began = monotonic()
    run = Run(PLAIN)
    run.shake_hands()
    run.consent(lifetime_ms=3_600_000)

    assert run.asked == [ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE]
    _, version, body = run.connection.sent[1]
    assert body == body_of(SaslAuthenticateRequest(auth_bytes=b"\0alice\0wonder"), version)
    (session,) = run.sessions
    assert session.lifetime_ms == 3_600_000
    assert began <= session.sent_at <= session.authenticated_at <= monotonic()
    assert run.errors == []


def server_first(run: Run) -> bytes:
    """Return the broker's first message, to the nonce in ours."""
    ours = run.connection.sent[-1][2]
    nonce = ours[ours.index(b",r=") + 3 : -1]  # the last byte is the request's tagged fields
    return b"r=" + nonce + b"broker,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def test_password_is_salted_elsewhere_and_the_exchange_goes_on_with_what_came_of_it() -> None:
    run = Run(SCRAM)
    run.shake_hands()
    run.consent(server_first(run))

    ((parameters, password),) = run.salted
    assert (parameters.iterations, password) == (4096, SCRAM.password)
    assert run.asked.count(ApiKey.SASL_AUTHENTICATE) == 1  # not before the password is salted


def test_salting_that_failed_is_its_error() -> None:
    run = Run(SCRAM)
    run.shake_hands()
    run.consent(server_first(run))
    reason = AuthenticationError("too slow")

    run.authentication._on_salted(None, reason)

    assert run.error is reason


def test_what_is_salted_for_a_connection_that_has_ended_is_no_longer_of_interest() -> None:
    run = Run(SCRAM)
    run.shake_hands()
    run.consent(server_first(run))
    run.authentication.cancel()

    run.authentication._on_salted(None, AuthenticationError("too slow"))

    assert (run.errors, run.sessions) == ([], [])


# Going wrong.


def test_mechanism_that_the_listener_does_not_offer_is_refused_with_those_it_does() -> None:
    run = Run(PLAIN)
    run.shake_hands(ErrorCode.UNSUPPORTED_SASL_MECHANISM)

    assert isinstance(run.error, AuthenticationError)
    assert "it offers SCRAM-SHA-512" in str(run.error)


def test_listener_without_authentication_is_a_matter_of_security_protocol() -> None:
    run = Run(PLAIN)
    run.shake_hands(ErrorCode.ILLEGAL_SASL_STATE)

    assert type(run.error) is BrokerConnectionError
    assert "set security_protocol to SSL or PLAINTEXT" in str(run.error)


@pytest.mark.parametrize("moment", ["handshake", "authenticate"])
def test_any_other_code_is_told_by_its_name(moment: str) -> None:
    run = Run(PLAIN)
    if moment == "handshake":
        run.shake_hands(ErrorCode.INVALID_REQUEST)
    else:
        run.shake_hands()
        run.consent(code=ErrorCode.INVALID_REQUEST)

    assert isinstance(run.error, AuthenticationError)
    assert "INVALID_REQUEST" in str(run.error)


def test_refused_password_is_told_with_the_brokers_words_and_without_the_password() -> None:
    run = Run(PLAIN)
    run.shake_hands()
    run.consent(code=ErrorCode.SASL_AUTHENTICATION_FAILED, message=b"no such user")

    assert isinstance(run.error, AuthenticationError)
    assert "of user 'alice' (PLAIN)" in str(run.error)
    assert "no such user" in str(run.error)
    assert "wonder" not in str(run.error)


def test_answer_that_does_not_follow_the_mechanism_ends_it() -> None:
    run = Run(PLAIN)
    run.shake_hands()
    run.consent(b"a challenge, where PLAIN has none")

    assert isinstance(run.error, AuthenticationError)
    assert "where there is none" in str(run.error)


@pytest.mark.parametrize("missing", [ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE])
def test_broker_that_does_not_know_sasl_is_told_as_that(missing: ApiKey) -> None:
    run = Run(PLAIN, missing=missing)
    if missing is ApiKey.SASL_AUTHENTICATE:
        run.shake_hands()

    assert run.error is NO_SASL


def test_credentials_that_cannot_be_sent_are_an_error_before_anything_is() -> None:
    run = Run(Credentials(Mechanism.PLAIN, username="alice", password=Secret(b"")))

    assert isinstance(run.error, ConfigurationError)
    assert run.connection.sent == []


@pytest.mark.interpreted
def test_what_is_sent_is_shown_by_no_traceback() -> None:
    """A transport may refuse to be written to, and who reports that with local variables must not report a password."""
    run = Run(PLAIN)
    run.connection.is_broken = True

    with pytest.raises(RuntimeError) as caught:
        run.shake_hands()

    assert frames_of_dekaf(caught.value)
    assert "wonder" not in everything_shown(caught.value)
