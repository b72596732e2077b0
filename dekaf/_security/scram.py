"""SCRAM-SHA-256 and SCRAM-SHA-512: both sides prove that they know the password, and neither sends it.

RFC 5802 and 7677 as Kafka does them: without channel binding, and without SASLprep, so that a password is its UTF-8
bytes. https://datatracker.ietf.org/doc/html/rfc5802
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from enum import Enum
from typing import Final, NamedTuple, final

from dekaf._security.broker_text import bounded_text, decoded_text
from dekaf._security.exchange import Finished, NextStep, SaltNeeded, SaslExchange, Send
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltParameters
from dekaf._security.secret import Secret, secret_text
from dekaf.errors import AuthenticationError, ConfigurationError

__all__ = ("MOST_ITERATIONS", "ScramExchange", "ScramState", "escaped_name")

# RFC 7677 demands as many; fewer make a recorded exchange too easy to attack.
_FEWEST_ITERATIONS: Final = 4096
# Kafka stores 16384 at most. A broker that asks for billions wants to keep us busy.
MOST_ITERATIONS: Final = 1_000_000

_NONCE_BYTES: Final = 24  # 192 random bits; RFC 5802 leaves the number open, Kafka's own client takes 128
_MOST_CHALLENGE_BYTES: Final = 8192  # a few hundred are usual

_GS2_HEADER: Final = "n,,"  # no channel binding, no authorization identity
_CHANNEL_BINDING: Final = "biws"  # that header in base64

_ITERATIONS: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_NONCE: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+")  # printable, without space and comma


class ScramState(Enum):
    """An exchange's life; it only moves down."""

    NEW = "new"
    GREETED = "greeted"  # the client's first message is on its way
    SALTING = "salting"  # the login thread works on the password
    PROVED = "proved"  # the client's proof is on its way
    FINISHED = "finished"
    FAILED = "failed"


class _ServerFirst(NamedTuple):
    nonce: str
    salt: bytes
    iterations: int


