"""The broker's side of SASL: PLAIN, SCRAM and OAUTHBEARER as Apache Kafka serves them.

RFC 4616, RFC 5802 and 7677, RFC 7628, KIP-84, KIP-255
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from dekaf.testing.sasl_accounts import SaslAccounts, ScramCredential, scram_digest
from dekaf.testing.sasl_faults import ANY_MESSAGE, SCRAM_FINAL, SCRAM_FIRST, SaslMessage

__all__ = ("Exchange", "SaslRefusedError", "Step", "begin_exchange")

# Names that Kafka lets in, which is stricter than the RFC: ScramMessages.java.
_NAME: Final = r"(?:[\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)"
_CLIENT_FIRST: Final = re.compile(
    rf"n,(?:a=(?P<authzid>{_NAME}*))?,(?P<bare>n=(?P<user>{_NAME}+),"
    r"r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,.*)?)"
)
_CLIENT_FINAL: Final = re.compile(
    r"(?P<without_proof>c=(?P<binding>[^,]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=(?P<proof>[^,]+)"
)
_NO_BINDING: Final = base64.b64encode(b"n,,").decode()
_OAUTH_FIRST: Final = re.compile(r"n,(?:a=(?P<authzid>[^,]*))?,\x01(?P<pairs>(?:[A-Za-z]+=[^\x01]*\x01)+)\x01")
_INVALID_TOKEN: Final = '{"status":"invalid_token"}'
_KVSEP: Final = "\x01"


class SaslRefusedError(Exception):
    """The client is not let in. Without a message the broker says no more than that the credentials are invalid."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message)
        self.message: Final = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the broker says next.

    Args:
        auth_bytes: the mechanism's bytes.
        principal: who was let in; None if the exchange goes on.
        lifetime_ms: how long the credentials are still valid; None for ever.
        extensions: what the client told beside a token.
    """

    auth_bytes: bytes = b""
    principal: str | None = None
    lifetime_ms: int | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)


class Exchange(Protocol):
    """One authentication of one client."""

    @property
    def awaits(self) -> SaslMessage:
        """Which of the mechanism's messages is answered next, as a fault names it."""

    @property
    def client_nonce(self) -> str:
        """The client's part of the nonce, where there is one."""

    def step(self, auth_bytes: bytes) -> Step:
        """Take the client's next message.

        Raises:
            SaslRefusedError: it is not let in.
        """


def begin_exchange(mechanism: str, accounts: SaslAccounts) -> Exchange:
    """Return the broker's side of a mechanism."""
    if mechanism == "PLAIN":
        return _Plain(accounts)
    if mechanism == "OAUTHBEARER":
        return _OAuthBearer(accounts)
    return _Scram(mechanism, accounts)


class _Plain:
    awaits = ANY_MESSAGE
    client_nonce = ""

    def __init__(self, accounts: SaslAccounts) -> None:
        self._accounts = accounts

    def step(self, auth_bytes: bytes) -> Step:
        parts = _text(auth_bytes).split("\0")
        if len(parts) != 3:
            raise SaslRefusedError(f"Invalid SASL/PLAIN response: expected 3 tokens, got {len(parts)}")
        authzid, user, password = parts
        for name, value in (("username", user), ("password", password)):
            if not value:
                raise SaslRefusedError(f"Authentication failed: {name} not specified")
        if not self._accounts.is_password(user, password):
            raise SaslRefusedError("Authentication failed: Invalid username or password")
        if authzid not in {"", user}:
            raise SaslRefusedError(
                "Authentication failed: Client requested an authorization id that is different from username"
            )
        return Step(principal=user)


class _Scram:
    def __init__(self, mechanism: str, accounts: SaslAccounts) -> None:
        self._mechanism = mechanism
        self._accounts = accounts
        self._credential: ScramCredential | None = None
        self._user = ""
        self._nonce = ""
        self._spoken = ""  # both first messages, as the signatures cover them
        self.client_nonce = ""

    @property
    def awaits(self) -> SaslMessage:
        return SCRAM_FIRST if self._credential is None else SCRAM_FINAL

    def step(self, auth_bytes: bytes) -> Step:
        text = _text(auth_bytes)
        return self._first(text) if self._credential is None else self._final(text, self._credential)

    def _first(self, text: str) -> Step:
        said = _CLIENT_FIRST.fullmatch(text)
        if said is None:
            raise SaslRefusedError
        self._user = said["user"].replace("=2C", ",").replace("=3D", "=")
        credential = self._accounts.scram_credential(self._mechanism, self._user)
        if credential is None or said["authzid"] not in {None, "", said["user"]}:
            raise SaslRefusedError
        self._credential = credential
        self.client_nonce = said["nonce"]
        self._nonce = self.client_nonce + secrets.token_hex(12)
        salt = base64.b64encode(credential.salt).decode()
        answer = f"r={self._nonce},s={salt},i={credential.iterations}"
        self._spoken = f"{said['bare']},{answer}"
        return Step(auth_bytes=answer.encode())

    def _final(self, text: str, credential: ScramCredential) -> Step:
        said = _CLIENT_FINAL.fullmatch(text)
        if said is None or said["nonce"] != self._nonce or said["binding"] != _NO_BINDING:
            raise SaslRefusedError
        digest = scram_digest(self._mechanism)
        covered = f"{self._spoken},{said['without_proof']}".encode()
        signature = hmac.digest(credential.stored_key, covered, digest)
        client_key = _exclusive_or(_base64(said["proof"]), signature)
        if not hmac.compare_digest(hashlib.new(digest, client_key).digest(), credential.stored_key):
            raise SaslRefusedError
        answer = base64.b64encode(hmac.digest(credential.server_key, covered, digest))
        return Step(auth_bytes=b"v=" + answer, principal=self._user)


class _OAuthBearer:
    awaits = ANY_MESSAGE
    client_nonce = ""

    def __init__(self, accounts: SaslAccounts) -> None:
        self._accounts = accounts
        self._is_refused = False

    def step(self, auth_bytes: bytes) -> Step:
        if self._is_refused:  # whatever the client says to that; it should be the byte 0x01
            raise SaslRefusedError(_INVALID_TOKEN)
        said = _OAUTH_FIRST.fullmatch(_text(auth_bytes))
        if said is None:
            raise SaslRefusedError
        pairs = dict(pair.split("=", 1) for pair in said["pairs"].rstrip(_KVSEP).split(_KVSEP))
        scheme, _, token = pairs.pop("auth", "").partition(" ")
        if scheme.lower() != "bearer":
            raise SaslRefusedError
        accepted = self._accounts.accept_token(token)
        if accepted is None:
            self._is_refused = True
            return Step(auth_bytes=_INVALID_TOKEN.encode())
        if said["authzid"] not in {None, "", accepted.principal}:
            raise SaslRefusedError(
                f"Authentication failed: Client requested an authorization id ({said['authzid']}) that is different"
                f" from the token's principal name ({accepted.principal})"
            )
        return Step(principal=accepted.principal, lifetime_ms=accepted.lifetime_ms, extensions=pairs)


def _text(auth_bytes: bytes) -> str:
    try:
        return auth_bytes.decode()
    except UnicodeDecodeError:
        raise SaslRefusedError from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslRefusedError from None


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    if len(one) != len(other):
        raise SaslRefusedError
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
