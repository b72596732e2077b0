"""When a token provider is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._security.tokens import HeldToken, receive_token
from dekaf.security import OAuthToken

UNIX = 1_800_000_000.0
NOW = 5_000.0


def received(life: float, spread: float = 0.0) -> HeldToken:
    return receive_token(OAuthToken("t", UNIX + life), now=NOW, unix_time=UNIX, spread=spread)


@pytest.mark.parametrize(
    ("life", "earliest", "latest"),
    [
        (3600, 2880, 3060),  # 80 and 85 %
        (900, 600, 600),  # five minutes before the end
        (370, 70, 70),
        (360, 60, 60),  # not before a minute is over
        (359, 287.2, 305.15),  # too short for either
        (3, 2.4, 2.55),
        (1, 1, 1),
        (0.01, 1, 1),  # never in a tight loop
    ],
)
def test_next_one_is_asked_for_before_the_end(life: float, earliest: float, latest: float) -> None:
    assert received(life, 0.0).renew_at == pytest.approx(NOW + earliest)
    assert received(life, 1.0).renew_at == pytest.approx(NOW + latest)


@pytest.mark.parametrize("life", [0.0, -1.0, -1_700_000_000.0])
def test_token_that_comes_expired_is_held_for_ten_seconds(life: float) -> None:
    held = received(life)

    assert held.is_expired(NOW)
    assert not held.is_due(NOW + 9.999)
    assert held.is_due(NOW + 10.0)


def test_life_is_settled_at_receipt() -> None:
    held = received(100.0)

    assert held.life == pytest.approx(100.0)
    assert not held.is_expired(NOW + 99.9)
    assert held.is_expired(NOW + 100.0)


@given(st.floats(0.0, 1e10), st.floats(0.0, 1.0))
def test_no_token_is_replaced_within_a_second_nor_much_after_its_end(life: float, spread: float) -> None:
    held = received(life, spread)

    assert held.renew_at >= NOW + 1.0
    assert held.renew_at <= NOW + max(10.0, held.life)


def test_failed_renewal_keeps_the_token_and_is_repeated_after_ten_seconds() -> None:
    held = received(3600.0)

    kept = held.after_failure(NOW + 3000.0)

    assert kept.token is held.token
    assert kept.life == held.life
    assert kept.received_at == held.received_at
    assert kept.renew_at == NOW + 3010.0


@pytest.mark.mistake("ClickHouse #109125", "aws-msk-iam-sasl-signer-python #48", "aws-msk-iam-sasl-signer-net #25")
def test_refused_token_is_replaced_at_once() -> None:
    """ClickHouse #109125: a token outlived by far the credentials that had signed it, and was offered to its end."""
    refused = received(3600.0).after_refusal(NOW + 100.0)

    assert not received(3600.0).is_spent(NOW + 100.0)
    assert refused.is_spent(NOW + 100.0)
    assert refused.after_failure(NOW + 100.0).is_spent(NOW + 110.0)


def test_token_refused_as_soon_as_it_came_is_not_replaced_in_a_tight_loop() -> None:
    refused = received(3600.0).after_refusal(NOW + 0.1)

    assert refused.renew_at == NOW + 10.0


def test_refusal_does_not_put_off_what_was_due_earlier() -> None:
    held = received(3.0)

    assert held.after_refusal(NOW + 1.0).renew_at == held.renew_at
