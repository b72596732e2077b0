"""Mechanism: the SASL mechanisms this client knows, by their registered names."""

from __future__ import annotations

from enum import Enum

__all__ = ("Mechanism",)


class Mechanism(Enum):
    """How a client proves who it is; the values are what ``sasl_mechanism`` and the broker's lists say."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    OAUTHBEARER = "OAUTHBEARER"

    @property
    def shows_credentials(self) -> bool:
        """Whether a listener on the way can use what is sent: it should be encrypted."""
        return self in {Mechanism.PLAIN, Mechanism.OAUTHBEARER}
