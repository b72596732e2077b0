"""A fake cluster with TLS and SASL, and the options that lead a producer into it."""

from __future__ import annotations

import time
from typing import Any, Final

from dekaf.security import OAuthToken
from dekaf.testing import FakeCluster, SaslAccounts
from tests.certificates import Authority
from tests.oauth.tokens import unsecured_token

__all__ = ("PASSWORD", "TOPIC", "USER", "accounts", "secured_cluster", "secured_options", "token_of")

USER: Final = "alice"
PASSWORD: Final = "the-password-of-alice"
TOPIC: Final = "t"


def accounts() -> SaslAccounts:
    """Return accounts with one user, whose password SCRAM hashes as seldom as it may."""
    return SaslAccounts({USER: PASSWORD}, iterations=4096)


def secured_cluster(authority: Authority | None, **options: Any) -> FakeCluster:
    """Return a cluster with one topic that demands authentication, over TLS if there is an authority for it."""
    given: dict[str, Any] = {"sasl": accounts(), "topics": {TOPIC: 2}, **options}
    if authority is not None:
        server = authority.server()
        given |= {"tls": (server.certfile, server.keyfile), "host": "localhost"}
    return FakeCluster(**given)


def token_of(principal: str = USER, seconds: float = 3600) -> OAuthToken:
    """Return a token as providers give it."""
    return OAuthToken(unsecured_token(principal, lifetime=seconds), time.time() + seconds, principal=principal)


def secured_options(mechanism: str, authority: Authority | None = None, **options: Any) -> dict[str, Any]:
    """Return what a producer has to be told to come in by a mechanism of SASL."""
    given: dict[str, Any] = {
        "security_protocol": "SASL_PLAINTEXT" if authority is None else "SASL_SSL",
        "sasl_mechanism": mechanism,
    }
    if authority is not None:
        given["ssl_cafile"] = str(authority.cafile)
    if mechanism == "OAUTHBEARER":
        given["sasl_oauth_token_provider"] = token_of
    else:
        given |= {"sasl_username": USER, "sasl_password": PASSWORD}
    return {**given, **options}
