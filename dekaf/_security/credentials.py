"""Credentials: what one authentication proves, all at hand, so that the thread with the sockets waits for nothing."""

from __future__ import annotations

from typing import final

from dekaf._security.broker_text import masked_text
from dekaf._security.exchange import SaslExchange
from dekaf._security.mechanism import Mechanism
from dekaf._security.oauth_bearer import OAuthBearerExchange
from dekaf._security.plain import PlainExchange
from dekaf._security.scram import ScramExchange
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError
from dekaf.security import OAuthToken

__all__ = ("Credentials",)

_NO_PASSWORD = Secret(b"")


@final
class Credentials:
    """Immutable; the next authentication may be given others.

    Args:
        mechanism: How to prove it.
        username: Who we are; empty where a token says it.
        password: The proof of PLAIN and SCRAM.
        token: The proof of OAUTHBEARER.
    """

    def __init__(
        self,
        mechanism: Mechanism,
        *,
        username: str = "",
        password: Secret = _NO_PASSWORD,
        token: OAuthToken | None = None,
    ) -> None:
        self.mechanism = mechanism
        self.username = username
        self.password = password
        self.token = token

    @property
    def principal(self) -> str:
        """Whom they stand for, as far as we know."""
        return self.username if self.token is None else self.token.principal

    def masked(self, text: str) -> str:
        """Return a broker's words without what they repeat of the password or the token."""
        return masked_text(text, self.password if self.token is None else Secret(self.token.value.encode()))

    def exchange(self, address: str) -> SaslExchange:
        """Return a new exchange with the broker at `address`.

        Raises:
            ConfigurationError: They cannot be sent.
        """
        if self.mechanism is Mechanism.PLAIN:
            return PlainExchange(address, self.username, self.password)
        if self.mechanism is Mechanism.OAUTHBEARER:
            if self.token is None:
                raise ConfigurationError("sasl_oauth_token_provider: there is no token")
            return OAuthBearerExchange(address, self.token)
        return ScramExchange(address, self.mechanism, username=self.username)

    def __repr__(self) -> str:
        return f"<Credentials {self.mechanism.value} {self.principal!r}>"
