"""PLAIN."""

from __future__ import annotations

import pytest

from dekaf._security.exchange import Finished
from dekaf._security.mechanism import Mechanism
from dekaf._security.plain import PlainExchange
from dekaf._security.secret import Secret
from dekaf.errors import AuthenticationError, ConfigurationError
from tests.unit.security.tracebacks import everything_shown

PASSWORD = Secret(b"marker")


def test_message_holds_user_and_password_behind_nuls() -> None:
    exchange = PlainExchange("b:9092", "u", Secret(b"p"))

    assert exchange.mechanism is Mechanism.PLAIN
    assert exchange.start().reveal() == b"\x00u\x00p"
    assert exchange.receive(b"") == Finished()


def test_names_and_passwords_beyond_ascii_are_utf_8() -> None:
    exchange = PlainExchange("b:9092", "ü", Secret("ключ".encode()))

    assert exchange.start().reveal() == "\x00ü\x00ключ".encode()


@pytest.mark.parametrize("username", ["$ConnectionString", "a,b=c", "token:x y"])
def test_names_are_sent_as_they_are(username: str) -> None:
    assert PlainExchange("b:9092", username, Secret(b"p")).start().reveal() == f"\x00{username}\x00p".encode()


@pytest.mark.parametrize(
    ("username", "password", "fault"),
    [
        ("", b"marker", "sasl_username: must not be empty"),
        ("u", b"", "sasl_password: must not be empty"),
        ("u\x00v", b"marker", "sasl_username: must not hold the character NUL"),
        ("u", b"marker\x00", "sasl_password: must not hold the character NUL"),
        ("u\udcff", b"marker", "sasl_username: is not valid UTF-8"),
    ],
)
def test_what_cannot_be_sent_is_refused(username: str, password: bytes, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault) as caught:
        PlainExchange("b:9092", username, Secret(password))

    assert "marker" not in everything_shown(caught.value)


def test_broker_that_asks_on_is_refused() -> None:
    exchange = PlainExchange("b:9092", "u", PASSWORD)
    exchange.start()

    with pytest.raises(AuthenticationError, match=r"b:9092 answered PLAIN with a challenge.*: more") as caught:
        exchange.receive(b"more")

    assert "marker" not in everything_shown(caught.value)
