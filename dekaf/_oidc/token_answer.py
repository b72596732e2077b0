"""What a token endpoint answers, or a file holds: pure, from bytes to a token."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from dekaf._security.broker_text import bounded_text
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError, CredentialsUnavailableError
from dekaf.security import OAuthToken

__all__ = ("CHECK_OPTIONS", "refused_error", "token_of_answer", "token_of_text")

_ABOUT_THE_REQUEST: Final = frozenset({400, 401, 403})  # RFC 6749, section 5.2
CHECK_OPTIONS: Final = (
    ": check sasl_oauthbearer_client_credentials_client_id, the secret or assertion beside it, and "
    "sasl_oauthbearer_scope"
)

_DEFAULT_LIFE: Final = 300.0  # seconds; RFC 6749 recommends to say how long a token lives, and does not demand it
_LONGEST_LIFE: Final = 10 * 365 * 86_400.0  # some say the largest number they know, and mean for ever

# An error's names in RFC 6749, section 5.2, and those that Okta uses.
_ERROR_NAMES: Final = ("error", "error_description", "errorCode", "errorSummary")


@final
class _Fields:
    """A JSON object that may hold a token: its repr does not show it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values: Final = values

    def __repr__(self) -> str:
        return "<fields>"

    def text(self, name: str) -> Secret:
        """Return a text; empty if it is none."""
        value: object = self._values.get(name)
        return Secret(value.encode(errors="surrogatepass") if isinstance(value, str) else b"")

    def seconds(self, name: str) -> float | None:
        """Return a number, which some endpoints write as a text; None if it is none."""
        value: object = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            seconds = float(value)
        except OverflowError:  # of an int that is as large as no float
            return -math.inf if isinstance(value, int) and value < 0 else math.inf
        except ValueError:
            return None
        return None if math.isnan(seconds) else seconds

    def error_text(self) -> str:
        """Return the endpoint's own words about what is wrong; empty if there are none."""
        words = [self._values.get(name) for name in _ERROR_NAMES]
        return ": ".join([word for word in words if isinstance(word, str) and word])


def token_of_answer(body: Secret, *, unix_time: float, extensions: Mapping[str, str], where: str) -> OAuthToken:
    """Return the token of a successful answer (RFC 6749, section 5.1).

    Its life is what `expires_in` says, or the claim `exp` of a JWT, or five minutes.

    Args:
        body: The answer's.
        unix_time: When it came, in seconds since 1970.
        extensions: What brokers are told beside the token.
        where: The endpoint, for errors.

    Raises:
        CredentialsUnavailableError: There is no token in it.
    """
    answer = _fields_of(body)
    if answer is None:
        raise CredentialsUnavailableError(f"{where} did not answer with a JSON object.")
    value = answer.text("access_token") or answer.text("id_token")
    if not value:
        said = _said(answer.error_text())
        raise CredentialsUnavailableError(f"{where} answered without an access_token.{said}")
    claims = _claims_of(value)
    life = answer.seconds("expires_in")
    expires_at = _expiry(claims, unix_time) if life is None else unix_time + min(life, _LONGEST_LIFE)
    return _token(value, expires_at, claims, extensions, where)


def token_of_text(text: Secret, *, unix_time: float, extensions: Mapping[str, str], where: str) -> OAuthToken:
    """Return the token that a file holds: a JWT in its compact form lives as long as it says, another five minutes.

    Args:
        text: What the file holds.
        unix_time: When it was read, in seconds since 1970.
        extensions: What brokers are told beside the token.
        where: The file, for errors.

    Raises:
        CredentialsUnavailableError: It is no token.
    """
    claims = _claims_of(text)
    return _token(text, _expiry(claims, unix_time), claims, extensions, where)


def refused_error(status: int, body: Secret, where: str, masked: Callable[[str], str]) -> CredentialsUnavailableError:
    """Return the error for a refusal, in the endpoint's own words if it has any (RFC 6749, section 5.2).

    Args:
        status: HTTP's.
        body: The answer's.
        where: The endpoint.
        masked: Takes out of its words what they repeat of ours.
    """
    answer = _fields_of(body)
    said = "" if answer is None else _said(masked(answer.error_text()))
    remedy = CHECK_OPTIONS if status in _ABOUT_THE_REQUEST else ""
    return CredentialsUnavailableError(f"{where} refused to give a token (HTTP {status}){remedy}.{said}")


def _said(words: str) -> str:
    return f" It says: {bounded_text(words).removesuffix('.')}." if words else ""


def _token(value: Secret, expires_at: float, claims: _Fields, extensions: Mapping[str, str], where: str) -> OAuthToken:
    try:
        principal = bounded_text(claims.text("sub").reveal().decode(errors="replace"))
        return OAuthToken(value.reveal_text(), max(expires_at, 0.0), principal, extensions)
    except ConfigurationError as error:
        fault = str(error)
    except UnicodeDecodeError:
        fault = "it is no text"
    # Outside the handlers, whose errors know the token.
    raise CredentialsUnavailableError(f"{where} gave a token that cannot be used: {fault}.")


def _expiry(claims: _Fields, unix_time: float) -> float:
    """Return when a JWT expires by its own account, or in a while; in seconds since 1970."""
    expires_at = claims.seconds("exp")
    return unix_time + _DEFAULT_LIFE if expires_at is None else min(expires_at, unix_time + _LONGEST_LIFE)


def _claims_of(value: Secret) -> _Fields:
    """Return what a JWT says of itself, unverified: it is the broker's to verify; empty if it is none."""
    parts = [Secret(part) for part in value.reveal().split(b".")]
    if len(parts) != 3:
        return _Fields({})
    middle = parts[1]
    try:
        payload = Secret(base64.urlsafe_b64decode(middle.reveal() + b"=" * (-len(middle.reveal()) % 4)))
    except (binascii.Error, ValueError):
        return _Fields({})
    return _fields_of(payload) or _Fields({})


def _fields_of(data: Secret) -> _Fields | None:
    try:
        value: object = json.loads(data.reveal())
    except (ValueError, RecursionError):
        return None
    return _Fields(value) if isinstance(value, dict) else None
