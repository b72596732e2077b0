from __future__ import annotations

import pytest

from dekaf._security.oidc_options import AssertionFile, OidcOptions, SignedAssertion, TokenSource
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret

URL = "https://login.example/token"
SIGNED = SignedAssertion(private_key=PemSource("sasl_oauthbearer_assertion_private_key_file", path="key.pem"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OidcOptions(token_endpoint_url=URL, client_id="id", client_secret=Secret(b"s")), TokenSource.CLIENT_SECRET),
        (
            OidcOptions(token_endpoint_url=URL, client_id="id", assertion=AssertionFile(path="jwt")),
            TokenSource.CLIENT_ASSERTION,
        ),
        (OidcOptions(token_endpoint_url=URL, client_id="id", assertion=SIGNED), TokenSource.CLIENT_ASSERTION),
        (OidcOptions(token_endpoint_url=URL, assertion=AssertionFile(path="jwt")), TokenSource.JWT_BEARER),
        (OidcOptions(token_endpoint_url=URL, assertion=SIGNED), TokenSource.JWT_BEARER),
        (OidcOptions(token_endpoint_url="FILE:///run/token"), TokenSource.FILE),
    ],
)
def test_what_is_given_decides_how_a_token_is_got(options: OidcOptions, expected: TokenSource) -> None:
    assert options.token_source is expected


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///run/secrets/token", "/run/secrets/token"),
        ("file:///run/with%20space", "/run/with space"),
        ("file:/run/token", "/run/token"),
        ("file:///C:/secrets/token", "C:/secrets/token"),
    ],
)
def test_the_path_of_a_token_file_is_that_of_its_url(url: str, path: str) -> None:
    assert OidcOptions(token_endpoint_url=url).token_path == path


def test_the_repr_shows_neither_secret_nor_passphrase() -> None:
    signed = SignedAssertion(private_key=PemSource("key", path="key.pem"), passphrase=Secret(b"open sesame"))
    options = OidcOptions(token_endpoint_url=URL, client_id="id", client_secret=Secret(b"hush"), assertion=signed)

    assert "hush" not in repr(options)
    assert "sesame" not in repr(options)
