"""What a token endpoint is asked: pure, from options to a header and a body.

Client credentials: RFC 6749 section 4.4, as KIP-768 does it. With an assertion in place of the secret: RFC 7523 section
2.2 (KIP-1258). With an assertion as the grant: RFC 7523 section 2.1 (KIP-1139).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final, final
from urllib.parse import quote_plus, urlencode

from dekaf._security.oidc_options import OidcOptions, TokenSource
from dekaf._security.secret import Secret

__all__ = ("TokenRequest", "token_request")

_JWT_BEARER_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@final
class TokenRequest:
    """One POST.

    Args:
        body: Form fields, which may hold an assertion.
        authorization: The value of that header; None without one.
        secrets: What of it must not be shown, should the endpoint repeat it.
    """

    def __init__(self, body: Secret, authorization: Secret | None, secrets: Sequence[Secret]) -> None:
        self.body: Final = body
        self.authorization: Final = authorization
        self._secrets: Final = tuple(secrets)

    def masked(self, text: str) -> str:
        """Return what an endpoint said without the secrets that it repeats, as they are or encoded."""
        for secret in self._secrets:
            if secret:
                text = text.replace(secret.reveal_text(), "***").replace(quote_plus(secret.reveal()), "***")
        return text


def token_request(options: OidcOptions, assertion: Secret | None) -> TokenRequest:
    """Return what to ask for a token with.

    Args:
        options: Whom to ask, and as whom.
        assertion: The JWT, iff the options ask for one.
    """
    source = options.token_source
    scope = options.scope.strip()
    wish = {"scope": scope} if scope else {}
    if source is TokenSource.CLIENT_ASSERTION:
        fields = {
            "grant_type": "client_credentials",
            "client_id": options.client_id,
            "client_assertion_type": _JWT_CLIENT_ASSERTION,
            **wish,
        }
        return _with_assertion(fields, "client_assertion", assertion)
    if source is TokenSource.JWT_BEARER:
        return _with_assertion({"grant_type": _JWT_BEARER_GRANT, **wish}, "assertion", assertion)
    secret = Secret(b"") if options.client_secret is None else options.client_secret
    pair = _pair(options, secret)
    # The standard alphabet of base64: the URL-safe one broke secrets (KAFKA-14496).
    encoded = Secret(base64.b64encode(pair.reveal()))
    form = Secret(urlencode({"grant_type": "client_credentials", **wish}).encode())
    return TokenRequest(form, Secret(b"Basic " + encoded.reveal()), (secret, pair, encoded))


def _with_assertion(fields: dict[str, str], name: str, assertion: Secret | None) -> TokenRequest:
    given = Secret(b"") if assertion is None else assertion
    form = Secret(f"{urlencode(fields)}&{name}={quote_plus(given.reveal())}".encode())
    return TokenRequest(form, None, (given,))


def _pair(options: OidcOptions, secret: Secret) -> Secret:
    """Return id and secret as HTTP Basic authentication joins them."""
    if options.header_urlencode:
        return Secret(f"{quote_plus(options.client_id)}:{quote_plus(secret.reveal())}".encode())
    return Secret(b"%b:%b" % (options.client_id.encode(), secret.reveal()))
