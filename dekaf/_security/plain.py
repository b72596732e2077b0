"""PLAIN: user name and password as they are, so only where the connection is encrypted.

https://datatracker.ietf.org/doc/html/rfc4616
"""

from __future__ import annotations

from typing import final

from dekaf._security.broker_text import decoded_text
from dekaf._security.exchange import Finished, NextStep, SaslExchange
from dekaf._security.mechanism import Mechanism
from dekaf._security.secret import Secret, secret_text
from dekaf.errors import AuthenticationError, ConfigurationError

__all__ = ("PlainExchange",)


@final
class PlainExchange(SaslExchange):
    """One message, which the broker accepts or refuses.

    Args:
        address: the broker, for errors.
        username: who we are.
        password: the proof.

    Raises:
        ConfigurationError: one of them is empty or cannot be sent.
    """

    def __init__(self, address: str, username: str, password: Secret) -> None:
        self.mechanism = Mechanism.PLAIN
        self._address = address
        self._username = secret_text("sasl_username", username)
        self._password = password
        for option, value in (("sasl_username", self._username), ("sasl_password", password)):
            if not value:
                raise ConfigurationError(f"{option}: must not be empty with PLAIN")
            if b"\x00" in value.reveal():
                raise ConfigurationError(f"{option}: must not hold the character NUL, which ends it in PLAIN")

    def start(self) -> Secret:
        """Return the one message. It names no authorization identity: Kafka refuses any but the user itself."""
        return Secret(b"\x00" + self._username.reveal() + b"\x00" + self._password.reveal())

    def receive(self, challenge: bytes) -> NextStep:
        """Take the broker's consent, which says nothing."""
        if challenge:
            raise AuthenticationError(
                f"The broker at {self._address} answered PLAIN with a challenge, where there is none: "
                f"{decoded_text(challenge, self._password)}"
            )
        return Finished()
