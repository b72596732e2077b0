"""Token providers of other clients."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import pickle
import time
from collections.abc import Awaitable
from typing import Any

import pytest
from pydantic import SecretStr

from dekaf.errors import ConfigurationError
from dekaf.producer.masked import Masked
from dekaf.producer.translation.tokens import TextTokens, TupleTokens, expiry_of
from dekaf.security import OAuthToken
from tests.unit.security.tracebacks import everything_shown

LATER = 1_900_000_000.0


def jwt(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{body}.c2ln"


def resolved(token: OAuthToken | Awaitable[OAuthToken]) -> OAuthToken:
    if not isinstance(token, OAuthToken):
        assert inspect.iscoroutine(token)
        token = asyncio.run(token)
        assert isinstance(token, OAuthToken)
    return token


class OfKafkaPython:
    def __init__(self, given: Any) -> None:
        self.given = given

    def token(self) -> Any:
        return self.given

    def extensions(self) -> dict[str, str]:
        return {"logicalCluster": "lkc-1"}


class OfAiokafka:
    def __init__(self, given: Any) -> None:
        self.given = given

    async def token(self) -> Any:
        return self.given


def test_text_is_a_token_that_says_itself_when_it_expires() -> None:
    token = resolved(TextTokens(OfKafkaPython(jwt(exp=LATER))).token())

    assert (token.value, token.expires_at) == (jwt(exp=LATER), LATER)
    assert token.extensions == {"logicalCluster": "lkc-1"}


def test_a_coroutine_is_awaited_and_extensions_are_optional() -> None:
    token = resolved(TextTokens(OfAiokafka(jwt(exp=LATER))).token())

    assert (token.expires_at, token.extensions) == (LATER, {})


def test_a_token_of_ours_is_passed_on() -> None:
    token = OAuthToken("token", LATER)

    assert resolved(TextTokens(OfKafkaPython(token)).token()) is token


@pytest.mark.parametrize(
    "text", ["token", "a.b.c", "a.!!!.c", jwt(), jwt(exp="soon"), jwt(exp=True), "a.W10.c", f"{jwt(exp=LATER)}.d"]
)
def test_a_token_that_does_not_say_when_it_expires_is_asked_for_again_soon(text: str) -> None:
    before = time.time()

    assert before + 59 <= expiry_of(Masked(text)) <= time.time() + 61


@pytest.mark.parametrize("answer", [("token", LATER), ("token", LATER, "shop"), ("token", LATER, "shop", {"a": "1"})])
def test_an_oauth_cb_returns_two_to_four_parts(answer: tuple[Any, ...]) -> None:
    asked: list[str] = []

    def oauth_cb(config: str) -> tuple[Any, ...]:
        asked.append(config)
        return answer

    token = resolved(TupleTokens(oauth_cb, SecretStr("principal=shop")).token())

    assert (token.value, token.expires_at) == ("token", LATER)
    assert token.principal == ("shop" if len(answer) > 2 else "")
    assert token.extensions == ({"a": "1"} if len(answer) > 3 else {})
    assert asked == ["principal=shop"]


def test_an_oauth_cb_may_be_a_coroutine() -> None:
    async def oauth_cb(config: str) -> tuple[str, float]:
        return "token", LATER

    assert resolved(TupleTokens(oauth_cb, SecretStr("")).token()).value == "token"


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (TextTokens(OfKafkaPython(b"s3cret")), "must return text, not bytes"),
        (TextTokens(OfKafkaPython(("s3cret", 1))), "must return text, not tuple"),
        (TextTokens(OfKafkaPython("s3cret\n")), "white space"),
        (TextTokens(OfAiokafka(["s3cret"])), "must return text, not list"),
        (TupleTokens(lambda _: "s3cret", SecretStr("s3cret")), "oauth_cb: must return the token, when it expires"),
        (TupleTokens(lambda _: ("s3cret",), SecretStr("s3cret")), "not tuple"),
        (TupleTokens(lambda _: ("s3cret", LATER * 1000), SecretStr("s3cret")), "divide it by 1000"),
    ],
)
def test_what_is_no_token_is_an_error_that_does_not_show_it(tokens: TextTokens | TupleTokens, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        resolved(tokens.token())

    assert "s3cret" not in everything_shown(caught.value)


def test_adapted_providers_pickle_and_show_nothing() -> None:
    for tokens in (TextTokens(OfKafkaPython("s3cret")), TupleTokens(resolved, SecretStr("s3cret"))):
        assert "s3cret" not in f"{tokens!r} {tokens}"
        assert type(pickle.loads(pickle.dumps(tokens))) is type(tokens)
