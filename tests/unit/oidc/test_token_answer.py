"""What is made of the answers of token endpoints, good ones and others."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.token_answer import CHECK_OPTIONS, refused_error, token_of_answer, token_of_text
from dekaf._security.secret import Secret
from dekaf.security import OAuthToken
from tests.oauth import unsecured_token
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

NOW = 1_800_000_000.0
WHERE = "The token endpoint https://id.example/token"
DECADE = 10 * 365 * 86_400


def answered(body: bytes, extensions: dict[str, str] | None = None) -> OAuthToken:
    return token_of_answer(Secret(body), unix_time=NOW, extensions=extensions or {}, where=WHERE)


def read(text: str) -> OAuthToken:
    return token_of_text(Secret(text.encode()), unix_time=NOW, extensions={}, where="The file")


def as_it_is(text: str) -> str:
    return text


def test_token_of_an_answer() -> None:
    body = b'{"access_token":"opaque","token_type":"Bearer","expires_in":3600}'

    token = answered(body, {"logicalCluster": "lkc-1"})

    assert token == OAuthToken("opaque", NOW + 3600, "", {"logicalCluster": "lkc-1"})


def test_id_token_is_taken_where_there_is_no_access_token() -> None:
    assert answered(b'{"id_token":"second","expires_in":60}').value == "second"
    assert answered(b'{"access_token":"","id_token":"second"}').value == "second"
    assert answered(b'{"access_token":"first","id_token":"second"}').value == "first"


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        ("3600", 3600),
        ('"3600"', 3600),
        ('" 3600.5 "', 3600.5),
        ("0", 0),
        ("-1", -1),
        ('"soon"', 300),
        ("null", 300),
        ("true", 300),
        ("[]", 300),
        ("NaN", 300),
        ('"nan"', 300),
        ("1e300", DECADE),
        ("Infinity", DECADE),
        ("9223372036854775807", DECADE),
        ("1" + "0" * 400, DECADE),
    ],
)
def test_life_of_a_token(life: str, seconds: float) -> None:
    """What says nothing is as good as absent; what means for ever is a decade: later times are milliseconds' mark."""
    assert answered(b'{"access_token":"t","expires_in":%b}' % life.encode()).expires_at == NOW + seconds


@pytest.mark.parametrize("life", ["-Infinity", "-1e300", "-1" + "0" * 400])
def test_token_that_expired_ages_ago_is_still_one(life: str) -> None:
    """It is offered to the broker, whose clock decides."""
    assert answered(b'{"access_token":"t","expires_in":%b}' % life.encode()).expires_at == 0.0


def test_absent_life_is_what_a_jwt_says() -> None:
    token = unsecured_token("alice", lifetime=77, now=NOW)

    found = answered(json.dumps({"access_token": token}).encode())

    assert found == OAuthToken(token, NOW + 77, "alice")


def test_life_that_the_endpoint_says_precedes_that_of_a_jwt() -> None:
    """It does not depend on what this machine's clock shows."""
    token = unsecured_token("alice", lifetime=77, now=NOW - 9000)

    assert answered(json.dumps({"access_token": token, "expires_in": 50}).encode()).expires_at == NOW + 50


@pytest.mark.parametrize(
    ("claims", "expires_at"),
    [
        ({"exp": NOW + 5}, NOW + 5),
        ({"exp": str(NOW + 5)}, NOW + 5),
        ({"exp": (NOW + 5) * 1000}, NOW + DECADE),
        ({"exp": -5}, 0),
        ({"exp": None}, NOW + 300),
        ({"exp": [1]}, NOW + 300),
    ],
)
def test_token_of_a_file_lives_as_long_as_it_says(claims: dict[str, Any], expires_at: float) -> None:
    assert read(unsecured_token("alice", claims=claims, now=NOW)).expires_at == expires_at


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "..", "a.b", "a.W10.c", "a.bnVsbA.c", "." * 60_000, "a.!!!!!.c"])
def test_what_is_no_jwt_lives_for_five_minutes(text: str) -> None:
    assert read(text) == OAuthToken(text, NOW + 300)


