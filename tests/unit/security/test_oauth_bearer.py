"""OAUTHBEARER."""

from __future__ import annotations

import pytest

from dekaf._security.exchange import Finished, Send
from dekaf._security.mechanism import Mechanism
from dekaf._security.oauth_bearer import OAuthBearerExchange
from dekaf._security.secret import Secret
from dekaf.errors import AuthenticationError
from dekaf.security import OAuthToken
from tests.unit.security.tracebacks import everything_shown

REFUSAL = b'{"status":"invalid_token","scope":"kafka"}'


def an_exchange(**extensions: str) -> OAuthBearerExchange:
    return OAuthBearerExchange("b:9092", OAuthToken("marker.x.y", 1_900_000_000, extensions=extensions))


def test_message_holds_the_token() -> None:
    exchange = an_exchange()

    assert exchange.mechanism is Mechanism.OAUTHBEARER
    assert exchange.start().reveal() == b"n,,\x01auth=Bearer marker.x.y\x01\x01"
    assert exchange.receive(b"") == Finished()
    assert exchange.challenge_text() == ""


def test_extensions_follow_the_token() -> None:
    exchange = an_exchange(logicalCluster="lkc-1", identityPoolId="pool-2")

    assert exchange.start().reveal() == (
        b"n,,\x01auth=Bearer marker.x.y\x01logicalCluster=lkc-1\x01identityPoolId=pool-2\x01\x01"
    )


@pytest.mark.mistake("kafka-python #2572")
def test_broker_that_refuses_is_answered_so_that_it_can_say_so() -> None:
    exchange = an_exchange()
    exchange.start()

    assert exchange.receive(REFUSAL) == Send(Secret(b"\x01"))
    assert exchange.challenge_text() == '{"status":"invalid_token","scope":"kafka"}'


def test_broker_that_refuses_and_then_consents_is_not_believed() -> None:
    exchange = an_exchange()
    exchange.start()
    exchange.receive(REFUSAL)

    with pytest.raises(AuthenticationError, match=r"b:9092 did not accept the OAuth token: .*invalid_token") as caught:
        exchange.receive(b"")

    assert "marker" not in everything_shown(caught.value)


@pytest.mark.parametrize("challenge", [b"[" * 100_000, b"\xff\x00\n", b"{" + b"x" * 10_000_000])
def test_reasons_are_shown_on_one_short_line_whatever_they_are(challenge: bytes) -> None:
    exchange = an_exchange()
    exchange.start()
    exchange.receive(challenge)

    assert 0 < len(exchange.challenge_text()) <= 301
    assert exchange.challenge_text().isprintable()
