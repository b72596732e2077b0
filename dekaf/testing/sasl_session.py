"""SaslSession: how far a connection to a fake broker has authenticated, and until when that counts.

What it answers, and when it closes, follows Apache Kafka 4.3 (KIP-152, KIP-368).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing.cluster_state import ClientConnection, ClusterState
from dekaf.testing.sasl_accounts import SaslAccounts
from dekaf.testing.sasl_exchange import Exchange, SaslRefusedError, Step, begin_exchange
from dekaf.testing.sasl_faults import ANY_MESSAGE, SaslFault, SaslMessage, spoilt

__all__ = ("Admission", "AuthenticateAnswer", "HandshakeAnswer", "SaslSession")

_SOONEST_AGAIN: Final = 1.0  # seconds after one re-authentication before brokers go along with another
_ALREADY: Final = "SaslAuthenticate request received after successful authentication"


class Admission(enum.Enum):
    """What is done with a request."""

    SERVED = "served"
    MISPLACED = "answered with ILLEGAL_SASL_STATE, then the connection is closed"
    CLOSED = "the connection is closed instead"


class HandshakeAnswer(NamedTuple):
    """What SaslHandshake is answered."""

    error_code: int
    mechanisms: tuple[str, ...]


class AuthenticateAnswer(NamedTuple):
    """What SaslAuthenticate is answered."""

    error_code: int
    error_message: str | None = ""
    auth_bytes: bytes = b""
    session_lifetime_ms: int = 0


class _Stage(enum.Enum):
    GREETING = "ApiVersions or SaslHandshake may come"
    HANDSHAKE = "SaslHandshake has to come"
    EXCHANGE = "SaslAuthenticate has to come"
    OPEN = "everything may come"
    DOOMED = "whatever comes next, the connection is closed"
    ENDED = "refused"


_LEGAL: Final = {
    _Stage.GREETING: frozenset((ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE)),
    _Stage.HANDSHAKE: frozenset((ApiKey.SASL_HANDSHAKE,)),
    _Stage.EXCHANGE: frozenset((ApiKey.SASL_AUTHENTICATE,)),
}


class SaslSession:
    """The state of one connection; called on the cluster's thread, with the cluster's state locked.

    Args:
        accounts: who may come in.
        state: the cluster's.
        client: where to write down what happened.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        accounts: SaslAccounts,
        state: ClusterState,
        client: ClientConnection,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._state = state
        self._client = client
        self._clock = clock
        self._stage = _Stage.GREETING
        self._exchange: Exchange | None = None
        self._mechanism = ""
        self._expires_at: float | None = None
        self._began_again_at: float | None = None

    @property
    def is_ended(self) -> bool:
        """Whether the connection is to be closed, once what was answered is sent."""
        return self._stage is _Stage.ENDED

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Those that are on."""
        return self._accounts.mechanisms

    @property
    def awaits(self) -> SaslMessage:
        """Which of the mechanism's messages is answered next."""
        return ANY_MESSAGE if self._exchange is None else self._exchange.awaits

    def admit(self, api: int) -> Admission:
        """Decide what is done with a request."""
        if self._stage is _Stage.OPEN:
            return self._admit_to_session(api)
        if api in _LEGAL.get(self._stage, ()):
            return Admission.SERVED
        if self._stage not in {_Stage.DOOMED, _Stage.ENDED}:
            self._state.note_violation(f"API {api} came although {self._stage.value}")
        is_answered = self._stage is _Stage.EXCHANGE and api == ApiKey.API_VERSIONS
        self._stage = _Stage.ENDED
        return Admission.MISPLACED if is_answered else Admission.CLOSED

    def greeted(self) -> None:
        """Take note that ApiVersions was answered; it may not come twice before SaslHandshake."""
        if self._stage is _Stage.GREETING:
            self._stage = _Stage.HANDSHAKE

    def handshake(self, mechanism: str) -> HandshakeAnswer | None:
        """Answer SaslHandshake; None if the connection is closed instead."""
        is_again = self._stage is _Stage.OPEN
        if is_again and not self._may_begin_again():
            return HandshakeAnswer(ErrorCode.ILLEGAL_SASL_STATE, ())
        if mechanism not in self.mechanisms:
            self._refuse()
            return (
                None if is_again else HandshakeAnswer(ErrorCode.UNSUPPORTED_SASL_MECHANISM, self._accounts.mechanisms)
            )
        if is_again:
            self._began_again_at = self._clock()
        if is_again and mechanism != self._mechanism:
            self._stage = _Stage.DOOMED
        else:
            self._stage = _Stage.EXCHANGE
            self._mechanism = mechanism
            self._exchange = begin_exchange(mechanism, self._accounts)
        return HandshakeAnswer(ErrorCode.NONE, self.mechanisms)

    def authenticate(self, auth_bytes: bytes, *, fault: SaslFault | None = None) -> AuthenticateAnswer:
        """Answer SaslAuthenticate.

        Args:
            auth_bytes: the client's message.
            fault: what is wrong with the answer.
        """
        exchange = self._exchange
        if exchange is None:
            return AuthenticateAnswer(ErrorCode.ILLEGAL_SASL_STATE, _ALREADY)
        try:
            step = exchange.step(auth_bytes)
            answer = self._answer(step)
        except SaslRefusedError as refusal:
            self._refuse()
            return AuthenticateAnswer(ErrorCode.SASL_AUTHENTICATION_FAILED, refusal.message or self._invalid())
        if fault is None:
            return answer
        return answer._replace(auth_bytes=spoilt(answer.auth_bytes, fault, client_nonce=exchange.client_nonce))

    def refuse(self) -> None:
        """Take note that the test has refused the client."""
        self._refuse()

    def _admit_to_session(self, api: int) -> Admission:
        if api in {ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE}:
            return Admission.SERVED
        if self._expires_at is not None and self._clock() >= self._expires_at:
            self._client.is_expired = True
            self._stage = _Stage.ENDED
            return Admission.CLOSED
        return Admission.SERVED

    def _may_begin_again(self) -> bool:
        if self._expires_at is None:
            return False
        return self._began_again_at is None or self._clock() - self._began_again_at >= _SOONEST_AGAIN

    def _answer(self, step: Step) -> AuthenticateAnswer:
        if step.principal is None:
            return AuthenticateAnswer(ErrorCode.NONE, auth_bytes=step.auth_bytes)
        client = self._client
        if client.principal not in {None, step.principal}:
            raise SaslRefusedError(
                f"Cannot change principals during re-authentication from User.{client.principal}: User.{step.principal}"
            )
        self._stage = _Stage.OPEN
        self._exchange = None
        limits = [limit for limit in (self._state.session_lifetime_ms or None, step.lifetime_ms) if limit is not None]
        lifetime_ms = min(limits, default=0)
        self._expires_at = self._clock() + lifetime_ms / 1000 if limits else None
        client.mechanism = self._mechanism
        client.principal = step.principal
        client.extensions = dict(step.extensions)
        client.authentications += 1
        return AuthenticateAnswer(ErrorCode.NONE, auth_bytes=step.auth_bytes, session_lifetime_ms=lifetime_ms)

    def _refuse(self) -> None:
        self._stage = _Stage.ENDED
        self._client.refusals += 1

    def _invalid(self) -> str:
        kind = "authentication" if self._client.authentications == 0 else "re-authentication"
        return f"Authentication failed during {kind} due to invalid credentials with SASL mechanism {self._mechanism}"
