"""What a broker's refusal to authenticate us means, in words."""

from __future__ import annotations

from collections.abc import Sequence

from dekaf._security.broker_text import bounded_text
from dekaf._security.mechanism import Mechanism
from dekaf.errors import AuthenticationError

__all__ = ("credentials_refused_error", "mechanism_refused_error")


def mechanism_refused_error(address: str, mechanism: Mechanism, offered: Sequence[str]) -> AuthenticationError:
    """Make the error for UNSUPPORTED_SASL_MECHANISM (33).

    Args:
        address: the broker.
        mechanism: what we asked for.
        offered: the mechanisms that the answer lists.
    """
    names = bounded_text(", ".join(offered[:20])) if offered else "none at all"
    return AuthenticationError(
        f"The broker at {address} does not offer {mechanism.value} on this listener; it offers {names}: set "
        "sasl_mechanism to one of them, or connect to another listener."
    )


def credentials_refused_error(
    address: str, mechanism: Mechanism, *, username: str = "", message: str | None = None, challenge: str = ""
) -> AuthenticationError:
    """Make the error for SASL_AUTHENTICATION_FAILED (58).

    Args:
        address: the broker.
        mechanism: how we tried.
        username: as whom; empty where a token says it.
        message: the broker's own words.
        challenge: what it said within the mechanism, from `SaslExchange.challenge_text`.
    """
    who = f" of user {username!r}" if username else ""
    what = "token" if mechanism is Mechanism.OAUTHBEARER else "password"
    remedy = "what the token provider returns" if mechanism is Mechanism.OAUTHBEARER else "sasl_username, sasl_password"
    said = [bounded_text(message)] if message else []
    if challenge and challenge not in said:  # Kafka repeats it
        said.append(challenge)
    words = f" The broker said: {'; '.join(said).rstrip('.')}." if said else ""
    return AuthenticationError(
        f"The broker at {address} refused the {what}{who} ({mechanism.value}): check {remedy} and "
        f"sasl_mechanism.{words}"
    )
