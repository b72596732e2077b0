"""SaslExchange: what every mechanism looks like to a connection that authenticates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltParameters
from dekaf._security.secret import Secret

__all__ = ("Finished", "NextStep", "SaltNeeded", "SaslExchange", "Send")


@final
@dataclass(frozen=True)
class Send:
    """Send these bytes in the next SaslAuthenticate request."""

    auth_bytes: Secret


@final
@dataclass(frozen=True)
class SaltNeeded:
    """Have the password salted on the login thread, then call `SaslExchange.resume` for the bytes to send."""

    parameters: SaltParameters


@final
@dataclass(frozen=True)
class Finished:
    """Both sides are satisfied."""


NextStep: TypeAlias = Send | SaltNeeded | Finished


class SaslExchange:
    """One authentication over one connection; the connection's thread makes every call.

    The connection sends SaslHandshake with `mechanism`, then what `start` returns in SaslAuthenticate, and hands each
    answer without an error code to `receive`, until that returns `Finished`. An exchange is used once: the next
    authentication, also over the same connection, makes a new one.
    """

    mechanism: Mechanism

    def start(self) -> Secret:
        """Return the bytes of the first SaslAuthenticate request."""
        raise NotImplementedError

    def receive(self, challenge: bytes) -> NextStep:
        """Take the bytes of an answer and return what to do next.

        Raises:
            AuthenticationError: the broker failed to prove that it knows the password, asked for what must not be
                given, or does not follow the mechanism. Close the connection.
        """
        raise NotImplementedError

    def resume(self, salted_password: SaltedPassword) -> Send:
        """Return the bytes to send, now that the password is salted as `SaltNeeded` said."""
        raise NotImplementedError

    def challenge_text(self) -> str:
        """Return what the broker said within the mechanism about a refusal, fit for a message; empty if nothing."""
        return ""
