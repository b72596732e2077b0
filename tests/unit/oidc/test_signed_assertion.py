"""JWTs that are signed here: the keys and algorithms of KIP-1139, the claims of options and of a template."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import PrivateFormat

from dekaf import CredentialsUnavailableError
from dekaf._oidc.signed_assertion import assertion_claims, assertion_header, signed_assertion
from dekaf._security.oidc_options import SignedAssertion
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.unit.oidc.signing_keys import (
    PASSPHRASE,
    claims_of,
    curve_key,
    edwards_key,
    header_of,
    pem,
    rsa_key,
    verify,
)
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

OPTION = "sasl_oauthbearer_assertion_private_key_file"
NOW = 1_800_000_000
PASS = Secret(PASSPHRASE.encode())


def key_text(data: bytes) -> PemSource:
    return PemSource(OPTION, text=Secret(data))


def signed(**given: Any) -> str:
    options: dict[str, Any] = {"private_key": key_text(pem(rsa_key())), **given}
    return signed_assertion(SignedAssertion(**options), lambda: NOW + 0.9).reveal_text()


def template(folder: Path, content: object) -> str:
    (folder / "template.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder / "template.json")


def test_jwt_of_options_alone() -> None:
    token = signed(aud="https://id.example", iss="shop", sub="shop-1", exp_seconds=120, nbf_seconds=5)

    assert header_of(token) == {"alg": "RS256", "typ": "JWT"}
    assert claims_of(token) == {
        "aud": "https://id.example",
        "iss": "shop",
        "sub": "shop-1",
        "iat": NOW,
        "exp": NOW + 120,
        "nbf": NOW - 5,
    }


def test_claims_that_are_not_given_are_left_out() -> None:
    assert claims_of(signed()) == {"iat": NOW, "exp": NOW + 300, "nbf": NOW - 60}


def test_each_jwt_gets_an_id_of_its_own_on_demand() -> None:
    ids = [claims_of(signed(jti_include=True))["jti"] for _ in range(2)]

    assert len({uuid.UUID(one) for one in ids}) == 2


def test_template_adds_headers_and_claims(tmp_path: Path) -> None:
    path = template(tmp_path, {"header": {"kid": "k1"}, "payload": {"aud": ["a", "b"], "tenant": {"id": 5}}})

    token = signed(aud="option", iss="shop", template_file=path)

    assert header_of(token) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims_of(token) == {
        "aud": ["a", "b"],  # as in Java: the template's
        "iss": "shop",
        "tenant": {"id": 5},
        "iat": NOW,
        "exp": NOW + 300,
        "nbf": NOW - 60,
    }


def test_template_changes_neither_algorithm_nor_times() -> None:
    """A JWT whose header says `none` would not be signed at all."""
    assertion = SignedAssertion(private_key=key_text(pem(rsa_key())))
    template = {"header": {"alg": "none", "typ": "at+jwt"}, "payload": {"exp": 1, "iat": 2, "nbf": 3}}

    assert assertion_header(assertion, template) == {"alg": "RS256", "typ": "JWT"}
    assert assertion_claims(assertion, template, NOW) == {"iat": NOW, "exp": NOW + 300, "nbf": NOW - 60}


def test_template_is_read_for_each_jwt(tmp_path: Path) -> None:
    path = template(tmp_path, {"payload": {"round": 1}})
    first = signed(template_file=path)
    template(tmp_path, {"payload": {"round": 2}})

    assert (claims_of(first)["round"], claims_of(signed(template_file=path))["round"]) == (1, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("s3cret", "must hold a JSON object"),
        ('["s3cret"]', "must hold a JSON object"),
        ("[" * 60_000, "must hold a JSON object"),
        ({"header": "s3cret"}, "'header' in it must be a JSON object"),
        ({"payload": ["s3cret"]}, "'payload' in it must be a JSON object"),
    ],
)
def test_template_that_is_none_is_told(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(
        CredentialsUnavailableError, match=f"sasl_oauthbearer_assertion_template_file.*{said}"
    ) as caught:
        signed(template_file=template(tmp_path, content))

    assert "s3cret" not in str(caught.value)


def test_template_with_a_claim_that_no_jwt_can_have_is_told(tmp_path: Path) -> None:
    path = template(tmp_path, {"payload": {"iss": 5}})

    with pytest.raises(
        CredentialsUnavailableError, match=r"cannot sign.*\(TypeError\): check the types.*_template_file"
    ):
        signed(template_file=path)


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize("style", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_signature_is_that_of_the_key(algorithm: str, style: PrivateFormat, passphrase: str) -> None:
    key = rsa_key() if algorithm == "RS256" else curve_key()
    encoded = pem(key, passphrase=passphrase, style=style)

    token = signed(private_key=key_text(encoded), algorithm=algorithm, passphrase=PASS if passphrase else None)

    verify(token, key)


def test_passphrase_of_a_key_that_is_not_encrypted_is_not_needed() -> None:
    """As with `ssl_key_password`: one settings file for both."""
    assert signed(passphrase=PASS).count(".") == 2


def test_key_is_read_for_each_jwt(tmp_path: Path) -> None:
    source = PemSource(OPTION, path=str(tmp_path / "key.pem"))
    for key in (curve_key(), rsa_key()):
        (tmp_path / "new.pem").write_bytes(pem(key))
        os.replace(tmp_path / "new.pem", tmp_path / "key.pem")
        algorithm = "ES256" if key is curve_key() else "RS256"

        token = signed(private_key=source, algorithm=algorithm)

        verify(token, key)


@pytest.mark.parametrize(
    ("data", "passphrase", "said"),
    [
        (pem(rsa_key(), passphrase=PASSPHRASE), "", "is encrypted: give its passphrase in .*_private_key_passphrase"),
        (pem(rsa_key(), passphrase=PASSPHRASE), "s3cret", "cannot be decrypted with .*_private_key_passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n", "", "holds no private key in PEM"),
        (b"s3cret", "", "holds no private key in PEM"),
    ],
)
def test_key_that_cannot_be_read_is_told_and_not_shown(data: bytes, passphrase: str, said: str) -> None:
    given = Secret(passphrase.encode()) if passphrase else None

    with pytest.raises(CredentialsUnavailableError, match=rf"^{OPTION} \(PEM text\): .*{said}") as caught:
        signed(private_key=key_text(data), passphrase=given)

    shown = everything_shown(caught.value)
    assert "s3cret" not in shown
    assert "czNjcmV0" not in shown
    assert not any(line in shown for line in data.decode().splitlines()[1:-1])
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("data", "algorithm", "needs"),
    [
        (pem(rsa_key()), "ES256", "a key for the elliptic curve P-256"),
        (pem(curve_key(ec.SECP384R1)), "ES256", "a key for the elliptic curve P-256"),
        (pem(curve_key()), "RS256", "an RSA key"),
        (pem(edwards_key()), "RS256", "an RSA key"),
    ],
)
def test_key_that_does_not_fit_the_algorithm_is_told(data: bytes, algorithm: str, needs: str) -> None:
    with pytest.raises(
        CredentialsUnavailableError, match=f"sasl_oauthbearer_assertion_algorithm='{algorithm}' needs {needs}"
    ):
        signed(private_key=key_text(data), algorithm=algorithm)


def test_absent_key_is_told() -> None:
    with pytest.raises(CredentialsUnavailableError, match=rf"^{OPTION}='/nowhere': cannot be read: No such file"):
        signed(private_key=PemSource(OPTION, path="/nowhere"))


@pytest.mark.interpreted
def test_variables_are_looked_at_in_these_tests() -> None:
    with pytest.raises(CredentialsUnavailableError) as caught:
        signed(private_key=key_text(b"s3cret"))

    assert frames_of_dekaf(caught.value) > 1
