"""Secrets keep what they hold to themselves."""

from __future__ import annotations

import pickle

import pytest

from dekaf._security.secret import Secret, secret_text
from dekaf.errors import ConfigurationError
from tests.unit.security.tracebacks import everything_shown


def test_it_is_shown_nowhere_but_revealed_on_request() -> None:
    secret = secret_text("sasl_password", "marker")

    assert secret.reveal() == b"marker"
    assert secret.reveal_text() == "marker"
    assert "marker" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        vars(secret)


def test_two_of_the_same_bytes_are_one_key() -> None:
    assert {Secret(b"a"): 1}[Secret(b"a")] == 1
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"


def test_an_empty_one_is_false() -> None:
    assert not Secret(b"")
    assert Secret(b" ")


def test_it_keeps_its_bytes_in_a_pickle() -> None:
    assert pickle.loads(pickle.dumps(Secret(b"marker"))) == Secret(b"marker")


def test_text_is_its_utf_8_without_normalization() -> None:
    decomposed = "u\u0308"

    assert secret_text("sasl_password", decomposed).reveal() == b"u\xcc\x88"


def test_bytes_that_are_no_text_are_refused_without_being_shown() -> None:
    from_environment = b"marker\xff".decode(errors="surrogateescape")

    with pytest.raises(ConfigurationError, match="sasl_password: is not valid UTF-8") as caught:
        secret_text("sasl_password", from_environment)

    assert "marker" not in everything_shown(caught.value)
    assert caught.value.__context__ is None
