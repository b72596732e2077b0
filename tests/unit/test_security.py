"""The token that a provider returns."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dekaf.errors import ConfigurationError
from dekaf.security import OAuthToken
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

TOKEN = OAuthToken("marker.x.y", 1_900_000_000, "alice", {"logicalCluster": "lkc-1"})


def test_it_gives_back_what_it_was_made_of() -> None:
    assert TOKEN.value == "marker.x.y"
    assert TOKEN.expires_at == 1_900_000_000
    assert TOKEN.principal == "alice"
    assert TOKEN.extensions == {"logicalCluster": "lkc-1"}


def test_end_may_be_a_datetime_of_any_zone() -> None:
    end = datetime(2030, 3, 17, 19, 46, 40, tzinfo=timezone(timedelta(hours=2)))

    assert OAuthToken("t", end).expires_at == end.timestamp() == 1_900_000_000.0
    assert OAuthToken("t", end.astimezone(UTC)) == OAuthToken("t", end)


def test_expired_one_is_a_token_all_the_same() -> None:
    assert OAuthToken("t", 0).expires_at == 0.0


@pytest.mark.parametrize(
    ("expires_at", "fault"),
    [
        (datetime(2030, 1, 1), "naive"),
        (1_900_000_000_000, "milliseconds, divide it by 1000"),
        (datetime.max.replace(tzinfo=UTC), "too late"),
        (10**400, "too late"),
        (float("inf"), "too late"),
        (float("nan"), "no time"),
        (-1, "no time"),
        (datetime.min.replace(tzinfo=UTC), "no time"),
        (True, "must be seconds since 1970 or an aware datetime, not bool"),
        ("1900000000", "not str"),
        (None, "not NoneType"),
    ],
)
def test_end_that_is_no_time_is_refused(expires_at: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=f"OAuthToken: expires_at: .*{fault}") as caught:
        OAuthToken("marker", expires_at)

    assert frames_of_dekaf(caught.value) > 0  # so there were variables to look at
    assert "marker" not in everything_shown(caught.value)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "is empty"),
        ("marker\n", "strip it"),
        ("marker x", "no token has"),
        ("marker\x01auth=Bearer other", "no token has"),
        ("marker\x01a=b", "no token has"),
        ("markerü", "no token has"),
        (b"marker", "must be a text, not bytes"),
        (None, "must be a text, not NoneType"),
    ],
)
def test_value_that_cannot_be_sent_is_refused_without_being_shown(value: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=f"OAuthToken: value: .*{fault}") as caught:
        OAuthToken(value, 1_900_000_000)

    assert "marker" not in everything_shown(caught.value)


@pytest.mark.parametrize(
    ("extensions", "fault"),
    [
        ({"auth": "x"}, "'auth'"),
        ({"a1": "x"}, "'a1'"),
        ({"": "x"}, "''"),
        ({"a": ""}, "a: a value"),
        ({"a": "x\x01auth=Bearer other"}, "a: a value"),
        ({"a": "ü"}, "a: a value"),
        ({"a": 1}, "a: a value"),
        ({1: "x"}, "1: a name"),
        ([("a", "b")], "must be a mapping of texts, not list"),
    ],
)
def test_extensions_that_cannot_be_sent_are_refused(extensions: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=f"OAuthToken: extensions: {fault}"):
        OAuthToken("marker", 1_900_000_000, extensions=extensions)


def test_principal_is_a_text() -> None:
    principal: Any = b"alice"

    with pytest.raises(ConfigurationError, match="OAuthToken: principal: must be a text, not bytes"):
        OAuthToken("marker", 1_900_000_000, principal)


def test_it_is_shown_nowhere() -> None:
    assert "marker" not in f"{TOKEN} {TOKEN!r}"
    assert "lkc-1" not in repr(TOKEN)
    assert "1900000000" in repr(TOKEN)
    with pytest.raises(TypeError):
        vars(TOKEN)


def test_it_does_not_change_with_what_it_was_made_of_nor_otherwise() -> None:
    extensions = {"a": "x"}
    token = OAuthToken("t", 1.0, extensions=extensions)
    extensions["a"] = "y"

    assert token.extensions == {"a": "x"}
    with pytest.raises(TypeError):
        token.extensions["a"] = "z"  # type: ignore[index]
    with pytest.raises(AttributeError):
        token.value = "other"  # type: ignore[misc]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda token: pickle.loads(pickle.dumps(token))])
def test_copies_are_equal(copied: Any) -> None:
    assert copied(TOKEN) == TOKEN
    assert hash(copied(TOKEN)) == hash(TOKEN)
    assert copied(TOKEN) != OAuthToken("marker.x.y", 1_900_000_000, "alice")
