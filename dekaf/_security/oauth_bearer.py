"""OAUTHBEARER: a bearer token, and what the broker says when it does not accept it.

https://datatracker.ietf.org/doc/html/rfc7628, KIP-255, KIP-342 (extensions)
"""

from __future__ import annotations

from typing import Final, final

from dekaf._security.broker_text import decoded_text
from dekaf._security.exchange import Finished, NextStep, SaslExchange, Send
from dekaf._security.mechanism import Mechanism
from dekaf._security.secret import Secret
from dekaf.errors import AuthenticationError
from dekaf.security import OAuthToken

__all__ = ("OAuthBearerExchange",)

_SEPARATOR: Final = "\x01"
_GIVE_UP: Final = b"\x01"  # the answer to an error challenge; without it the broker waits on


@final
class OAuthBearerExchange(SaslExchange):
    """One message with the token; if the broker refuses it, one more that lets the broker say so.

    Args:
        address: the broker, for errors.
        token: what to present.
    """

    def __init__(self, address: str, token: OAuthToken) -> None:
        self.mechanism = Mechanism.OAUTHBEARER
        self._address = address
        self._token = token
        self._challenge = ""

    def start(self) -> Secret:
        """Return the message with the token and its extensions."""
        extensions = "".join([f"{key}={value}{_SEPARATOR}" for key, value in self._token.extensions.items()])
        return Secret(f"n,,{_SEPARATOR}auth=Bearer {self._token.value}{_SEPARATOR}{extensions}{_SEPARATOR}".encode())

    def receive(self, challenge: bytes) -> NextStep:
        """Take the broker's consent, which says nothing, or the reasons of its refusal, in JSON."""
        if self._challenge:
            raise AuthenticationError(
                f"The broker at {self._address} did not accept the OAuth token: {self._challenge}"
            )
        if not challenge:
            return Finished()
        self._challenge = decoded_text(challenge, Secret(self._token.value.encode()))
        return Send(Secret(_GIVE_UP))

    def challenge_text(self) -> str:
        """Return the reasons of the broker's refusal, as they came."""
        return self._challenge
