"""When a connection authenticates anew, on the same connection, before the broker ends its session.

https://cwiki.apache.org/confluence/display/KAFKA/KIP-368
"""

from __future__ import annotations

from typing import Final

__all__ = ("reauthentication_at",)

# As Kafka's own client: 85 to 95 % of the session, each connection at another moment.
_FACTOR: Final = 0.85
_JITTER: Final = 0.1

_BEFORE_THE_END: Final = 0.5  # seconds: time for three round trips, and for a token or a salted password
_AFTER_THE_LAST: Final = 1.0  # seconds: brokers do not accept it more often


def reauthentication_at(
    session_lifetime_ms: int, *, sent_at: float, authenticated_at: float, spread: float
) -> float | None:
    """Return when to authenticate anew, on the clock of the given times; None for never.

    Of a session shorter than a second it returns a moment after the end: the broker closes the connection, and a new
    one is made.

    Args:
        session_lifetime_ms: what the broker said; 0 or less: for ever.
        sent_at: when the last SaslAuthenticate request was sent, in seconds: the session cannot have begun earlier.
        authenticated_at: when its answer came.
        spread: a random number from 0 to 1.
    """
    if session_lifetime_ms <= 0:
        return None
    lifetime = session_lifetime_ms / 1000.0
    due = sent_at + min(lifetime * (_FACTOR + _JITTER * spread), lifetime - _BEFORE_THE_END)
    return max(due, authenticated_at + _AFTER_THE_LAST)
