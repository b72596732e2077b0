"""Classes of options: checked when they are made, frozen from then on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pydantic
import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer.config import ProducerConfig
from dekaf.producer.frozen_options import FrozenOptions, Refusal, option
from dekaf.producer.masked import Masked


def to_even(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("s3cret")
    if value % 2:
        raise ValueError("must be even")
    return value


def to_text(value: object) -> str:
    return str(value)


class Sizes(FrozenOptions):
    """Two options."""

    width: int = option(2, check=to_even, description="How wide.")
    name: str = option(check=to_text, description="What it is called.", default_factory=lambda: "unnamed")

    def __init__(self, **given: object) -> None:
        self.refusals: list[Refusal]
        self.__dict__["refusals"] = self._take(given)


def test_an_option_left_out_has_its_default() -> None:
    made = Sizes()

    assert (made.width, made.name) == (2, "unnamed")
    assert made.model_fields_set == set()


def test_an_option_given_is_what_its_check_makes_of_it() -> None:
    made = Sizes(name=5)

    assert (made.width, made.name) == (2, "5")
    assert made.model_fields_set == {"name"}


def test_every_value_refused_is_told_with_its_reason() -> None:
    refusals = Sizes(name="x", width=3).refusals

    assert [(refusal.name, refusal.value, str(refusal.reason)) for refusal in refusals] == [
        ("width", 3, "must be even")
    ]


def test_a_check_that_fails_on_a_value_refuses_it_and_quotes_nothing() -> None:
    [refusal] = Sizes(width="wide").refusals

    assert str(refusal.reason) == "cannot be used: looking at it raised TypeError"
    assert refusal.reason.__cause__ is None
    assert refusal.reason.__suppress_context__


def test_the_class_tells_its_options() -> None:
    assert list(Sizes.model_fields) == ["width", "name"]
    assert Sizes.model_fields["width"].description == "How wide."
    assert Sizes.model_fields["width"].get_default() == 2
    assert Sizes.model_fields["name"].get_default() is None
    assert Sizes.model_fields["name"].get_default(call_default_factory=True) == "unnamed"


def test_objects_are_equal_by_their_values() -> None:
    assert Sizes(width=2) == Sizes()
    assert Sizes(width=4) != Sizes()
    assert len({Sizes(width=2), Sizes()}) == 1
    assert Sizes() != (2, "unnamed")


def test_an_object_shows_its_values() -> None:
    assert repr(Sizes(width=4)) == "Sizes(width=4, name='unnamed')"


def test_an_object_whose_value_was_refused_can_be_shown() -> None:
    assert repr(Sizes(width=3)) == "Sizes(name='unnamed')"


@pytest.mark.parametrize("name", ["width", "model_fields_set", "extra"])
def test_nothing_can_be_changed_nor_is_the_value_shown(name: str) -> None:
    made = Sizes()

    with pytest.raises(pydantic.ValidationError, match="frozen") as caught:
        setattr(made, name, "s3cret")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        delattr(made, name)
    assert made == Sizes()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_a_copy_is_equal_and_knows_what_was_given(again: Any) -> None:
    made = ProducerConfig(bootstrap_servers="localhost:9092", linger_ms=7)

    copied = again(made)

    assert copied == made
    assert copied.model_fields_set == {"bootstrap_servers", "linger_ms"}
    assert copied.with_options(linger_ms=8).bootstrap_servers == ("localhost:9092",)


class Boxes(Sizes):
    """A class of more options."""

    depth: int = option(4, check=to_even, description="How deep.")


def test_a_class_has_the_options_of_its_base_first() -> None:
    assert list(Boxes.model_fields) == ["width", "name", "depth"]
    assert list(Sizes.model_fields) == ["width", "name"]
    assert Boxes(width=6, depth=8).model_dump() == {"width": 6, "name": "unnamed", "depth": 8}


def test_a_copy_may_have_other_values_without_a_check() -> None:
    made = Sizes(width=4)

    copied = made.model_copy(update={"name": "wide"})

    assert (copied.width, copied.name, made.name) == (4, "wide", "unnamed")
    assert copied.model_fields_set == {"width", "name"}


@pytest.mark.parametrize("given", [pydantic.SecretStr("paid"), Masked("paid"), Masked(pydantic.SecretStr("paid"))])
def test_a_check_gets_the_text_of_what_is_not_shown(given: object) -> None:
    assert Sizes(name=given).name == "paid"


class Settings(pydantic.BaseModel):
    """Settings of an application, dekaf's among them."""

    kafka: ProducerConfig


def test_settings_of_pydantic_may_hold_a_configuration() -> None:
    made = ProducerConfig(bootstrap_servers="localhost:9092", linger_ms=7)

    assert Settings(kafka=made).kafka is made
    assert Settings.model_validate({"kafka": {"bootstrap_servers": "localhost:9092", "linger_ms": "7"}}).kafka == made
    assert Settings.model_validate_json('{"kafka": {"backend": "memory"}}').kafka == ProducerConfig(backend="memory")
    assert Settings(kafka=made).model_dump(mode="json")["kafka"]["linger_ms"] == 7
    assert "linger_ms" in Settings.model_json_schema()["$defs"]["ProducerConfig"]["properties"]


def test_settings_of_pydantic_refuse_what_the_configuration_refuses() -> None:
    with pytest.raises(pydantic.ValidationError, match="lingre_ms: no such option; did you mean linger_ms"):
        Settings.model_validate({"kafka": {"lingre_ms": 5}})
    with pytest.raises(ConfigurationError, match="lingre_ms: no such option"):
        ProducerConfig.from_mapping({"lingre_ms": 5})
