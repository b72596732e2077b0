"""What goes over the wire to a token endpoint, byte by byte."""

from __future__ import annotations

import base64

import pytest

from dekaf._oidc.token_request import token_request
from dekaf._security.oidc_options import AssertionFile, OidcOptions
from dekaf._security.secret import Secret

URL = "https://id.example/token"


def with_secret(client_id: str, secret: str, *, header_urlencode: bool = False, scope: str = "") -> OidcOptions:
    return OidcOptions(
        token_endpoint_url=URL,
        client_id=client_id,
        client_secret=Secret(secret.encode()),
        header_urlencode=header_urlencode,
        scope=scope,
    )


def with_assertion(client_id: str = "", scope: str = "") -> OidcOptions:
    return OidcOptions(token_endpoint_url=URL, client_id=client_id, assertion=AssertionFile(path="jwt"), scope=scope)


def test_client_credentials() -> None:
    request = token_request(with_secret("shop", "secret"), None)

    assert request.body == Secret(b"grant_type=client_credentials")
    assert request.authorization == Secret(b"Basic c2hvcDpzZWNyZXQ=")


@pytest.mark.mistake("KAFKA-14496")
@pytest.mark.parametrize(
    ("client_id", "secret", "header"),
    [
        ("shop", "a+b/ü%", b"Basic c2hvcDphK2Ivw7wl"),
        ("a:b", "c:d", b"Basic YTpiOmM6ZA=="),  # the endpoint's business: KIP-768 sends it so
        ("s", "\U0001f511?>", b"Basic czrwn5SRPz4="),  # in the URL-safe alphabet it would be …_Pz4=
        ("s", "???", b"Basic czo/Pz8="),
    ],
)
def test_id_and_secret_as_they_are_in_the_standard_alphabet(client_id: str, secret: str, header: bytes) -> None:
    """KAFKA-14496, librdkafka#3192."""
    assert token_request(with_secret(client_id, secret), None).authorization == Secret(header)


@pytest.mark.parametrize(
    ("client_id", "secret", "pair"),
    [
        ("shop", "a+b/ü%", b"shop:a%2Bb%2F%C3%BC%25"),
        ("a:b", "c:d e", b"a%3Ab:c%3Ad+e"),
    ],
)
def test_id_and_secret_url_encoded(client_id: str, secret: str, pair: bytes) -> None:
    """RFC 6749, section 2.3.1; KIP-1025."""
    request = token_request(with_secret(client_id, secret, header_urlencode=True), None)

    assert request.authorization == Secret(b"Basic " + base64.b64encode(pair))


@pytest.mark.parametrize(
    ("scope", "field"),
    [
        ("kafka", b"&scope=kafka"),
        (" kafka orders/write ", b"&scope=kafka+orders%2Fwrite"),
        ("api://a+b/ü&c=d", b"&scope=api%3A%2F%2Fa%2Bb%2F%C3%BC%26c%3Dd"),
        ("  ", b""),
    ],
)
def test_scope_is_encoded(scope: str, field: bytes) -> None:
    request = token_request(with_secret("shop", "secret", scope=scope), None)

    assert request.body == Secret(b"grant_type=client_credentials" + field)


def test_client_assertion_takes_the_place_of_the_secret() -> None:
    """RFC 7523, section 2.2; KIP-1258."""
    request = token_request(with_assertion("shop+1", "kafka"), Secret(b"a.b-_.c"))

    assert request.authorization is None
    assert request.body == Secret(
        b"grant_type=client_credentials&client_id=shop%2B1"
        b"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        b"&scope=kafka&client_assertion=a.b-_.c"
    )


def test_assertion_without_a_client_id_is_the_grant() -> None:
    """RFC 7523, section 2.1; KIP-1139."""
    request = token_request(with_assertion(scope="kafka"), Secret(b"a.b.c"))

    assert request.authorization is None
    assert request.body == Secret(
        b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=kafka&assertion=a.b.c"
    )


@pytest.mark.parametrize("urlencode", [False, True])
def test_secrets_that_an_endpoint_repeats_are_masked(urlencode: bool) -> None:
    request = token_request(with_secret("shop", "s3cret/+", header_urlencode=urlencode), None)
    assert request.authorization is not None
    encoded = request.authorization.reveal_text().removeprefix("Basic ")

    masked = request.masked(f"bad secret s3cret/+ or s3cret%2F%2B of {encoded}")

    assert masked == "bad secret *** or *** of ***"


def test_assertion_that_an_endpoint_repeats_is_masked() -> None:
    assert token_request(with_assertion(), Secret(b"a.b.c")).masked("bad a.b.c") == "bad ***"


def test_request_does_not_show_what_it_holds() -> None:
    request = token_request(with_secret("shop", "s3cret"), None)

    shown = f"{request!r} {request!s} {vars(request) if hasattr(request, '__dict__') else ''}"

    assert "s3cret" not in shown
    assert base64.b64encode(b"shop:s3cret").decode() not in shown