def test_claims_that_are_nested_deeply_are_no_claims() -> None:
    nested = base64.urlsafe_b64encode(b"[" * 20_000).decode()

    assert read(f"a.{nested}.c").expires_at == NOW + 300


def test_principal_fits_on_a_screen() -> None:
    token = read(unsecured_token("mallory\n\x1b[2J" + "x" * 5000, now=NOW))

    assert token.principal.startswith("mallory\\n\\x1b[2Jxxx")
    assert token.principal.isprintable()
    assert len(token.principal) <= 301


@pytest.mark.parametrize(
    "body", [b"", b"s3cret", b"<html>s3cret</html>", b'["s3cret"]', b"null", b'{"access_token":"s3cret"', b"[" * 60_000]
)
def test_what_is_no_json_object_is_told_and_not_shown(body: bytes) -> None:
    with pytest.raises(CredentialsUnavailableError, match=f"^{WHERE} did not answer with a JSON object") as caught:
        answered(body)

    assert "s3cret" not in everything_shown(caught.value)


@pytest.mark.parametrize("fields", [{}, {"access_token": None}, {"access_token": 5}, {"access_token": ["s3cret"]}])
def test_answer_without_a_token_is_told(fields: dict[str, Any]) -> None:
    body = json.dumps({**fields, "refresh_token": "s3cret"}).encode()

    with pytest.raises(CredentialsUnavailableError, match=f"^{WHERE} answered without an access_token.$") as caught:
        answered(body)

    assert "s3cret" not in everything_shown(caught.value)


def test_error_in_a_successful_answer_is_told() -> None:
    with pytest.raises(CredentialsUnavailableError, match=r"without an access_token\. It says: bad_code: Try again\.$"):
        answered(b'{"error":"bad_code","error_description":"Try again."}')


@pytest.mark.parametrize("value", ["s3cret s3cret", "s3cretü", "s3cret\n", "s3cret\ud800"])
def test_token_that_cannot_be_sent_is_told_and_not_shown(value: str) -> None:
    with pytest.raises(CredentialsUnavailableError, match=f"^{WHERE} gave a token that cannot be used: ") as caught:
        answered(json.dumps({"access_token": value}).encode())

    assert "s3cret" not in everything_shown(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.interpreted
def test_variables_are_looked_at_in_these_tests() -> None:
    with pytest.raises(CredentialsUnavailableError) as caught:
        answered(b'{"access_token":"s3cret s3cret"}')

    assert frames_of_dekaf(caught.value) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":"invalid_client"}', " It says: invalid_client."),
        (b'{"error":"invalid_scope","error_description":"No such scope."}', " It says: invalid_scope: No such scope."),
        (b'{"errorCode":"E1","errorSummary":"Not found"}', " It says: E1: Not found."),  # Okta's
        (b'{"error":{"nested":1},"error_description":["x"]}', ""),
        (b"<html>Forbidden</html>", ""),
        (b"", ""),
    ],
)
def test_refusal_is_told_in_the_words_of_the_endpoint(body: bytes, said: str) -> None:
    error = refused_error(401, Secret(body), WHERE, as_it_is)

    assert str(error) == f"{WHERE} refused to give a token (HTTP 401){CHECK_OPTIONS}.{said}"


def test_words_of_the_endpoint_are_printable_and_bounded() -> None:
    body = json.dumps({"error": "bad\r\n\x1b[2J\u202e" + "x" * 60_000}).encode()

    text = str(refused_error(400, Secret(body), WHERE, as_it_is))

    assert text.isprintable()
    assert len(text) < 600


def test_words_of_the_endpoint_do_not_repeat_secrets() -> None:
    body = b'{"error":"no","error_description":"s3cret is wrong"}'

    text = str(refused_error(401, Secret(body), WHERE, lambda words: words.replace("s3cret", "***")))

    assert text.endswith("It says: no: *** is wrong.")
