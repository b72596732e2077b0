"""Token providers of other clients, as ours: those that return text, and those that return a tuple."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Final, final

from dekaf.errors import ConfigurationError
from dekaf.producer.hidden_text import HiddenText
from dekaf.producer.masked import Masked
from dekaf.security import OAuthToken

__all__ = ("TextTokens", "TupleTokens", "expiry_of")

# Of a token that does not say when it expires: after a minute its provider is asked again. Other clients ask it for
# each connection, and it is to return one that is valid then.
_UNKNOWN_LIFE: Final = 60.0  # seconds


@final
class TextTokens:
    """A provider as kafka-python and aiokafka have it: ``token()`` returns text, ``extensions()`` a mapping.

    Args:
        provider: Theirs; its ``token`` may be a coroutine.
    """

    def __init__(self, provider: Any) -> None:
        self._provider: Final = provider

    def __repr__(self) -> str:
        return "<TextTokens>"

    def token(self) -> OAuthToken | Awaitable[OAuthToken]:
        """Return the provider's token."""
        given = Masked(self._provider.token())
        return self._awaited(given) if inspect.isawaitable(given.reveal()) else self._made(given)

    async def _awaited(self, given: Masked) -> OAuthToken:
        return self._made(Masked(await given.reveal()))

    def _made(self, given: Masked) -> OAuthToken:
        if isinstance(given.reveal(), OAuthToken):
            made: OAuthToken = given.reveal()
            return made
        if not isinstance(given.reveal(), str):
            raise ConfigurationError(
                f"sasl_oauth_token_provider: its token() must return text, not {type(given.reveal()).__name__}"
            )
        return OAuthToken(given.reveal(), expiry_of(given), extensions=self._extensions())

    def _extensions(self) -> Mapping[str, str]:
        extensions = getattr(self._provider, "extensions", None)
        found: Mapping[str, str] | None = extensions() if callable(extensions) else None
        return found or {}


@final
class TupleTokens:
    """An ``oauth_cb`` of confluent-kafka: called with a text, it returns token, expiry, principal and extensions.

    Args:
        oauth_cb: Theirs; it may be a coroutine.
        config: ``sasl.oauthbearer.config``, which it is called with.
    """

    def __init__(self, oauth_cb: Any, config: HiddenText) -> None:
        self._oauth_cb: Final = oauth_cb
        self._config: Final = config

    def __repr__(self) -> str:
        return "<TupleTokens>"

    def token(self) -> OAuthToken | Awaitable[OAuthToken]:
        """Return the callback's token."""
        given = Masked(self._oauth_cb(self._config.get_secret_value()))
        return self._awaited(given) if inspect.isawaitable(given.reveal()) else self._made(given)

    async def _awaited(self, given: Masked) -> OAuthToken:
        return self._made(Masked(await given.reveal()))

    def _made(self, given: Masked) -> OAuthToken:
        if not isinstance(given.reveal(), tuple | list) or not 2 <= len(given.reveal()) <= 4:
            raise ConfigurationError(
                "oauth_cb: must return the token, when it expires in seconds since 1970, and maybe principal and "
                f"extensions, not {type(given.reveal()).__name__}"
            )
        return OAuthToken(
            _part(given, 0), _part(given, 1), principal=_part(given, 2) or "", extensions=_part(given, 3) or {}
        )


def _part(answer: Masked, index: int) -> Any:
    return answer.reveal()[index] if index < len(answer.reveal()) else None


def expiry_of(token: Masked) -> float:
    """Return when a token expires, in seconds since 1970, as it says itself if it is a JWT (RFC 7519, ``exp``).

    Args:
        token: A text.
    """
    found = _claimed_expiry(token.reveal())
    return time.time() + _UNKNOWN_LIFE if found is None else found


def _claimed_expiry(token: str) -> float | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    expires_at = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
        return None
    return float(expires_at)
