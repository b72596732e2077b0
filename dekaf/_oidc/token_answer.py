"""What a token endpoint answers, or a file holds: pure, from bytes to a token."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from dekaf._security.broker_text import bounded_text
from dekaf.errors import ConfigurationError, CredentialsUnavailableError
from dekaf.security import OAuthToken

__all__ = ("refused_error", "token_of_answer", "token_of_file")

_DEFAULT_SECONDS: Final = 300.0  # RFC 6749 recommends to say how long a token lives, and does not demand it
_LARGEST_CLAIMS: Final = 16 * 1024  # bytes of a JWT's middle part


def token_of_answer(body: bytes, *, unix_time: float, extensions: Mapping[str, str], where: str) -> OAuthToken:
    """Return the token of a successful answer (RFC 6749, section 5.1).

    Args:
        body: The answer's.
        unix_time: When it came, in seconds since 1970.
        extensions: What brokers are told beside the token.
        where: The endpoint, for errors.

    Raises:
        CredentialsUnavailableError: There is no token in it.
    """
    answer = _json_object(body)
    if answer is None:
        raise CredentialsUnavailableError(f"{where} did not answer with a JSON object.")
    value = answer.get("access_token") or answer.get("id_token")
    if not isinstance(value, str):
        raise CredentialsUnavailableError(f"{where} answered without an access_token.")
    claims = _claims_of(value)
    life = answer.get("expires_in")
    expires_at = _seconds(claims.get("exp"), unix_time + _DEFAULT_SECONDS)
    if life is not None:
        expires_at = unix_time + _seconds(life, _DEFAULT_SECONDS)
    return _token(value, expires_at, claims, extensions, where)


def token_of_file(data: bytes, *, unix_time: float, extensions: Mapping[str, str], where: str) -> OAuthToken:
    """Return the token that a file holds, which is a JWT in its compact form, or any other for some minutes.

    Raises:
        CredentialsUnavailableError: It holds no token.
    """
    try:
        value = data.decode().strip()
    except UnicodeDecodeError:
        value = ""
    if not value:
        raise CredentialsUnavailableError(f"{where} holds no token.")
    claims = _claims_of(value)
    return _token(value, _seconds(claims.get("exp"), unix_time + _DEFAULT_SECONDS), claims, extensions, where)


def refused_error(status: int, body: bytes, where: str) -> CredentialsUnavailableError:
    """Return the error for a refusal, in the endpoint's own words if it has any (RFC 6749, section 5.2)."""
    answer = _json_object(body) or {}
    words = [str(answer[name]) for name in ("error", "error_description") if answer.get(name)]
    said = f" It says: {bounded_text(': '.join(words))}." if words else ""
    return CredentialsUnavailableError(f"{where} refused to give a token (HTTP {status}).{said}")


def _token(
    value: str, expires_at: float, claims: dict[str, Any], extensions: Mapping[str, str], where: str
) -> OAuthToken:
    subject = claims.get("sub")
    try:
        return OAuthToken(value, expires_at, subject if isinstance(subject, str) else "", extensions)
    except ConfigurationError as error:
        fault = str(error)
    raise CredentialsUnavailableError(f"{where} gave a token that cannot be used: {fault}.")


def _claims_of(value: str) -> dict[str, Any]:
    """Return what a JWT says of itself, unverified: it is the broker's to verify; empty if it is none."""
    parts = value.split(".")
    if len(parts) != 3 or len(parts[1]) > _LARGEST_CLAIMS:
        return {}
    try:
        middle = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError):
        return {}
    return _json_object(middle) or {}


def _json_object(data: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _seconds(value: object, default: float) -> float:
    """Return a number of seconds, which some endpoints write as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return default
    try:
        seconds = float(value)
    except ValueError:
        return default
    return seconds if 0.0 <= seconds < float("inf") else default
