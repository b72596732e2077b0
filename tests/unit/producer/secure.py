"""What tests of security options share: complete sets of options, and keys that are none."""

from __future__ import annotations

from typing import Any, Final

__all__ = ("CERTIFICATE", "ENDPOINT", "KEY", "OIDC", "PLAIN", "SCRAM", "SERVERS", "provider")

SERVERS: Final = "localhost:9092"
ENDPOINT: Final = "https://login.example/token"

CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY: Final = "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"

PLAIN: Final[dict[str, Any]] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "alice",
    "sasl_password": "wonder",
}
SCRAM: Final[dict[str, Any]] = {**PLAIN, "sasl_mechanism": "SCRAM-SHA-512"}
OIDC: Final[dict[str, Any]] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "OAUTHBEARER",
    "sasl_oauthbearer_token_endpoint_url": ENDPOINT,
    "sasl_oauthbearer_client_credentials_client_id": "shop",
    "sasl_oauthbearer_client_credentials_client_secret": "hush",
}


def provider() -> Any:
    """Stand for a token provider; it is never called."""
    raise NotImplementedError
