"""SecurityOptions: what a user's options say about who listens on the way, and about who we are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final

from dekaf._security.sasl_options import SaslOptions
from dekaf._security.tls_options import TlsOptions

__all__ = ("SecurityOptions", "SecurityProtocol")


class SecurityProtocol(Enum):
    """What a listener of a broker speaks; the values are what ``security_protocol`` says."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted, and the broker shows a certificate."""
        return self in {SecurityProtocol.SSL, SecurityProtocol.SASL_SSL}

    @property
    def uses_sasl(self) -> bool:
        """Whether a client authenticates before it asks for anything."""
        return self in {SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL}


@final
@dataclass(frozen=True, kw_only=True)
class SecurityOptions:
    """How to connect to brokers; no file has been looked at, and nothing called.

    Args:
        protocol: ``security_protocol``.
        tls: the options that begin with ``ssl_``; None iff the protocol does without TLS.
        sasl: the options that begin with ``sasl_``; None iff the protocol does without SASL.
    """

    protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    tls: TlsOptions | None = None
    sasl: SaslOptions | None = None

    @property
    def shows_credentials(self) -> bool:
        """Whether a password or token crosses the network so that a listener on the way can use it."""
        return self.tls is None and self.sasl is not None and self.sasl.mechanism.shows_credentials
