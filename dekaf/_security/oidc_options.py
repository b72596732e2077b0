"""OidcOptions: where OAuth tokens come from, if not from an application's own provider.

Kafka's options that begin with ``sasl.oauthbearer.``: KIP-768 (client credentials), KIP-1139 (an assertion as the
grant), KIP-1258 (an assertion in place of the client's secret).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias, final
from urllib.parse import unquote, urlsplit

from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret

__all__ = ("Assertion", "AssertionFile", "OidcOptions", "SignedAssertion", "TokenSource")

_DRIVE: Final = re.compile("/[A-Za-z]:")  # file:///C:/token, on Windows


class TokenSource(Enum):
    """What is done to get a token."""

    FILE = "file"  # read it: the endpoint's URL begins with file:
    CLIENT_SECRET = "client secret"  # grant client_credentials, HTTP Basic authentication
    CLIENT_ASSERTION = "client assertion"  # grant client_credentials, with a client_assertion (RFC 7523, section 2.2)
    JWT_BEARER = "jwt-bearer"  # the assertion is the grant (RFC 7523, section 2.1)


@final
@dataclass(frozen=True, kw_only=True)
class AssertionFile:
    """A JWT on disk, which others renew: it is read again for each token.

    Args:
        path: ``sasl_oauthbearer_assertion_file``.
    """

    path: str


@final
@dataclass(frozen=True, kw_only=True)
class SignedAssertion:
    """A JWT that we sign for each token; the names are those of ``sasl_oauthbearer_assertion_…``.

    Args:
        private_key: ``…_private_key_file``: a path or PEM text; read again for each token.
        passphrase: ``…_private_key_passphrase``: for an encrypted key.
        algorithm: ``…_algorithm``: RS256 or ES256.
        aud: ``…_claim_aud``: for whom it is; empty: the claim is left out.
        iss: ``…_claim_iss``: who issues it; empty: the claim is left out.
        sub: ``…_claim_sub``: whom it is about; empty: the claim is left out.
        exp_seconds: ``…_claim_exp_seconds``: for how long it is valid from now on.
        nbf_seconds: ``…_claim_nbf_seconds``: for how long it has been valid already.
        jti_include: ``…_claim_jti_include``: whether it gets a unique id.
        template_file: ``…_template_file``: the path of a JSON file whose ``header`` and ``payload`` hold further
            headers, such as ``kid``, and claims; empty: there are none.
    """

    private_key: PemSource
    passphrase: Secret | None = None
    algorithm: str = "RS256"
    aud: str = ""
    iss: str = ""
    sub: str = ""
    exp_seconds: int = 300
    nbf_seconds: int = 60
    jti_include: bool = False
    template_file: str = ""


Assertion: TypeAlias = AssertionFile | SignedAssertion


@final
@dataclass(frozen=True, kw_only=True)
class OidcOptions:
    """What to ask an endpoint for, and as whom.

    It is asked over TLS that trusts ``ssl_cafile`` and the system's authorities.

    Args:
        token_endpoint_url: ``sasl_oauthbearer_token_endpoint_url``: ``https:``; ``http:`` on loopback only; ``file:``
            for a file that holds the token.
        client_id: ``sasl_oauthbearer_client_credentials_client_id``; may be empty with an assertion.
        client_secret: ``sasl_oauthbearer_client_credentials_client_secret``; None if there is an assertion.
        assertion: what is given in place of the secret, or as the grant; None if there is a secret.
        scope: ``sasl_oauthbearer_scope``; empty: none is asked for.
        header_urlencode: ``sasl_oauthbearer_header_urlencode``: whether id and secret are URL-encoded before they
            become an HTTP Basic header (RFC 6749, section 2.3.1).
        extensions: ``sasl_oauthbearer_extensions``: what the broker is told beside the token (KIP-342).
    """

    token_endpoint_url: str
    client_id: str = ""
    client_secret: Secret | None = None
    assertion: Assertion | None = None
    scope: str = ""
    header_urlencode: bool = False
    extensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def token_source(self) -> TokenSource:
        """How these options get a token."""
        if self.token_endpoint_url.lower().startswith("file:"):
            return TokenSource.FILE
        if self.assertion is None:
            return TokenSource.CLIENT_SECRET
        return TokenSource.CLIENT_ASSERTION if self.client_id else TokenSource.JWT_BEARER

    @property
    def token_path(self) -> str:
        """The path of the file that holds the token; only for `TokenSource.FILE`."""
        path = unquote(urlsplit(self.token_endpoint_url).path)
        return path[1:] if _DRIVE.match(path) else path
