"""A broker's words in our messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._security.broker_text import bounded_text, decoded_text


def test_usual_text_stays_as_it_is() -> None:
    assert bounded_text("Authentication failed: ungültig") == "Authentication failed: ungültig"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nERROR b", "a\\nERROR b"), ("a\x1b[2J", "a\\x1b[2J"), ("a\u202eb", "a\\u202eb"), ("\ufeff{}", "\\ufeff{}")],
    ids=["a second line of a log", "terminal", "right to left", "byte order mark"],
)
def test_what_would_disturb_a_log_is_escaped(text: str, shown: str) -> None:
    assert bounded_text(text) == shown


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decoded_text(b"a\xffb") == "a\ufffdb"


@given(st.binary(max_size=2000))
def test_whatever_comes_is_printable_and_short(data: bytes) -> None:
    shown = decoded_text(data)

    assert len(shown) <= 301
    assert shown.isprintable()


def test_a_long_text_says_that_it_was_cut() -> None:
    assert bounded_text("x" * 301) == "x" * 300 + "…"
    assert decoded_text(b"x" * 100_000_000).endswith("…")
