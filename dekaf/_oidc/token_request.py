"""What a token endpoint is asked: pure, from options to a header and a body.

Client credentials: RFC 6749 section 4.4, as KIP-768 does it. With an assertion in place of the secret: RFC 7523 section
2.2 (KIP-1258). With an assertion as the grant: RFC 7523 section 2.1 (KIP-1139).
"""

from __future__ import annotations

import base64
from typing import Final, final
from urllib.parse import quote_plus, urlencode

from dekaf._security.oidc_options import OidcOptions, TokenSource
from dekaf._security.secret import Secret

__all__ = ("TokenRequest", "token_request")

JWT_BEARER_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_BEARER_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@final
class TokenRequest:
    """One POST.

    Args:
        body: Form fields, which may hold an assertion.
        authorization: The value of that header; None without one.
    """

    def __init__(self, body: Secret, authorization: Secret | None) -> None:
        self.body: Final = body
        self.authorization: Final = authorization


def token_request(options: OidcOptions, assertion: Secret | None) -> TokenRequest:
    """Return what to ask for a token with.

    Args:
        options: Whom to ask, and as whom.
        assertion: The JWT, where the options ask for one.
    """
    source = options.token_source
    fields: dict[str, str] = {"grant_type": "client_credentials"}
    authorization: Secret | None = None
    if source is TokenSource.CLIENT_SECRET:
        authorization = _basic(options)
    elif source is TokenSource.CLIENT_ASSERTION:
        fields["client_id"] = options.client_id
        fields["client_assertion_type"] = JWT_BEARER_ASSERTION
    else:
        fields["grant_type"] = JWT_BEARER_GRANT
    if options.scope:
        fields["scope"] = options.scope
    return TokenRequest(_form(fields, source, assertion), authorization)


def _form(fields: dict[str, str], source: TokenSource, assertion: Secret | None) -> Secret:
    if assertion is None:
        return Secret(urlencode(fields).encode())
    name = "client_assertion" if source is TokenSource.CLIENT_ASSERTION else "assertion"
    return Secret(f"{urlencode(fields)}&{name}={quote_plus(assertion.reveal_text())}".encode())


def _basic(options: OidcOptions) -> Secret:
    """Return HTTP Basic authentication, in the standard alphabet of base64: the other broke secrets (KAFKA-14496)."""
    secret = Secret(b"") if options.client_secret is None else options.client_secret
    if options.header_urlencode:
        pair = f"{quote_plus(options.client_id)}:{quote_plus(secret.reveal_text())}"
    else:
        pair = f"{options.client_id}:{secret.reveal_text()}"
    return Secret(b"Basic " + base64.b64encode(pair.encode()))
