"""The messages in a file, of each format."""

from __future__ import annotations

import csv
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
        (b'{"value": "\xff"}', "it is not JSON: byte 12 is not UTF-8"),
        (b"[" * 100_000, "it is not JSON: too much is nested"),
        (b'{"value": NaN}', "it is not JSON: NaN is no number of JSON's"),
        (b'{"value": 1e999}', '"value" cannot be written as UTF-8 or JSON'),
        (b'{"value": "\\ud800"}', '"value" cannot be written as UTF-8 or JSON'),
        (b'{"value": "' + b"x" * 200_000 + b'"}', "it has more than 150,000 bytes"),
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
    lines, broken = read(b'{"value": 1}\n' + line + b'\n{"value": 3}\n', LineFormat("json", longest=150_000))

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
        Line(2, b'a "quoted"\nvalue', b"42", (("trace", b"x"),), 1, 5),
        Line(4, b"", b"", (("trace", None),)),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1", "line 3: it has 1 columns, and the first row 2"),
        (b"1,2,3", "line 3: it has 3 columns, and the first row 2"),
        (b'"1"x,2', "line 3: it is not CSV"),
        (b"1,\xff", "line 3: byte 3 is not UTF-8"),
        (b"1," + b"x" * 2_000, "line 3: it has more than 1,000 bytes"),
        (b"1,x,2026", "line 3: it has 3 columns"),
    ],
)
def test_a_row_of_csv_that_is_no_message_is_told_by_its_number(row: bytes, reason: str) -> None:
    lines, broken = read(b"key,value\na,b\n" + row + b"\nc,d\n", LineFormat("csv", longest=1_000))

    assert [(line.number, line.value) for line in lines] == [(2, b"b"), (4, b"d")]
    assert len(broken) == 1
    assert broken[0].startswith(reason)


def test_a_quote_that_is_not_closed_is_told_by_the_line_it_begins_in() -> None:
    lines, broken = read(b'value\na\n"b\nc\nd\n', LineFormat("csv"))

    assert [line.value for line in lines] == [b"a"]
    assert broken == ["line 3: it is not CSV: unexpected end of data"]


def test_a_field_of_csv_may_be_as_long_as_a_message() -> None:
    before = csv.field_size_limit()
    lines, broken = read(b"value\n" + b"x" * 500_000 + b"\n", LineFormat("csv"))

    assert ([len(line.value or b"") for line in lines], broken) == ([500_000], [])
    assert csv.field_size_limit() == before


def test_headers_of_csv_may_have_one_name_and_other_columns_may_not() -> None:
    lines, _ = read(b"value, header.a,header.a\nv,1,2\n", LineFormat("csv"))

    assert lines[0].headers == (("a", b"1"), ("a", b"2"))
    with pytest.raises(BrokenLineError, match="line 1: the first row names the column value twice"):
        read(b"value,value\n1,2\n", LineFormat("csv"))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"42,paid", "line 1: the first row has to name the columns, and '42' is none"),
        (b"key", "line 1: the first row has to name the columns, and none is called value"),
        (b'"a"b', "line 1: the first row has to name the columns, and is not CSV"),
    ],
)
def test_csv_without_a_header_row_is_not_guessed_at(head: bytes, reason: str) -> None:
    with pytest.raises(BrokenLineError) as told:
        read(head + b"\n1,2\n", LineFormat("csv"))

    assert str(told.value).startswith(reason)


def test_an_empty_file_of_csv_names_no_columns() -> None:
    with pytest.raises(BrokenLineError, match="line 1: there is none, and the first row has to name the columns"):
        read(b"", LineFormat("csv"))


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
