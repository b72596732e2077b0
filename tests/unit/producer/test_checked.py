"""Whatever a value does when it is looked at, it is a fault of its option alone."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from dekaf.producer.checked import checked
from dekaf.producer.masked import masked


class Explosive:
    """A lazy object of a framework, outside of what it needs."""

    def __len__(self) -> int:
        raise LookupError("s3cret")


def length_of(value: object) -> int:
    if not isinstance(value, str | Explosive):
        raise ValueError("must be a str")  # noqa: TRY004 # as checks of options do
    return len(value)


class Options(BaseModel):
    size: Annotated[object, checked(length_of)]


@pytest.mark.parametrize("given", ["four", SecretStr("four"), masked("four"), masked(SecretStr("four"))], ids=repr)
def test_check_gets_the_value_however_it_is_wrapped(given: object) -> None:
    assert Options(size=given).size == 4


def test_fault_that_the_check_finds_is_its_own() -> None:
    with pytest.raises(ValidationError, match="must be a str"):
        Options(size=7)


def test_whatever_else_is_raised_is_named_and_not_quoted() -> None:
    with pytest.raises(ValidationError, match="looking at it raised LookupError") as caught:
        Options(size=Explosive())

    assert "s3cret" not in str(caught.value.errors()[0]["msg"])
