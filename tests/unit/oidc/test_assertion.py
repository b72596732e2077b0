"""Where assertions come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.assertion import assertion_of
from dekaf._security.oidc_options import AssertionFile, SignedAssertion
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.unit.oidc.signing_keys import header_of, pem, rsa_key


def test_assertion_of_a_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "jwt"
    path.write_text("a.b.c\n")
    first = assertion_of(AssertionFile(path=str(path)))
    path.write_text("d.e.f\n")

    assert (first, assertion_of(AssertionFile(path=str(path)))) == (Secret(b"a.b.c"), Secret(b"d.e.f"))


def test_file_that_is_empty_is_named_with_its_option(tmp_path: Path) -> None:
    path = tmp_path / "jwt"
    path.touch()

    with pytest.raises(CredentialsUnavailableError, match=rf"^sasl_oauthbearer_assertion_file='{path}': is empty\.$"):
        assertion_of(AssertionFile(path=str(path)))


def test_assertion_may_be_signed_here() -> None:
    key = PemSource("sasl_oauthbearer_assertion_private_key_file", text=Secret(pem(rsa_key())))

    assert header_of(assertion_of(SignedAssertion(private_key=key)).reveal_text())["alg"] == "RS256"
