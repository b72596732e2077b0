"""Values that neither a representation nor a traceback with local variables shows."""

from __future__ import annotations

import traceback

import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer.masked import Masked, masked, masked_keywords, unmasked, without_frames

SECRET = "s3cret"


def shown_of(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_masked_value_is_there_and_not_shown() -> None:
    value = masked(SECRET)

    assert value.reveal() == unmasked(value) == SECRET
    assert f"{value} {value!r} {[value]}" == "<not shown> <not shown> [<not shown>]"


def test_value_is_masked_once() -> None:
    value = masked(SECRET)

    assert masked(value) is value


def test_value_that_is_not_masked_is_returned_as_it_is() -> None:
    assert unmasked(SECRET) is SECRET


def test_keywords_are_masked_and_gone_from_the_frame_they_came_in() -> None:
    given = {"sasl_password": SECRET, "linger_ms": 5}

    taken = masked_keywords(given)

    assert given == {}
    assert {name: unmasked(value) for name, value in taken.items()} == {"sasl_password": SECRET, "linger_ms": 5}
    assert all(isinstance(value, Masked) for value in taken.values())


def test_error_is_raised_anew_without_the_frames_that_hold_plain_values() -> None:
    def look_at_it() -> None:
        password = SECRET
        raise ConfigurationError(f"sasl_password: has {len(password)} characters")

    with pytest.raises(ConfigurationError, match="has 6 characters") as caught:
        without_frames(look_at_it)

    innermost = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert innermost.name == "without_frames"
    assert caught.value.__context__ is None


def test_what_a_call_returns_is_returned() -> None:
    assert without_frames(lambda: 7) == 7
