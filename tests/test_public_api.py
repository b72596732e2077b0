"""What users import: complete, sorted, and picklable where it crosses processes."""

from __future__ import annotations

import ast
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import dekaf
from dekaf import errors

PACKAGE = Path(dekaf.__file__).parent

# Enough to tell a lost attribute from a default one.
PRODUCE_ERROR_ATTRIBUTES: dict[str, Any] = {
    "topic": "orders",
    "partition": 3,
    "code": 7,
    "is_retriable": True,
    "may_be_persisted": True,
    "field": "key",
}


def exceptions() -> list[type[BaseException]]:
    members: list[object] = [getattr(errors, name) for name in errors.__all__]
    return [member for member in members if isinstance(member, type) and issubclass(member, BaseException)]


def an_example(kind: type[BaseException]) -> BaseException:
    if not issubclass(kind, errors.ProduceError):
        return kind("what happened")
    parameters = inspect.signature(kind).parameters
    return kind("what happened", **{k: v for k, v in PRODUCE_ERROR_ATTRIBUTES.items() if k in parameters})


def public_modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        is_private = any(part.startswith("_") and part != "__init__.py" for part in inside.parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_only_docstring = len(tree.body) == 1 and ast.get_docstring(tree) is not None
        if not is_private and not is_only_docstring:
            yield str(inside), tree


def declares_all(tree: ast.Module) -> bool:
    return any(
        isinstance(target, ast.Name) and target.id == "__all__"
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
    )


def test_exported_names_are_sorted() -> None:
    assert list(dekaf.__all__) == sorted(dekaf.__all__)


def test_exported_names_are_unique_and_importable() -> None:
    assert len(set(dekaf.__all__)) == len(dekaf.__all__)
    assert [name for name in dekaf.__all__ if not hasattr(dekaf, name)] == []


def test_every_public_name_is_exported() -> None:
    public = {
        name
        for name, member in vars(dekaf).items()
        if not name.startswith("_") and not isinstance(member, ModuleType) and name != "annotations"
    }

    assert public - set(dekaf.__all__) == set()


def test_every_public_module_declares_its_names() -> None:
    assert [path for path, tree in public_modules() if not declares_all(tree)] == []


def test_every_exception_class_is_exported_by_its_module() -> None:
    defined = {
        name
        for name, member in vars(errors).items()
        if isinstance(member, type) and issubclass(member, BaseException) and member.__module__.startswith("dekaf")
    }

    assert defined - set(errors.__all__) == set()


@pytest.mark.parametrize("kind", exceptions(), ids=lambda kind: kind.__name__)
def test_exceptions_survive_pickling(kind: type[BaseException]) -> None:
    original = an_example(kind)

    copy: object = pickle.loads(pickle.dumps(original))

    assert type(copy) is kind
    assert str(copy) == str(original)
    assert vars(copy) == vars(original)


@pytest.mark.parametrize("kind", exceptions(), ids=lambda kind: kind.__name__)
def test_exceptions_can_be_caught_as_dekaf_errors(kind: type[BaseException]) -> None:
    assert issubclass(kind, errors.DekafError)
