"""OidcTokens: tokens of an endpoint or a file, with a secret, with an assertion, or for one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dekaf import ConfigurationError, CredentialsUnavailableError
from dekaf._oidc.token_source import OidcTokens
from dekaf._security.oidc_options import AssertionFile, OidcOptions, SignedAssertion
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.oauth import CLIENT_CREDENTIALS, JWT_BEARER, Manner, TokenAnswer, TokenServer, unsecured_token
from tests.unit.oidc.clients import SECRET, shop
from tests.unit.oidc.signing_keys import PASSPHRASE, claims_of, curve_key, pem, rsa_key, verify
from tests.unit.security.tracebacks import everything_shown

Options = Callable[..., OidcOptions]


def tokens_of_file(path: Path) -> OidcTokens:
    return OidcTokens(OidcOptions(token_endpoint_url=path.as_uri()), None, 10.0)


def key(data: bytes) -> PemSource:
    return PemSource("sasl_oauthbearer_assertion_private_key_file", text=Secret(data))


def asked_with(url: str, cafile: PemSource, **options: Any) -> OidcTokens:
    return OidcTokens(OidcOptions(token_endpoint_url=url, **options), cafile, 10.0)


# An endpoint.


def test_token_for_a_secret(server: TokenServer, cafile: PemSource) -> None:
    options = shop(server.url, scope="kafka orders", extensions={"logicalCluster": "lkc-1"})

    token = OidcTokens(options, cafile, 10.0).token()

    assert token.value == server.issued[0]
    assert token.principal == "shop"
    assert token.extensions == {"logicalCluster": "lkc-1"}
    assert token.expires_at == pytest.approx(time.time() + 3600, abs=30)
    assert server.requests[0].form == {"grant_type": CLIENT_CREDENTIALS, "scope": "kafka orders"}
    assert server.violations == []


def test_token_for_an_encoded_secret(cafile: PemSource, server: TokenServer) -> None:
    """KIP-1025: the endpoint sees the encoded pair; the server at hand knows the plain one, so it is taught that."""
    server.clients["a%2Bb%25"] = "c%3Ad"

    token = OidcTokens(
        OidcOptions(
            token_endpoint_url=server.url, client_id="a+b%", client_secret=Secret(b"c:d"), header_urlencode=True
        ),
        cafile,
        10.0,
    ).token()

    assert token.value == server.issued[0]


def test_each_token_is_a_new_one(server: TokenServer, cafile: PemSource) -> None:
    tokens = OidcTokens(shop(server.url), cafile, 10.0)

    assert [tokens.token().value, tokens.token().value] == server.issued


def test_assertion_file_takes_the_place_of_the_secret_and_is_read_for_each_token(
    server: TokenServer, cafile: PemSource, tmp_path: Path
) -> None:
    """KIP-1258."""
    path = tmp_path / "jwt"
    path.write_text("signed.1.x\n")
    tokens = asked_with(server.url, cafile, client_id="shop", assertion=AssertionFile(path=str(path)))
    tokens.token()
    path.write_text("signed.2.x\n")

    tokens.token()

    assert [request.form["client_assertion"] for request in server.requests] == ["signed.1.x", "signed.2.x"]
    assert {request.form["client_id"] for request in server.requests} == {"shop"}
    assert server.violations == []


def test_assertion_file_without_a_client_id_is_the_grant(
    server: TokenServer, cafile: PemSource, tmp_path: Path
) -> None:
    """KIP-1139."""
    path = tmp_path / "jwt"
    path.write_text("signed.1.x")

    asked_with(server.url, cafile, assertion=AssertionFile(path=str(path)), scope="kafka").token()

    assert server.requests[0].form == {"grant_type": JWT_BEARER, "assertion": "signed.1.x", "scope": "kafka"}
    assert server.violations == []


@pytest.mark.parametrize("content", [None, "", "refused.by.server"])
def test_secret_is_never_sent_where_there_is_an_assertion(
    server: TokenServer, cafile: PemSource, tmp_path: Path, content: str | None
) -> None:
    """Even if the file is gone, or the endpoint does not take what it holds; Java falls back to the secret."""
    path = tmp_path / "jwt"
    path.write_text("signed.1.x")
    tokens = OidcTokens(shop(server.url, assertion=AssertionFile(path=str(path))), cafile, 10.0)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)

    with pytest.raises(CredentialsUnavailableError) as caught:
        tokens.token()

    assert all("authorization" not in request.headers for request in server.requests)
    assert SECRET not in everything_shown(caught.value)
    assert "refused.by.server" not in everything_shown(caught.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_assertion_that_is_signed_here(server: TokenServer, cafile: PemSource, tmp_path: Path, algorithm: str) -> None:
    server.assertions = lambda _: True
    used = rsa_key() if algorithm == "RS256" else curve_key()
    path = tmp_path / "key.pem"
    path.write_bytes(pem(used, passphrase=PASSPHRASE))
    assertion = SignedAssertion(
        private_key=PemSource("sasl_oauthbearer_assertion_private_key_file", path=str(path)),
        passphrase=Secret(PASSPHRASE.encode()),
        algorithm=algorithm,
        aud=server.url,
        iss="shop",
        sub="shop",
        jti_include=True,
    )
    tokens = asked_with(server.url, cafile, client_id="shop", assertion=assertion)

    tokens.token()
    tokens.token()

    first, second = (request.form["client_assertion"] for request in server.requests)
    verify(first, used)
    assert claims_of(first)["aud"] == server.url
    assert claims_of(first)["jti"] != claims_of(second)["jti"]


def test_what_is_wrong_is_told_before_the_login_gives_up(server: TokenServer, cafile: PemSource) -> None:
    server.answer_always(TokenAnswer(manner=Manner.NEVER))
    began = time.monotonic()

    with pytest.raises(CredentialsUnavailableError, match="did not answer in time"):
        OidcTokens(shop(server.url), cafile, 1.0).token()

    assert time.monotonic() - began > 0.7


# A file.


@pytest.mark.parametrize("around", ["{}", "{}\n", "\ufeff{}\r\n"])
def test_token_of_a_file(tmp_path: Path, around: str) -> None:
    path = tmp_path / "my token"
    value = unsecured_token("alice", lifetime=77)
    path.write_text(around.format(value), encoding="utf-8", newline="")

    token = tokens_of_file(path).token()

    assert (token.value, token.principal) == (value, "alice")
    assert token.expires_at == pytest.approx(time.time() + 77, abs=30)


def test_file_is_read_for_each_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first")
    tokens = tokens_of_file(path)
    path.write_text("second")

    assert tokens.token().value == "second"


@pytest.mark.parametrize("content", ["", "\n", "s3cret s3cret", "s3cret\ns3cret"])
def test_file_without_a_token_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)

    with pytest.raises(
        CredentialsUnavailableError, match=f"^sasl_oauthbearer_token_endpoint_url='{path.as_uri()}': "
    ) as caught:
        tokens_of_file(path).token()

    assert "s3cret" not in everything_shown(caught.value)


# What is wrong with options is told when the producer is made.


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://id.example/token", "must begin with https://"),
        ("https://shop:s3cret@id.example/token", "must not hold user and password"),
        ("id.example/token", "is no URL"),
        ("file:///nowhere/token", "cannot be read: No such file or directory"),
        ("file:///", "is a folder"),
    ],
)
def test_url_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^sasl_oauthbearer_token_endpoint_url.*{said}") as caught:
        OidcTokens(shop(url), None, 10.0)

    assert SECRET not in everything_shown(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        (AssertionFile(path="/nowhere"), "sasl_oauthbearer_assertion_file='/nowhere': cannot be read"),
        (SignedAssertion(private_key=key(b"s3cret")), "private_key_file (PEM text): holds no private key"),
        (SignedAssertion(private_key=key(pem(rsa_key(), passphrase="x"))), "private_key_file (PEM text): the key is"),
        (SignedAssertion(private_key=key(pem(rsa_key())), template_file="/nowhere"), "template_file='/nowhere': "),
        (SignedAssertion(private_key=key(pem(curve_key()))), "sasl_oauthbearer_assertion_algorithm='RS256' needs"),
    ],
)
def test_assertion_that_cannot_be_made(assertion: AssertionFile | SignedAssertion, said: str) -> None:
    options = OidcOptions(token_endpoint_url="https://id.example/", client_id="shop", assertion=assertion)

    with pytest.raises(ConfigurationError) as caught:
        OidcTokens(options, None, 10.0)

    assert said in str(caught.value)
    assert "s3cret" not in everything_shown(caught.value)


@pytest.mark.parametrize("content", ["", "signed.1.x"])
def test_assertion_may_still_be_missing_from_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "jwt").write_text(content)
    assertion = AssertionFile(path=str(tmp_path / "jwt"))

    OidcTokens(OidcOptions(token_endpoint_url="https://id.example/", assertion=assertion), None, 10.0)


@pytest.mark.parametrize("package", ["jwt", "cryptography"])
def test_missing_package_is_told(tmp_path: Path, package: str) -> None:
    """In a process of its own: machine code imports a package once."""
    path = tmp_path / "key.pem"
    path.write_bytes(pem(rsa_key()))
    program = (
        "import sys\n"
        f"sys.modules[{package!r}] = None  # importing it fails\n"
        "from dekaf._oidc.token_source import OidcTokens\n"
        "from dekaf._security.oidc_options import OidcOptions, SignedAssertion\n"
        "from dekaf._security.pem_source import PemSource\n"
        f"key = PemSource('sasl_oauthbearer_assertion_private_key_file', path={str(path)!r})\n"
        "options = OidcOptions(token_endpoint_url='https://id.example/', assertion=SignedAssertion(private_key=key))\n"
        "try:\n"
        "    OidcTokens(options, None, 10.0)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]

    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=50)

    assert ran.stdout == (
        "ConfigurationError sasl_oauthbearer_assertion_private_key_file: to sign assertions, install a package: "
        "pip install 'dekaf[oauth-assertion]'\n"
    )


def test_missing_package_is_not_minded_by_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    (tmp_path / "jwt").write_text("a.b.c")

    OidcTokens(shop("https://id.example/"), None, 10.0)
    OidcTokens(shop("https://id.example/", assertion=AssertionFile(path=str(tmp_path / "jwt"))), None, 10.0)


def test_nobody_is_asked_when_it_is_made(server: TokenServer, cafile: PemSource) -> None:
    OidcTokens(shop(server.url), cafile, 10.0)

    assert (server.requests, server.failed_handshakes) == ([], 0)


def test_what_it_holds_is_not_shown(cafile: PemSource) -> None:
    tokens = OidcTokens(shop("https://id.example/"), cafile, 10.0)

    assert repr(tokens) == "<OidcTokens client secret>"
    assert SECRET not in repr(getattr(tokens, "__dict__", None))


def test_others_do_not_import_an_http_client() -> None:
    """It takes longer than most of dekaf, and few need it."""
    program = "import sys, dekaf; print([name for name in sys.modules if name.startswith('dekaf._oidc.')])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=50
    )

    assert ran.stdout == "[]\n"
