"""What is expected of keys, values and headers, against what was produced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pydantic
import pytest

from dekaf.testing import ANY, including
from dekaf.testing.matching import compare_bytes, compare_headers

VALUE = b'{"id":42,"status":"paid","at":"2026-01-02T03:04:05Z","lines":[{"item":"decaf","price":1.5},{"item":"tea"}]}'


LINES = "[{'item': 'decaf', 'price': 1.5}, {'item': 'tea'}]"


def texts(actual: bytes | None, expected: object, path: str = "value") -> list[str]:
    return [str(difference) for difference in compare_bytes(actual, expected, path)]


@dataclass
class Order:
    id: int
    status: str
    at: Any
    lines: list[Any]


class Event(pydantic.BaseModel):
    order_id: int = pydantic.Field(alias="orderId")


@pytest.mark.parametrize(
    "expected",
    [
        ANY,
        including(status="paid"),
        including(status="paid", at=ANY, id=int),
        including({"id": 42}, status=lambda status: status.startswith("p")),
        including(lines=[including(item="decaf"), {"item": "tea"}]),
        including(lines=[ANY, ANY]),
        including(lines=[{"item": "decaf", "price": pytest.approx(1.5)}, ANY]),
        including(at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        {"id": 42, "status": mock.ANY, "at": ANY, "lines": list},
        Order(42, "paid", ANY, [ANY, ANY]),
        lambda value: value["id"] == 42,
        dict,
    ],
)
def test_value_is_as_expected(expected: object) -> None:
    assert texts(VALUE, expected) == []


@pytest.mark.parametrize(
    ("expected", "differences"),
    [
        (including(status="open"), ["value.status: expected 'open', was 'paid'"]),
        (including(who=ANY), ["value.who: expected ANY, is missing"]),
        (including(id=True), ["value.id: expected True, was 42"]),
        (including(id="42"), ["value.id: expected '42', was 42"]),
        (including(id=str), ["value.id: expected str, was 42"]),
        (including(id=lambda number: number > 50), ["value.id: the lambda says no to 42"]),
        (
            including(status=abs),
            ["value.status: abs raised TypeError(\"bad operand type for abs(): 'str'\") for 'paid'"],
        ),
        (including(lines=[ANY]), ["value.lines: expected 1 items, was 2"]),
        (including(lines=[including(item="tea"), ANY]), ["value.lines[0].item: expected 'tea', was 'decaf'"]),
        (
            including(lines=including(a=1)),
            [f"value.lines: expected an object, was {LINES}"],
        ),
        (including(id=[1]), ["value.id: expected a list, was 42"]),
        (
            {"id": 42, "status": "open"},
            [
                "value.status: expected 'open', was 'paid'",
                "value.at: not expected, was '2026-01-02T03:04:05Z'",
                "value.lines: not expected, was [{'item': 'decaf', 'price': 1.5}, {'item': 'tea'}]",
            ],
        ),
        (
            Event(orderId=42),
            ["value.orderId: expected 42, is missing"]
            + [
                f"value.{name}: not expected, was {was}"
                for name, was in (
                    ("at", "'2026-01-02T03:04:05Z'"),
                    ("id", "42"),
                    ("lines", "[{'item': 'decaf', 'price': 1.5}, {'item': 'tea'}]"),
                    ("status", "'paid'"),
                )
            ],
        ),
    ],
)
def test_differences_are_told_by_field(expected: object, differences: list[str]) -> None:
    assert texts(VALUE, expected) == differences


def test_what_is_no_json_is_said_to_be_none() -> None:
    (difference,) = compare_bytes(b"paid", including(status="paid", at=ANY), "value")

    assert str(difference) == "value: expected including(status='paid', at=ANY), was no JSON: b'paid'"
    assert difference.weight == 3  # as far off as both fields


def test_null_is_told_from_all_else() -> None:
    assert texts(None, None) == []
    assert texts(None, "") == ["value: expected '', was None"]
    assert texts(b"", None) == ["value: expected None, was b''"]
    assert texts(None, including(a=1)) == ["value: expected including(a=1), was None"]
    assert texts(None, ANY) == []


def test_function_is_given_a_key_as_text() -> None:
    assert texts(b"42", lambda key: key == "42", "key") == []
    assert texts(b"42", str.isalpha, "key") == ["key: str.isalpha says no to '42'"]


def test_fields_by_numbers_are_found_as_json_writes_them() -> None:
    assert texts(b'{"1":"a"}', {1: ANY}) == []


def test_long_values_are_cut() -> None:
    (text,) = texts(b"x" * 5_000, "y" * 5_000)

    assert len(text) < 500


@pytest.mark.parametrize(
    ("expected", "differences"),
    [
        ({"trace": "x"}, []),
        ({"trace": b"y"}, []),
        ([("trace", "x"), ("trace", "y")], []),
        ({"trace": ANY, "none": None}, []),
        ({"none": ANY}, []),
        ({"trace": lambda value: value == "y"}, []),
        ({"trace": "z"}, ["headers.trace: expected 'z', was b'x', b'y'"]),
        ({"other": ANY}, ["headers.other: expected ANY, is missing"]),
        ({"none": str.isalpha}, ["headers.none: expected str.isalpha, was None"]),
    ],
)
def test_headers_are_compared_one_by_one(expected: Any, differences: list[str]) -> None:
    actual = (("trace", b"x"), ("trace", b"y"), ("none", None))

    assert [str(difference) for difference in compare_headers(actual, expected)] == differences


def test_words_print_as_they_are_written() -> None:
    assert repr(including({"a-b": 1}, c=ANY)) == "including(a-b=1, c=ANY)"
