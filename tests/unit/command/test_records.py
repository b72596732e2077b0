"""The messages in a file, of each format."""

from __future__ import annotations

import io
from typing import Any

import pytest

from dekaf.command.records import BrokenLineError, Line, LineFormat, read_lines


def read(content: bytes, form: LineFormat) -> tuple[list[Line], list[str]]:
    broken: list[str] = []
    lines = list(read_lines(io.BytesIO(content), form, lambda error: broken.append(str(error))))
    return lines, broken


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", []),
        (b"paid", [b"paid"]),
        (b"a\nb\r\n\n  c \n", [b"a", b"b", b"", b"  c "]),
        (b"\xff\x00\n", [b"\xff\x00"]),  # bytes of any kind
    ],
)
def test_each_line_is_a_value_and_an_empty_one_an_empty_value(content: bytes, values: list[bytes]) -> None:
    lines, broken = read(content, LineFormat())

    assert [line.value for line in lines] == values
    assert broken == []


def test_a_line_may_have_a_key_and_nothing_may_have_a_name() -> None:
    form = LineFormat(key_separator=b":", null=b"NULL")
    lines, broken = read(b"42:paid:late\n43:NULL\nNULL:x\nno key\n:empty\n", form)

    assert [(line.key, line.value) for line in lines] == [
        (b"42", b"paid:late"),
        (b"43", None),
        (None, b"x"),
        (b"", b"empty"),
    ]
    assert broken == ["line 4: there is no key separator in it"]


def test_json_has_all_that_a_message_has() -> None:
    content = (
        b'{"value": "paid", "key": "42", "headers": {"trace": "x", "none": null}, "partition": 1, "timestamp": 5}\n'
        b"\n"
        b'{"value": {"a": [1, "\xc3\xa9"]}, "headers": [["a", "1"], ["a", "2"]]}\n'
        b'{"value": null, "key": 7}\n'
    )
    lines, broken = read(content, LineFormat("json"))

    assert broken == []
    assert lines == [
        Line(1, b"paid", b"42", (("trace", b"x"), ("none", None)), 1, 5),
        Line(3, '{"a":[1,"é"]}'.encode(), None, (("a", b"1"), ("a", b"2"))),
        Line(4, None, b"7"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[1]", 'it is not an object such as {"value": "paid", "key": "42"}'),
        (b'{"key": "42"}', '"value" is missing; null stands for no value'),
        (b'{"valu": 1}', "there is no 'valu'; did you mean 'value'?"),
        (b'{"value": 1, "headers": 3}', '"headers" is neither an object nor a list of pairs'),
        (b'{"value": 1, "headers": [["a"]]}', '"headers" is neither an object nor a list of pairs'),
        (b'{"value": 1, "partition": "0"}', '"partition" is not a whole number from 0'),
        (b'{"value": 1, "timestamp": -1}', '"timestamp" is not a whole number from 0'),
        (b'{"value": 1, "partition": true}', '"partition" is not a whole number from 0'),
    ],
)
def test_a_line_of_json_that_is_no_message_is_told_by_its_number(line: bytes, reason: str) -> None:
    lines, broken = read(b'{"value": 1}\n' + line + b'\n{"value": 3}\n', LineFormat("json"))

    assert [one.number for one in lines] == [1, 3]
    assert len(broken) == 1
    assert broken[0].startswith(f"line 2: {reason}")


def test_csv_names_its_columns_in_the_first_row() -> None:
    content = (
        '\ufeffkey,value,header.trace,partition,timestamp\r\n42,"a ""quoted""\nvalue",x,1,5\r\n,,NULL,,\r\n'.encode()
    )
    lines, broken = read(content, LineFormat("csv", null=b"NULL"))

    assert broken == []
    assert lines == [
        Line(3, b'a "quoted"\nvalue', b"42", (("trace", b"x"),), 1, 5),
        Line(4, b"", b"", (("trace", None),)),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1", "it has not 2 columns, as the first row has"),
        (b"1,2,3", "it has not 2 columns, as the first row has"),
        (b'"1"x,2', "it is not CSV"),
        (b"\xff,2", "it is not CSV"),
    ],
)
def test_a_row_of_csv_that_is_no_message_is_told_by_its_number(row: bytes, reason: str) -> None:
    lines, broken = read(b"key,value\na,b\n" + row + b"\n", LineFormat("csv"))

    assert [line.value for line in lines] in ([b"b"], [])  # a byte that is no UTF-8 spoils what was read with it
    assert any(reason in one for one in broken)
    assert all(one.startswith("line ") for one in broken)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"42,paid", "line 1: the first row has to name the columns, and '42' is none"),
        (b"key", "line 1: the first row has to name the columns, and none is called value"),
    ],
)
def test_csv_without_a_header_row_is_not_guessed_at(head: bytes, reason: str) -> None:
    with pytest.raises(BrokenLineError) as told:
        read(head + b"\n1,2\n", LineFormat("csv"))

    assert str(told.value).startswith(reason)


def test_a_broken_line_can_end_the_reading() -> None:
    def refuse(error: BrokenLineError) -> None:
        raise error

    reading = read_lines(io.BytesIO(b'{"value": 1}\n{\n{"value": 3}\n'), LineFormat("json"), refuse)

    assert next(reading).number == 1
    with pytest.raises(BrokenLineError, match="line 2"):
        next(reading)


def test_lines_are_read_as_they_come() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, space: Any) -> int:
            space[:2] = b"x\n"
            return 2

    reading = read_lines(io.BufferedReader(Endless(), 2), LineFormat(), lambda _error: None)

    assert [next(reading).number for _ in range(3)] == [1, 2, 3]
