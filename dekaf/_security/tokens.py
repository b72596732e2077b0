"""When a token provider is asked: before a token expires, not too often, and later after it failed.

Everything here is computed from times that the caller gives: `now` is a monotonic clock, in seconds.
"""

from __future__ import annotations

from typing import Final, final

from dekaf.security import OAuthToken

__all__ = ("HeldToken", "receive_token")

# Kafka's sasl.login.refresh.window.factor and .jitter: the provider is asked when 80 to 85 % of a token's life is over.
_WINDOW_FACTOR: Final = 0.8
_WINDOW_JITTER: Final = 0.05
# Kafka's sasl.login.refresh.min.period.seconds and .buffer.seconds: not more often than every minute, and at least
# five minutes before the end. A token that lives too short for both is renewed by the window alone.
_MIN_PERIOD: Final = 60.0
_BUFFER: Final = 300.0

_BETWEEN_QUESTIONS: Final = 10.0  # after a failure, a refused token, or one that was expired when it came
_BETWEEN_RENEWALS: Final = 1.0  # whatever the life of a token


@final
class HeldToken:
    """A token and what was settled when it came.

    A token that was expired by then is offered to the broker all the same: its clock decides, not ours.

    Args:
        token: what the provider returned.
        received_at: when.
        life: for how long it was valid then, in seconds; 0 if it had expired.
        renew_at: when the provider is to be asked for the next one.
        is_refused: whether a broker did not accept it.
    """

    def __init__(
        self, token: OAuthToken, *, received_at: float, life: float, renew_at: float, is_refused: bool = False
    ) -> None:
        self.token: Final = token
        self.received_at: Final = received_at
        self.life: Final = life
        self.renew_at: Final = renew_at
        self.is_refused: Final = is_refused

    def is_expired(self, now: float) -> bool:
        """Return whether its life is over."""
        return now >= self.received_at + self.life

    def is_spent(self, now: float) -> bool:
        """Return whether the next one is worth waiting for: this one would most likely be refused."""
        return self.is_due(now) and (self.is_refused or self.is_expired(now))

    def is_due(self, now: float) -> bool:
        """Return whether the provider is to be asked for the next one."""
        return now >= self.renew_at

    def after_failure(self, now: float) -> HeldToken:
        """Return what is held after the provider failed to give the next one: the same, to be asked for again later."""
        return self._renewed_at(now + _BETWEEN_QUESTIONS, is_refused=self.is_refused)

    def after_refusal(self, now: float) -> HeldToken:
        """Return what is held after a broker refused it: the same, to be replaced soon, whatever its life."""
        renew_at = min(self.renew_at, max(now, self.received_at + _BETWEEN_QUESTIONS))
        return self._renewed_at(renew_at, is_refused=True)

    def _renewed_at(self, renew_at: float, *, is_refused: bool) -> HeldToken:
        return HeldToken(
            self.token, received_at=self.received_at, life=self.life, renew_at=renew_at, is_refused=is_refused
        )


def receive_token(token: OAuthToken, *, now: float, unix_time: float, spread: float) -> HeldToken:
    """Fix a token's remaining life: from here on the wall clock, which may be set, plays no part.

    Args:
        token: what the provider returned.
        now: when, on the monotonic clock.
        unix_time: the same moment in seconds since 1970.
        spread: a random number from 0 to 1, so that many processes do not ask at the same moment.
    """
    life = max(token.expires_at - unix_time, 0.0)
    return HeldToken(token, received_at=now, life=life, renew_at=now + _renewal_delay(life, spread))


def _renewal_delay(life: float, spread: float) -> float:
    if life <= 0.0:
        return _BETWEEN_QUESTIONS
    delay = life * (_WINDOW_FACTOR + _WINDOW_JITTER * spread)
    if life >= _MIN_PERIOD + _BUFFER:
        delay = max(min(delay, life - _BUFFER), _MIN_PERIOD)
    return max(delay, _BETWEEN_RENEWALS)
