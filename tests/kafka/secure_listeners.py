"""The ways into a secured broker, and the lines of server.properties that open them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.certificates import KEYSTORE_PASSWORD, KeyPair
from tests.kafka.users import MECHANISMS, PLAIN_USERS, jaas_config

__all__ = ("LISTENERS", "SecureListener", "listener_properties")


@dataclass(frozen=True, kw_only=True)
class SecureListener:
    """One way in.

    Args:
        name: Kafka's name for it, in capitals.
        protocol: Kafka's `security.protocol`.
        certificate: which of the cluster's certificates it shows.
        client_auth: Kafka's `ssl.client.auth`.
        mechanisms: those of SASL that are on.
        is_short: sessions last `session_ms` of the cluster, and then have to be authenticated again.
    """

    name: str
    protocol: Literal["SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    certificate: str = "server"
    client_auth: Literal["none", "requested", "required"] = "none"
    mechanisms: tuple[str, ...] = ()
    is_short: bool = False

    @property
    def prefix(self) -> str:
        """What its own properties begin with."""
        return f"listener.name.{self.name.lower()}."


LISTENERS: Final = (
    SecureListener(name="SSL", protocol="SSL"),
    SecureListener(name="MTLS", protocol="SSL", client_auth="required"),
    SecureListener(name="MTLS_OPTIONAL", protocol="SSL", client_auth="requested"),
    SecureListener(name="SASL_PLAINTEXT", protocol="SASL_PLAINTEXT", mechanisms=MECHANISMS),
    SecureListener(name="SASL_SSL", protocol="SASL_SSL", mechanisms=MECHANISMS),
    SecureListener(name="SHORT_PLAINTEXT", protocol="SASL_PLAINTEXT", mechanisms=MECHANISMS, is_short=True),
    SecureListener(name="SHORT_SSL", protocol="SASL_SSL", mechanisms=MECHANISMS, is_short=True),
    SecureListener(name="PLAIN_ONLY", protocol="SASL_PLAINTEXT", mechanisms=("PLAIN",)),
    SecureListener(name="EXPIRED", protocol="SSL", certificate="expired"),
    SecureListener(name="FUTURE", protocol="SSL", certificate="future"),
    SecureListener(name="WRONG_NAME", protocol="SSL", certificate="wrong-name"),
    SecureListener(name="UNKNOWN_CA", protocol="SSL", certificate="unknown-ca"),
    SecureListener(name="BARE", protocol="SSL", certificate="bare"),
)


def listener_properties(
    listener: SecureListener, *, key_pair: KeyPair, truststore: Path, session_ms: int, is_odd: bool
) -> dict[str, str]:
    """Return the lines for one listener of one broker.

    Args:
        listener: which.
        key_pair: the certificate that it shows.
        truststore: the authorities whose clients it lets in.
        session_ms: how long sessions last where they are short.
        is_odd: the broker refuses everybody: it knows other passwords, has no SCRAM, and wants a scope in tokens.
    """
    prefix = listener.prefix
    # One thread each is plenty for a test, and thirteen listeners with three each would be slow to start.
    lines = {f"{prefix}num.network.threads": "1"}
    if listener.protocol != "SASL_PLAINTEXT":
        lines |= {
            # Of keys in PEM, brokers before 3.2 take only encrypted ones (KAFKA-12703).
            f"{prefix}ssl.keystore.type": "PKCS12",
            f"{prefix}ssl.keystore.password": KEYSTORE_PASSWORD,
            f"{prefix}ssl.keystore.location": str(key_pair.keystore),
            f"{prefix}ssl.truststore.type": "PEM",
            f"{prefix}ssl.truststore.location": str(truststore),
            f"{prefix}ssl.client.auth": listener.client_auth,
        }
    mechanisms = [one for one in listener.mechanisms if not (is_odd and one.startswith("SCRAM"))]
    if mechanisms:
        lines[f"{prefix}sasl.enabled.mechanisms"] = ",".join(mechanisms)
    for mechanism in mechanisms:
        options = _server_options(mechanism, is_odd=is_odd)
        lines[f"{prefix}{mechanism.lower()}.sasl.jaas.config"] = jaas_config(mechanism, options)
        if listener.is_short:
            lines[f"{prefix}{mechanism.lower()}.connections.max.reauth.ms"] = str(session_ms)
    return lines


def _server_options(mechanism: str, *, is_odd: bool) -> Mapping[str, str]:
    if mechanism == "PLAIN":
        return {f"user_{user}": f"not {password}" if is_odd else password for user, password in PLAIN_USERS.items()}
    if mechanism == "OAUTHBEARER" and is_odd:
        # With any option at all, the broker wants to be able to make a token for itself.
        return {"unsecuredValidatorRequiredScope": "odd", "unsecuredLoginStringClaim_sub": "broker"}
    return {}
