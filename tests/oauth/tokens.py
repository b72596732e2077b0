"""Tokens that nobody has signed: an "unsecured JWS" (RFC 7515, A.5), which Kafka accepts unless it is told not to."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping

__all__ = ("unsecured_token",)


def unsecured_token(
    subject: str, *, lifetime: float = 3600, claims: Mapping[str, object] | None = None, now: float | None = None
) -> str:
    """Return a token.

    Args:
        subject: who it names; Kafka's principal.
        lifetime: seconds from now until it expires; negative for one that has.
        claims: more of them, or other values.
        now: Unix time, in seconds, at which it is issued.
    """
    # Whole milliseconds: brokers refuse a token from the future, even from later in the same millisecond.
    issued_at = int((time.time() if now is None else now) * 1000) / 1000
    payload = {"sub": subject, "iat": issued_at, "exp": issued_at + lifetime, **(claims or {})}
    return f"{_encoded({'alg': 'none'})}.{_encoded(payload)}."


def _encoded(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
