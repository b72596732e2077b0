"""SaslOptions: what a user's options say about SASL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from dekaf._security.mechanism import Mechanism
from dekaf._security.oidc_options import OidcOptions
from dekaf._security.secret import Secret

__all__ = ("PasswordSource", "SaslOptions")

PasswordSource: TypeAlias = Secret | Callable[[], object]


@final
class SaslOptions:
    """How to authenticate, and where the proof comes from.

    With OAUTHBEARER either `token_provider` or `oidc` is given, with the other mechanisms `username` and `password`.

    Args:
        mechanism: ``sasl_mechanism``.
        username: ``sasl_username``; empty with OAUTHBEARER.
        password: ``sasl_password``; a callable is called for each connection, on the login thread.
        token_provider: ``sasl_oauth_token_provider``: a function, or an object with a method ``token``, sync or async,
            that returns an `OAuthToken`; called on the login thread.
        oidc: where tokens come from instead: an endpoint that gives them, or a file. For a login there is then a
            `token_provider`, too, which asks there.
    """

    def __init__(
        self,
        mechanism: Mechanism,
        *,
        username: str = "",
        password: PasswordSource | None = None,
        token_provider: object | None = None,
        oidc: OidcOptions | None = None,
    ) -> None:
        self.mechanism = mechanism
        self.username = username
        self.password = password
        self.token_provider = token_provider
        self.oidc = oidc

    def __repr__(self) -> str:
        return f"<SaslOptions {self.mechanism.value} {self.username!r}>"
