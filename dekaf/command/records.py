"""The messages in a file: one per line, as text, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, final

from dekaf.nearest_name import nearest_name

__all__ = ("FORMATS", "BrokenLineError", "Line", "LineFormat", "read_lines")

FORMATS: Final = ("lines", "json", "csv")

_MEMBERS: Final = ("value", "key", "headers", "partition", "timestamp")
_HEADER_COLUMN: Final = "header."


class BrokenLineError(ValueError):
    """A line is no message.

    Args:
        number: Of the line, from 1.
        reason: What is wrong with it.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One message, and which line it ends at."""

    number: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None
    timestamp: int | None = None  # milliseconds


@final
@dataclass(frozen=True, slots=True)
class LineFormat:
    """How to read.

    Args:
        name: One of `FORMATS`.
        key_separator: In `lines`, what is between key and value; None: there are no keys.
        null: What stands for no value, and for no key, in `lines` and `csv`; None: nothing does.
    """

    name: str = "lines"
    key_separator: bytes | None = None
    null: bytes | None = None


def read_lines(file: BinaryIO, form: LineFormat, on_broken: Callable[[BrokenLineError], None]) -> Iterator[Line]:
    """Yield the messages of a file, as they come.

    Args:
        file: Open for reading bytes.
        form: How to read it.
        on_broken: Called with each line that is no message; it may raise, which ends the reading.

    Raises:
        BrokenLineError: The first row of a CSV file does not name columns.
    """
    if form.name == "csv":
        return _read_csv(file, form, on_broken)
    read = _from_json if form.name == "json" else _from_text
    return _read_each(file, form, read, on_broken)


def _read_each(
    file: BinaryIO,
    form: LineFormat,
    read: Callable[[int, bytes, LineFormat], Line | None],
    on_broken: Callable[[BrokenLineError], None],
) -> Iterator[Line]:
    for number, raw in enumerate(file, 1):
        try:
            line = read(number, raw.removesuffix(b"\n").removesuffix(b"\r"), form)
        except BrokenLineError as error:
            on_broken(error)
            continue
        if line is not None:
            yield line


def _from_text(number: int, raw: bytes, form: LineFormat) -> Line:
    key: bytes | None = None
    if form.key_separator is not None:
        key, found, raw = raw.partition(form.key_separator)
        if not found:
            raise BrokenLineError(number, "there is no key separator in it")
    return Line(number, _unless(form.null, raw), None if key is None else _unless(form.null, key))


def _unless(null: bytes | None, raw: bytes) -> bytes | None:
    return None if null is not None and raw == null else raw


def _from_json(number: int, raw: bytes, _form: LineFormat) -> Line | None:
    if not raw.strip():
        return None
    try:
        given: object = json.loads(raw)
    except ValueError as error:
        raise BrokenLineError(number, f"it is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BrokenLineError(number, 'it is not an object such as {"value": "paid", "key": "42"}')
    for name in given:
        if name not in _MEMBERS:
            near = nearest_name(str(name), _MEMBERS)
            raise BrokenLineError(number, f"there is no {name!r}" + (f"; did you mean {near!r}?" if near else ""))
    if "value" not in given:
        raise BrokenLineError(number, '"value" is missing; null stands for no value')
    return Line(
        number,
        _bytes(given["value"]),
        _bytes(given.get("key")),
        _headers(number, given.get("headers")),
        _whole(number, "partition", given.get("partition")),
        _whole(number, "timestamp", given.get("timestamp")),
    )


def _bytes(given: object) -> bytes | None:
    if given is None:
        return None
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _headers(number: int, given: object) -> tuple[tuple[str, bytes | None], ...]:
    if given is None:
        return ()
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given if isinstance(given, list) else [None]
    read: list[tuple[str, bytes | None]] = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise BrokenLineError(number, '"headers" is neither an object nor a list of pairs')
        read.append((pair[0], _bytes(pair[1])))
    return tuple(read)


def _whole(number: int, name: str, given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise BrokenLineError(number, f'"{name}" is not a whole number from 0')
    return given


def _read_csv(file: BinaryIO, form: LineFormat, on_broken: Callable[[BrokenLineError], None]) -> Iterator[Line]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict", newline="")
    rows = csv.reader(text, strict=True)
    columns: list[str] = []
    while True:
        try:
            row = next(rows)
            if not columns:
                columns = _columns(row)
            elif row:
                yield _from_row(rows.line_num, dict(zip(columns, row, strict=True)), form)
        except StopIteration:
            text.detach()  # it would close what is not its own
            return
        except BrokenLineError as error:
            if not columns:
                raise
            on_broken(error)
        except (csv.Error, ValueError) as error:
            on_broken(BrokenLineError(max(rows.line_num, 1), _csv_fault(error, columns)))


def _csv_fault(error: Exception, columns: list[str]) -> str:
    if isinstance(error, ValueError) and "zip()" in str(error):
        return f"it has not {len(columns)} columns, as the first row has"
    return f"it is not CSV: {error}"


def _columns(row: list[str]) -> list[str]:
    for name in row:
        if name not in {"value", "key", "partition", "timestamp"} and not name.startswith(_HEADER_COLUMN):
            raise BrokenLineError(
                1,
                f"the first row has to name the columns, and {name!r} is none: value, key, partition, timestamp, "
                f"and {_HEADER_COLUMN}NAME for a header",
            )
    if "value" not in row:
        raise BrokenLineError(1, "the first row has to name the columns, and none is called value")
    return row


def _from_row(number: int, row: Mapping[str, str], form: LineFormat) -> Line:
    null = None if form.null is None else form.null.decode()
    found = {name: None if text == null else text.encode() for name, text in row.items()}
    headers = tuple(
        (name.removeprefix(_HEADER_COLUMN), value) for name, value in found.items() if name.startswith(_HEADER_COLUMN)
    )
    return Line(
        number,
        found["value"],
        found.get("key"),
        headers,
        _number(number, "partition", row.get("partition")),
        _number(number, "timestamp", row.get("timestamp")),
    )


def _number(number: int, name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal():
        raise BrokenLineError(number, f"{name} is not a whole number from 0")
    return int(text)
