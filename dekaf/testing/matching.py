"""Compare what was produced with what a test expects: values by meaning, fields one by one, and what is left open."""

from __future__ import annotations

import dataclasses
import json
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeGuard, final

import pydantic_core

__all__ = ("ANY", "UNSAID", "Difference", "Including", "compare_bytes", "compare_headers", "including")

_NUMBERS: Final = (struct.Struct(">i"), struct.Struct(">q"))  # what the serializers of int write besides text
_DOUBLE: Final = struct.Struct(">d")
_SHOWN: Final = 200  # characters of a value in a difference


class _Word:
    """A value that stands for itself, and prints as its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


@final
class _Any(_Word):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment] # it equals everything, so no hash would do


ANY: Final[Any] = _Any("ANY")  # Any: it may stand in every field of a typed dict or dataclass
UNSAID: Final[Any] = _Word("anything")  # an argument that was left out; None means Kafka's null


@final
class Including:
    """Some fields of a JSON object; it may have others."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields: Final = fields

    def __repr__(self) -> str:
        return f"including({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


def including(fields: Mapping[str, object] | None = None, /, **named: object) -> Any:
    """Return what stands for every JSON object that has these fields, among others.

    Args:
        fields: Fields whose names are no identifiers.
        named: Fields by name. A field may itself be `including`, `ANY`, a function that says whether a value is right,
            or a type.

    Example:
        >>> kafka.assert_produced("orders", value=including(status="paid", total=lambda total: total > 0, at=ANY))
    """
    return Including({**(fields or {}), **named})  # typed Any, so that it may stand in a field of any type


class Difference(NamedTuple):
    """One thing that is not as expected."""

    path: str
    text: str
    weight: int = 1  # how far off it is: a value of another kind counts for all of its fields

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


# Keys and values: bytes against anything.


def compare_bytes(actual: bytes | None, expected: object, path: str) -> list[Difference]:
    """Return in what a key or a value differs from what is expected.

    Args:
        actual: As it was produced.
        expected: Bytes as they are, a str as UTF-8, None for null; a number or a UUID in any form that a serializer
            writes; `including` and what holds fields as the JSON it stands for; a function of the value read as JSON,
            or of a key as text.
        path: ``"key"`` or ``"value"``.
    """
    if expected is UNSAID or expected is ANY:
        return []
    if actual is None or expected is None or isinstance(expected, str | bytes | bytearray | memoryview):
        wanted = expected.encode() if isinstance(expected, str) else expected
        return [] if actual == wanted else [_other(path, expected, actual)]
    if actual in _binary_forms(expected):
        return []
    if path == "key" and _is_predicate(expected):
        return list(_compare(actual.decode(errors="replace"), expected, path))
    try:
        data: object = json.loads(actual)
    except ValueError:
        return [Difference(path, f"expected {_short(expected)}, was no JSON: {_short(actual)}", _size(expected))]
    return list(_compare(data, expected, path))


def _binary_forms(expected: object) -> list[bytes]:
    """Return what serializers other than JSON write for a value."""
    if isinstance(expected, uuid.UUID):
        return [str(expected).encode()]
    if isinstance(expected, float):
        return [_DOUBLE.pack(expected)]
    if not isinstance(expected, int) or isinstance(expected, bool):
        return []
    forms = [str(expected).encode()]
    for number in _NUMBERS:
        try:
            forms.append(number.pack(expected))
        except struct.error:  # it does not fit
            continue
    return forms


def compare_headers(actual: tuple[tuple[str, bytes | None], ...], expected: object) -> list[Difference]:
    """Return which headers are missing or different; others than the expected ones do not matter.

    Args:
        actual: As they were produced.
        expected: A mapping, or pairs; a value may be a str, bytes, None, `ANY`, or a function of the text.
    """
    wanted: Any = expected.items() if isinstance(expected, Mapping) else expected
    return [
        difference for name, value in wanted for difference in _compare_header(actual, name, value, f"headers.{name}")
    ]


def _compare_header(
    actual: tuple[tuple[str, bytes | None], ...], name: str, expected: object, path: str
) -> Iterator[Difference]:
    found = [value for other, value in actual if other == name]
    if not found:
        yield Difference(path, f"expected {_short(expected)}, is missing")
    elif not any(_is_header(value, expected) for value in found):
        yield Difference(path, f"expected {_short(expected)}, was {', '.join(map(_short, found))}")


