"""What one authentication proves: the exchange of its mechanism, and nothing of it on show."""

from __future__ import annotations

import time

import pytest

from dekaf._security.credentials import Credentials
from dekaf._security.exchange import SaslExchange
from dekaf._security.mechanism import Mechanism
from dekaf._security.oauth_bearer import OAuthBearerExchange
from dekaf._security.plain import PlainExchange
from dekaf._security.scram import ScramExchange
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError
from dekaf.security import OAuthToken

PASSWORD = Secret(b"wonder")


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        (Mechanism.PLAIN, PlainExchange),
        (Mechanism.SCRAM_SHA_256, ScramExchange),
        (Mechanism.SCRAM_SHA_512, ScramExchange),
        (Mechanism.OAUTHBEARER, OAuthBearerExchange),
    ],
)
def test_every_mechanism_has_its_exchange_which_is_used_once(mechanism: Mechanism, kind: type[SaslExchange]) -> None:
    token = OAuthToken("abc", time.time() + 60, principal="alice")
    credentials = Credentials(mechanism, username="alice", password=PASSWORD, token=token)

    first, second = credentials.exchange("b:9092"), credentials.exchange("b:9092")

    assert type(first) is kind
    assert first is not second
    assert first.mechanism is mechanism


def test_token_that_is_missing_is_told_by_the_option_that_gives_it() -> None:
    with pytest.raises(ConfigurationError, match="sasl_oauth_token_provider"):
        Credentials(Mechanism.OAUTHBEARER).exchange("b:9092")


def test_principal_is_the_tokens_where_there_is_one() -> None:
    token = OAuthToken("abc", time.time() + 60, principal="bob")

    assert Credentials(Mechanism.PLAIN, username="alice").principal == "alice"
    assert Credentials(Mechanism.OAUTHBEARER, token=token).principal == "bob"


def test_representation_shows_who_and_not_the_proof() -> None:
    token = OAuthToken("s3cret", time.time() + 60, principal="bob")

    assert repr(Credentials(Mechanism.PLAIN, username="alice", password=PASSWORD)) == "<Credentials PLAIN 'alice'>"
    assert repr(Credentials(Mechanism.OAUTHBEARER, token=token)) == "<Credentials OAUTHBEARER 'bob'>"


@pytest.mark.parametrize(
    ("credentials", "words", "shown"),
    [
        (Credentials(Mechanism.PLAIN, username="a", password=Secret(b"wonder")), "Not wonder!", "Not ***!"),
        (Credentials(Mechanism.PLAIN, username="a", password=Secret(b"no")), "no such user", "no such user"),
        (
            Credentials(Mechanism.OAUTHBEARER, token=OAuthToken("aaa.bbb", 4e9)),
            '{"token":"aaa.bbb"}',
            '{"token":"***"}',
        ),
    ],
)
def test_words_of_a_broker_do_not_repeat_the_secret(credentials: Credentials, words: str, shown: str) -> None:
    assert credentials.masked(words) == shown
