"""The messages in a file: one per line, as text, JSON or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Never, final

from dekaf.command.lines import LONGEST, BrokenLineError, RawLines, without_end
from dekaf.nearest_name import nearest_name

__all__ = ("FORMATS", "BrokenLineError", "Line", "LineFormat", "read_lines")

FORMATS: Final = ("lines", "json", "csv")

_MEMBERS: Final = ("value", "key", "headers", "partition", "timestamp")
_COLUMNS: Final = frozenset({"value", "key", "partition", "timestamp"})
_HEADER_COLUMN: Final = "header."
_DIGITS: Final = 19  # of the largest number that Kafka has


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One message, and which line it begins at."""

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
        longest: The bytes that a line may have.
    """

    name: str = "lines"
    key_separator: bytes | None = None
    null: bytes | None = None
    longest: int = LONGEST


def read_lines(file: BinaryIO, form: LineFormat, on_broken: Callable[[BrokenLineError], None]) -> Iterator[Line]:
    """Yield the messages of a file, as they come.

    Args:
        file: Open for reading bytes.
        form: How to read it.
        on_broken: Called with each line that is no message; it may raise, which ends the reading.

    Raises:
        BrokenLineError: The first row of a CSV file does not name columns.
    """
    lines = RawLines(file, form.longest)
    if form.name == "csv":
        return _read_csv(lines, form, on_broken)
    read = _from_json if form.name == "json" else _from_text
    return _read_each(lines, form, read, on_broken)


def _read_each(
    lines: RawLines,
    form: LineFormat,
    read: Callable[[int, bytes, LineFormat], Line | None],
    on_broken: Callable[[BrokenLineError], None],
) -> Iterator[Line]:
    while True:
        try:
            raw = next(lines)
            line = read(lines.number, without_end(raw), form)
        except StopIteration:
            return
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
        given: object = json.loads(raw.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BrokenLineError(number, f"it is not JSON: {_json_fault(error)}") from error
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
        _bytes(number, "value", given["value"]),
        _bytes(number, "key", given.get("key")),
        _headers(number, given.get("headers")),
        _whole(number, "partition", given.get("partition")),
        _whole(number, "timestamp", given.get("timestamp")),
    )


def _no_number(name: str) -> Never:
    """Refuse `NaN` and `Infinity`, which Python reads and writes, and others do not."""
    raise ValueError(f"{name} is no number of JSON's")


def _json_fault(error: ValueError | RecursionError) -> str:
    """Return what is wrong, without a word of what stands there."""
    if isinstance(error, RecursionError):
        return "too much is nested"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, at character {error.pos + 1}"
    return str(error)


def _bytes(number: int, name: str, given: object) -> bytes | None:
    if given is None:
        return None
    try:
        text = given if isinstance(given, str) else _json_text(given)
        return text.encode()
    except (ValueError, RecursionError) as error:  # half of a surrogate pair; 1e999, which is read as infinite
        raise BrokenLineError(number, f'"{name}" cannot be written as UTF-8 or JSON') from error


def _json_text(given: object) -> str:
    return json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _headers(number: int, given: object) -> tuple[tuple[str, bytes | None], ...]:
    if given is None:
        return ()
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given if isinstance(given, list) else [None]
    read: list[tuple[str, bytes | None]] = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise BrokenLineError(number, '"headers" is neither an object nor a list of pairs')
        read.append((pair[0], _bytes(number, "headers", pair[1])))
    return tuple(read)


def _whole(number: int, name: str, given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise BrokenLineError(number, f'"{name}" is not a whole number from 0')
    return given


def _read_csv(lines: RawLines, form: LineFormat, on_broken: Callable[[BrokenLineError], None]) -> Iterator[Line]:
    rows = csv.reader(_Text(lines), strict=True)
    columns = _columns(_first_row(rows))
    with _long_fields(form.longest):
        while True:
            number = lines.number + 1  # where the row begins: quoted values may have more than one line
            try:
                row = next(rows)
                line = _from_row(number, columns, row, form) if row else None
            except StopIteration:
                return
            except BrokenLineError as error:
                on_broken(error)
                continue
            except csv.Error as error:
                on_broken(BrokenLineError(number, f"it is not CSV: {error}"))
                continue
            if line is not None:
                yield line


@final
class _Text:
    """Lines as text, for the reader of CSV, which goes on after an error."""

    def __init__(self, lines: RawLines) -> None:
        self._lines: Final = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise BrokenLineError(self._lines.number, f"byte {error.start + 1} is not UTF-8") from error


@contextmanager
def _long_fields(longest: int) -> Iterator[None]:
    """Let a field have more than 131,072 characters; it is the whole process that is told."""
    before = csv.field_size_limit(longest)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _first_row(rows: Iterator[list[str]]) -> list[str]:
    try:
        return next(rows)
    except StopIteration:
        raise BrokenLineError(1, "there is none, and the first row has to name the columns") from None
    except csv.Error as error:
        raise BrokenLineError(1, f"the first row has to name the columns, and is not CSV: {error}") from error


def _columns(row: list[str]) -> list[str]:
    columns = [name.strip() for name in row]
    for name in columns:
        if name.startswith(_HEADER_COLUMN):
            continue
        if name not in _COLUMNS:
            raise BrokenLineError(
                1,
                f"the first row has to name the columns, and {name!r} is none: value, key, partition, timestamp, "
                f"and {_HEADER_COLUMN}NAME for a header",
            )
        if columns.count(name) > 1:
            raise BrokenLineError(1, f"the first row names the column {name} twice")
    if "value" not in columns:
        raise BrokenLineError(1, "the first row has to name the columns, and none is called value")
    return columns


def _from_row(number: int, columns: Sequence[str], row: Sequence[str], form: LineFormat) -> Line:
    if len(row) != len(columns):
        raise BrokenLineError(number, f"it has {len(row)} columns, and the first row {len(columns)}")
    null = None if form.null is None else form.null.decode()
    cells = [(name, None if text == null else text.encode()) for name, text in zip(columns, row, strict=True)]
    headers = tuple(
        (name.removeprefix(_HEADER_COLUMN), value) for name, value in cells if name.startswith(_HEADER_COLUMN)
    )
    by_name = dict(cells)
    texts = dict(zip(columns, row, strict=True))
    return Line(
        number,
        by_name["value"],
        by_name.get("key"),
        headers,
        _number(number, "partition", texts.get("partition")),
        _number(number, "timestamp", texts.get("timestamp")),
    )


def _number(number: int, name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        raise BrokenLineError(number, f"{name} is not a whole number from 0")
    return int(text)