def _is_header(actual: bytes | None, expected: object) -> bool:
    if expected is ANY:
        return True
    if _is_predicate(expected):
        return actual is not None and not list(_compare(actual.decode(errors="replace"), expected, ""))
    return actual == (expected.encode() if isinstance(expected, str) else expected)


# Data: what JSON was read into, against anything.


def _compare(actual: object, expected: object, path: str) -> Iterator[Difference]:
    if isinstance(expected, Including):
        yield from _compare_fields(actual, expected.fields, path, may_have_others=True)
    elif isinstance(expected, Mapping):
        fields = {name if isinstance(name, str) else _key(name): value for name, value in expected.items()}
        yield from _compare_fields(actual, fields, path, may_have_others=False)
    elif isinstance(expected, list | tuple):
        yield from _compare_items(actual, list(expected), path)
    elif isinstance(expected, type):
        if not isinstance(actual, expected):
            yield Difference(path, f"expected {expected.__name__}, was {_short(actual)}")
    elif _is_predicate(expected):
        yield from _ask(actual, expected, path)
    else:
        yield from _compare_plain(actual, expected, path)


def _compare_fields(
    actual: object, fields: Mapping[str, object], path: str, *, may_have_others: bool
) -> Iterator[Difference]:
    if not isinstance(actual, dict):
        yield Difference(path, f"expected an object, was {_short(actual)}", len(fields) + 1)
        return
    for name, expected in fields.items():
        if name in actual:
            yield from _compare(actual[name], expected, f"{path}.{name}")
        else:
            yield Difference(f"{path}.{name}", f"expected {_short(expected)}, is missing")
    if not may_have_others:
        for name in sorted(actual.keys() - fields.keys()):
            yield Difference(f"{path}.{name}", f"not expected, was {_short(actual[name])}")


def _compare_items(actual: object, items: list[object], path: str) -> Iterator[Difference]:
    if not isinstance(actual, list):
        yield Difference(path, f"expected a list, was {_short(actual)}", len(items) + 1)
        return
    for index, (one, expected) in enumerate(zip(actual, items, strict=False)):
        yield from _compare(one, expected, f"{path}[{index}]")
    if len(actual) != len(items):
        yield Difference(path, f"expected {len(items)} items, was {len(actual)}")


def _compare_plain(actual: object, expected: object, path: str) -> Iterator[Difference]:
    """Compare with what is no container, has no matchers inside, or is a model or a dataclass."""
    try:
        data: object = json.loads(pydantic_core.to_json(expected, by_alias=True, inf_nan_mode="null"))
    except pydantic_core.PydanticSerializationError:
        if dataclasses.is_dataclass(expected) and not isinstance(expected, type):  # with ANY in it, for one
            fields = {field.name: getattr(expected, field.name) for field in dataclasses.fields(expected)}
            yield from _compare_fields(actual, fields, path, may_have_others=False)
        elif actual != expected:  # it compares itself: ANY, unittest.mock's, pytest.approx, …
            yield _other(path, expected, actual)
        return
    if isinstance(data, dict | list):
        yield from _compare(actual, data, path)
    elif json.dumps(actual, sort_keys=True) != json.dumps(data):  # as text, for in Python 1 equals True
        yield _other(path, expected, actual)


def _ask(actual: object, is_right: Callable[[Any], object], path: str) -> Iterator[Difference]:
    try:
        answer = is_right(actual)
    except Exception as error:
        yield Difference(path, f"{_name(is_right)} raised {error!r} for {_short(actual)}")
        return
    if not answer:
        yield Difference(path, f"{_name(is_right)} says no to {_short(actual)}")


def _is_predicate(expected: object) -> TypeGuard[Callable[[Any], object]]:
    return callable(expected) and not isinstance(expected, type)


def _key(name: object) -> str:
    """Return what JSON makes of the name of a field that is no str."""
    (written,) = json.loads(pydantic_core.to_json({name: None}))
    return str(written)


def _other(path: str, expected: object, actual: object) -> Difference:
    return Difference(path, f"expected {_short(expected)}, was {_short(actual)}", _size(expected))


def _size(expected: object) -> int:
    fields = expected.fields if isinstance(expected, Including) else expected
    return len(fields) + 1 if isinstance(fields, Mapping) else 1


def _short(value: object) -> str:
    text = _name(value) if _is_predicate(value) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _name(function: object) -> str:
    name: str = getattr(function, "__qualname__", repr(function))
    return "the lambda" if name.endswith("<lambda>") else name.rpartition("<locals>.")[2]
