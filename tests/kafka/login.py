"""Login: a way into a secured cluster, in the words of other clients."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import KEYSTORE_PASSWORD, KeyPair
from tests.kafka.users import jaas_config
from tests.oauth import unsecured_token

__all__ = ("Login",)

TOKEN_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Login:
    """Where to connect, and what to show there.

    Args:
        servers: the addresses.
        protocol: Kafka's `security.protocol`.
        cafile: the authorities to trust.
        mechanism: of SASL; empty without it.
        user: who logs in; the subject of a token.
        password: the user's, where the mechanism has one.
        client: the certificate to show.
    """

    servers: str
    protocol: str
    cafile: Path
    mechanism: str = ""
    user: str = ""
    password: str = ""
    client: KeyPair | None = None

    @property
    def has_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol in {"SSL", "SASL_SSL"}

    def confluent_options(self) -> dict[str, object]:
        """Return the options of confluent-kafka's clients."""
        options: dict[str, object] = {"bootstrap.servers": self.servers, "security.protocol": self.protocol}
        if self.has_tls:
            options["ssl.ca.location"] = str(self.cafile)
        if self.client is not None:
            options |= {"ssl.certificate.location": str(self.client.certfile)}
            options |= {"ssl.key.location": str(self.client.keyfile)}
        if self.mechanism:
            options["sasl.mechanism"] = self.mechanism
        if self.mechanism == "OAUTHBEARER":
            options["oauth_cb"] = self._token
        elif self.mechanism:
            options |= {"sasl.username": self.user, "sasl.password": self.password}
        return options

    def java_properties(self) -> dict[str, str]:
        """Return the properties of Java's clients, which make their unsecured tokens by themselves."""
        lines = {"security.protocol": self.protocol}
        if self.has_tls:
            lines |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.cafile)}
        if self.client is not None:
            lines |= {"ssl.keystore.type": "PKCS12", "ssl.keystore.location": str(self.client.keystore)}
            lines["ssl.keystore.password"] = KEYSTORE_PASSWORD
        if self.mechanism:
            options = {"username": self.user, "password": self.password}
            if self.mechanism == "OAUTHBEARER":
                options = {"unsecuredLoginStringClaim_sub": self.user}
            lines |= {"sasl.mechanism": self.mechanism, "sasl.jaas.config": jaas_config(self.mechanism, options)}
        return lines

    def _token(self, _config: str) -> tuple[str, float]:
        now = time.time()
        return unsecured_token(self.user, lifetime=TOKEN_SECONDS, now=now), now + TOKEN_SECONDS
