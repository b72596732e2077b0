"""The names of dekaf.testing, which are looked up late."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dekaf import testing

STUB = Path(testing.__file__).with_suffix(".pyi")


def test_names_are_sorted() -> None:
    assert list(testing.__all__) == sorted(testing.__all__, key=lambda name: (not name.isupper(), name))


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    assert getattr(testing, name, testing) is not testing


def test_type_checkers_are_told_the_same_names_and_homes() -> None:
    imports = [node for node in ast.parse(STUB.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    told = {alias.name: node.module for node in imports for alias in node.names}

    assert told == vars(testing)["_HOMES"]
    assert set(told) == set(testing.__all__)


def test_names_are_listed() -> None:
    assert set(testing.__all__) <= set(dir(testing))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'dekaf\.testing' has no attribute 'FakeKafka'"):
        getattr(testing, "FakeKafka")  # noqa: B009 - type checkers know that it does not exist
