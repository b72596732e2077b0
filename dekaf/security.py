"""What secure connections ask of an application: the token that a token provider returns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, final

from dekaf.errors import ConfigurationError

__all__ = ("OAuthToken",)

# Later than the year 5138: what is meant is milliseconds.
_LATEST: Final = 1e11

# Visible ASCII: all that a header of HTTP, for which bearer tokens are made, can carry (RFC 6750).
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
# RFC 7628 as Kafka reads it.
_EXTENSION_KEY: Final = re.compile(r"[A-Za-z]+")
_EXTENSION_VALUE: Final = re.compile(r"[\x21-\x7e \t\r\n]+")


@final
class OAuthToken:
    """An access token as a token provider returns it; immutable, and its repr does not show the token.

    Args:
        value: The token, such as a JWT in its compact form.
        expires_at: When it expires: seconds since 1970 (Unix time), or an aware datetime. How long that is from now
            is settled when the token is received; a clock that is set later does not matter.
        principal: Whom it stands for, for your own eyes: brokers read it from the token.
        extensions: What the broker wants to know beside the token (KIP-342), such as Confluent Cloud's
            `logicalCluster` and `identityPoolId`. Names are letters; values are visible ASCII and white space.

    Raises:
        ConfigurationError: One of them is empty, naive, in milliseconds, or cannot be sent.

    Example:
        def token() -> OAuthToken:
            answer = fetch_token()
            return OAuthToken(answer["access_token"], time.time() + answer["expires_in"])
    """

    __slots__ = ("_expires_at", "_extensions", "_principal", "_value")

    def __init__(
        self,
        value: str,
        expires_at: float | datetime,
        principal: str = "",
        extensions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._value = value
        del value  # the traceback of a fault found below may show local variables
        self._principal = principal
        self._extensions: Mapping[str, str] = MappingProxyType({})
        self._expires_at = 0.0
        if fault := _token_fault(self._value):
            raise ConfigurationError(f"OAuthToken: value: {fault}")
        if not isinstance(principal, str):
            raise ConfigurationError(f"OAuthToken: principal: must be a text, not {type(principal).__name__}")
        self._expires_at = _unix_seconds(expires_at)
        self._extensions = MappingProxyType(checked_extensions("OAuthToken: extensions", extensions))

    @property
    def value(self) -> str:
        """The token."""
        return self._value

    @property
    def expires_at(self) -> float:
        """When it expires, in seconds since 1970."""
        return self._expires_at

    @property
    def principal(self) -> str:
        """Whom it stands for; empty if the provider did not say."""
        return self._principal

    @property
    def extensions(self) -> Mapping[str, str]:
        """What the broker wants to know beside the token."""
        return self._extensions

    def __repr__(self) -> str:
        names = ", ".join(self._extensions)
        return (
            f"OAuthToken('***', expires_at={self._expires_at!r}, principal={self._principal!r}, extensions: [{names}])"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OAuthToken) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash((self._value, self._expires_at, self._principal))

    def __reduce__(self) -> tuple[type[OAuthToken], tuple[Any, ...]]:
        return (OAuthToken, self._fields())

    def _fields(self) -> tuple[str, float, str, dict[str, str]]:
        return (self._value, self._expires_at, self._principal, dict(self._extensions))


def checked_extensions(source: str, extensions: object) -> dict[str, str]:
    """Return a copy of SASL extensions that can be sent.

    Args:
        source: Where they come from, for the error: an option's name.
        extensions: Values by name.

    Raises:
        ConfigurationError: a name or a value cannot be sent; values are not shown.
    """
    if not isinstance(extensions, Mapping):
        raise ConfigurationError(f"{source}: must be a mapping of texts, not {type(extensions).__name__}")
    checked: dict[str, str] = {}
    for name, value in extensions.items():
        if not isinstance(name, str) or not _EXTENSION_KEY.fullmatch(name) or name == "auth":
            raise ConfigurationError(
                f"{source}: {name!r}: a name consists of the letters A to Z and a to z, and is not auth"
            )
        if not isinstance(value, str) or not _EXTENSION_VALUE.fullmatch(value):
            raise ConfigurationError(f"{source}: {name}: a value consists of visible ASCII characters and white space")
        checked[name] = value
    return checked


def _token_fault(value: object) -> str:
    if not isinstance(value, str):
        return f"must be a text, not {type(value).__name__}"
    if _TOKEN.fullmatch(value):
        return ""
    if not value:
        return "is empty"
    if _TOKEN.fullmatch(value.strip()):
        return "begins or ends with white space, such as the end of a line in a file: strip it"
    return "holds characters that no token has: white space, control characters or such beyond ASCII"


def _unix_seconds(expires_at: object) -> float:
    if isinstance(expires_at, datetime):
        if expires_at.utcoffset() is None:
            raise ConfigurationError(
                "OAuthToken: expires_at: is a naive datetime, which may mean any time zone: give it one, such as "
                "datetime.now(UTC) + timedelta(hours=1)"
            )
        return _within_bounds(expires_at.timestamp())
    if isinstance(expires_at, (int, float)) and not isinstance(expires_at, bool):
        return _within_bounds(expires_at)
    raise ConfigurationError(
        f"OAuthToken: expires_at: must be seconds since 1970 or an aware datetime, not {type(expires_at).__name__}"
    )


def _within_bounds(seconds: float) -> float:
    if seconds > _LATEST:  # infinity, too
        raise ConfigurationError(
            "OAuthToken: expires_at: is too late for seconds since 1970: if it is in milliseconds, divide it by 1000"
        )
    if not seconds >= 0:  # or not a number
        raise ConfigurationError(f"OAuthToken: expires_at: {seconds!r} is no time in seconds since 1970")
    return float(seconds)