@final
class ScramExchange(SaslExchange):
    """Client side of one exchange. It never sees the password, only what PBKDF2 made of it.

    Args:
        address: the broker, for errors.
        mechanism: SCRAM-SHA-256 or SCRAM-SHA-512.
        username: who we are.
        nonce: our part of the nonce, printable and without comma; default: a new random one.

    Raises:
        ConfigurationError: the user name is empty or cannot be sent.
    """

    def __init__(self, address: str, mechanism: Mechanism, *, username: str, nonce: str | None = None) -> None:
        if mechanism not in {Mechanism.SCRAM_SHA_256, Mechanism.SCRAM_SHA_512}:
            raise ValueError(f"{mechanism} is not a SCRAM mechanism")
        if not username or "\x00" in username:
            raise ConfigurationError(
                f"sasl_username: must not be empty, nor hold the character NUL, with {mechanism.value}"
            )
        secret_text("sasl_username", username)  # it can be encoded
        self.mechanism = mechanism
        self.state = ScramState.NEW
        self._address = address
        self._nonce = secrets.token_urlsafe(_NONCE_BYTES) if nonce is None else nonce
        self._first_bare = f"n={escaped_name(username)},r={self._nonce}"
        self._server_first = ""
        self._full_nonce = ""
        self._server_signature = b""

    def start(self) -> Secret:
        """Return the client's first message."""
        self._expect(ScramState.NEW)
        self.state = ScramState.GREETED
        return Secret(f"{_GS2_HEADER}{self._first_bare}".encode())

    def receive(self, challenge: bytes) -> NextStep:
        """Take the server's first message, or its last."""
        state = self.state
        self.state = ScramState.FAILED  # until the message was understood
        text = self._text_of(challenge)
        if state is ScramState.GREETED:
            return self._begin_proof(text)
        if state is ScramState.PROVED:
            return self._verify_server(text)
        raise self._error("sent a message out of turn")

    def resume(self, salted_password: SaltedPassword) -> Send:
        """Return the client's last message, with the proof."""
        self._expect(ScramState.SALTING)
        without_proof = f"c={_CHANNEL_BINDING},r={self._full_nonce}"
        auth_message = f"{self._first_bare},{self._server_first},{without_proof}".encode()
        self._server_signature = salted_password.server_signature(auth_message)
        proof = base64.b64encode(salted_password.client_proof(auth_message)).decode()
        self.state = ScramState.PROVED
        return Send(Secret(f"{without_proof},p={proof}".encode()))

    def _begin_proof(self, text: str) -> SaltNeeded:
        first = self._server_first_of(text)
        # The whole nonce contains ours already: nothing is appended to it.
        if not first.nonce.startswith(self._nonce) or len(first.nonce) == len(self._nonce):
            raise self._error("did not continue our nonce: somebody may be replaying an earlier exchange")
        if first.iterations < _FEWEST_ITERATIONS or first.iterations > MOST_ITERATIONS:
            raise self._error(
                f"asks for {first.iterations} iterations, where {_FEWEST_ITERATIONS} to {MOST_ITERATIONS} are "
                "acceptable: create the user's credentials anew with a number between these"
            )
        self._server_first = text
        self._full_nonce = first.nonce
        self.state = ScramState.SALTING
        return SaltNeeded(SaltParameters(self.mechanism, first.salt, first.iterations))

    def _verify_server(self, text: str) -> Finished:
        attributes = self._attributes_of(text)
        signature = _decoded(attributes[0][2:]) if attributes[0].startswith("v=") else None
        if signature is None:
            raise self._error("did not prove that it knows the password: it may be an impostor")
        if not hmac.compare_digest(signature, self._server_signature):
            raise self._error("proved to know another password: it may be an impostor")
        self.state = ScramState.FINISHED
        return Finished()

    def _server_first_of(self, text: str) -> _ServerFirst:
        attributes = self._attributes_of(text)
        if len(attributes) < 3 or [one[:2] for one in attributes[:3]] != ["r=", "s=", "i="]:
            raise self._error(f"sent no valid first message: {bounded_text(text)}")
        nonce, salt, iterations = attributes[0][2:], _decoded(attributes[1][2:]), attributes[2][2:]
        if not _NONCE.fullmatch(nonce):
            raise self._error("sent a nonce with characters that are not allowed")
        if not salt:
            raise self._error("sent a salt that is not base64")
        if not _ITERATIONS.fullmatch(iterations):
            raise self._error(f"asks for {bounded_text(iterations)!r} iterations, which is no number of them")
        return _ServerFirst(nonce, salt, int(iterations))

    def _attributes_of(self, text: str) -> list[str]:
        attributes = text.split(",")
        if attributes[0].startswith("e="):
            raise self._error(f"refused: {bounded_text(attributes[0][2:])}")
        # RFC 5802: an extension that a client must understand; none exists, so none is understood.
        if any(one.startswith("m=") for one in attributes):
            raise self._error("demands an extension that this client does not know")
        return attributes

    def _text_of(self, challenge: bytes) -> str:
        if len(challenge) > _MOST_CHALLENGE_BYTES:
            raise self._error(f"sent a message of {len(challenge)} bytes, where some hundred are usual")
        try:
            return challenge.decode()
        except UnicodeDecodeError:
            raise self._error(f"sent a message that is not text: {decoded_text(challenge)}") from None

    def _expect(self, state: ScramState) -> None:
        if self.state is not state:
            raise self._error(f"was to be answered out of turn (in state {self.state.value!r})")

    def _error(self, what: str) -> AuthenticationError:
        return AuthenticationError(f"{self.mechanism.value}: the broker at {self._address} {what}.")


def escaped_name(username: str) -> str:
    """Return a user name as SCRAM writes it: its equals signs and commas replaced."""
    return username.replace("=", "=3D").replace(",", "=2C")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
