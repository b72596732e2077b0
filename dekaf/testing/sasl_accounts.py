"""SaslAccounts: who may authenticate at a fake cluster, with which password or token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from dekaf.errors import ConfigurationError

__all__ = (
    "SASL_MECHANISMS",
    "AcceptedToken",
    "SaslAccounts",
    "ScramCredential",
    "TokenCheck",
    "accept_unsecured_token",
    "scram_digest",
)

SASL_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_DIGESTS: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedToken:
    """What a token says to the broker that accepts it.

    Args:
        principal: whom it names.
        lifetime_ms: how long it is still valid; a session lasts no longer. None for ever.
    """

    principal: str
    lifetime_ms: int | None = None


TokenCheck: TypeAlias = Callable[[str], AcceptedToken | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramCredential:
    """What a broker keeps of a password (RFC 5802, 3)."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(slots=True)
class _Account:
    password: str = field(repr=False)
    usable_from: float
    credentials: dict[str, ScramCredential] = field(default_factory=dict)


class SaslAccounts:
    """The users of a fake cluster and the mechanisms by which they may come in. It may be changed at any time.

    Args:
        users: passwords by name, for PLAIN and SCRAM. As in Kafka, neither is normalised (no SASLprep).
        mechanisms: those that are on.
        accept_token: called with each token of OAUTHBEARER; returns what it says, or None to refuse it. By default
            unsecured tokens are accepted as Kafka accepts them: with ``sub`` and ``exp``, while they are valid.
        iterations: how often SCRAM hashes a password.

    Raises:
        ConfigurationError: there is no such mechanism.

    Example:
        accounts = SaslAccounts({"alice": "wonderland"}, mechanisms=["SCRAM-SHA-512"])
        with FakeCluster(sasl=accounts) as cluster:
            ...
            accounts.set_password("alice", "looking-glass")
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        mechanisms: Iterable[str] = SASL_MECHANISMS,
        accept_token: TokenCheck | None = None,
        iterations: int = 4096,
    ) -> None:
        self.mechanisms: Final = tuple(mechanisms)
        if unknown := set(self.mechanisms) - set(SASL_MECHANISMS):
            raise ConfigurationError(f"sasl: {sorted(unknown)} are not served; {', '.join(SASL_MECHANISMS)} are.")
        self._accept_token = accept_token or accept_unsecured_token
        self._iterations = iterations
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        for user, password in (users or {}).items():
            self.set_password(user, password)

    def set_password(self, user: str, password: str, *, usable_after: float = 0.0) -> None:
        """Add a user or change a password.

        Args:
            user: the name.
            password: what is expected from now on.
            usable_after: seconds during which it is still refused, as services do with fresh keys.
        """
        with self._lock:
            self._accounts[user] = _Account(password, time.monotonic() + usable_after)

    def remove(self, user: str) -> None:
        """Refuse a user from now on; nothing happens if there is none of that name."""
        with self._lock:
            self._accounts.pop(user, None)

    # What brokers ask.

    def is_password(self, user: str, password: str) -> bool:
        """Whether a user has that password now."""
        with self._lock:
            account = self._usable(user)
            return account is not None and hmac.compare_digest(account.password.encode(), password.encode())

    def scram_credential(self, mechanism: str, user: str) -> ScramCredential | None:
        """Return what is kept of a user's password for a mechanism of SCRAM; None if there is no such user now."""
        with self._lock:
            account = self._usable(user)
            if account is None:
                return None
            if mechanism not in account.credentials:
                account.credentials[mechanism] = _credential(mechanism, account.password, self._iterations)
            return account.credentials[mechanism]

    def accept_token(self, token: str) -> AcceptedToken | None:
        """Return what a token says; None if it is refused."""
        return self._accept_token(token)

    def _usable(self, user: str) -> _Account | None:
        account = self._accounts.get(user)
        return account if account is not None and time.monotonic() >= account.usable_from else None


def scram_digest(mechanism: str) -> str:
    """Return the name of a mechanism's hash function in hashlib."""
    return _DIGESTS[mechanism]


def accept_unsecured_token(token: str) -> AcceptedToken | None:
    """Accept a token without a signature (RFC 7515, A.5) if it names somebody and is valid, as Kafka does by default.

    Args:
        token: as the client sent it.
    """
    header, _, rest = token.partition(".")
    payload, _, signature = rest.partition(".")
    said = _decoded(payload)
    if signature or _decoded(header).get("alg") != "none":
        return None
    subject, expires_at, issued_at = said.get("sub"), said.get("exp"), said.get("iat", 0)
    if not isinstance(subject, str) or not subject or not isinstance(expires_at, int | float):
        return None
    now = time.time()
    if not isinstance(issued_at, int | float) or not issued_at <= now < expires_at:
        return None
    return AcceptedToken(principal=subject, lifetime_ms=int((expires_at - now) * 1000))


def _credential(mechanism: str, password: str, iterations: int) -> ScramCredential:
    digest = scram_digest(mechanism)
    salt = os.urandom(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
    return ScramCredential(
        salt=salt,
        iterations=iterations,
        stored_key=hashlib.new(digest, hmac.digest(salted, b"Client Key", digest)).digest(),
        server_key=hmac.digest(salted, b"Server Key", digest),
    )


def _decoded(part: str) -> dict[str, Any]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
