"""Fields whose encoding depends on whether the API's version is flexible.

Flexible versions shorten every string and array and end each struct with a section of tagged fields (KIP-482,
https://cwiki.apache.org/confluence/display/KAFKA/KIP-482). A message that exists in both forms names its fields once,
through these functions.
"""

from __future__ import annotations

from mypy_extensions import i64

from dekaf._wire.reader import Reader
from dekaf._wire.writer import (
    BytesWriter,
    write_array_count,
    write_bytes,
    write_compact_array_count,
    write_compact_bytes,
    write_compact_nullable_string,
    write_compact_string,
    write_empty_tags,
    write_nullable_string,
    write_string,
)

__all__ = (
    "end_struct",
    "put_bytes",
    "put_count",
    "put_nullable_string",
    "put_string",
    "skip_struct_tags",
    "take_bytes",
    "take_count",
    "take_i32_array",
    "take_nullable_string",
    "take_string",
)


def put_string(writer: BytesWriter, text: str, *, flexible: bool) -> None:
    """Append a string."""
    if flexible:
        write_compact_string(writer, text)
    else:
        write_string(writer, text)


def put_nullable_string(writer: BytesWriter, text: str | None, *, flexible: bool) -> None:
    """Append a string or null."""
    if flexible:
        write_compact_nullable_string(writer, text)
    else:
        write_nullable_string(writer, text)


def put_bytes(writer: BytesWriter, data: bytes, *, flexible: bool) -> None:
    """Append bytes."""
    if flexible:
        write_compact_bytes(writer, data)
    else:
        write_bytes(writer, data)


def put_count(writer: BytesWriter, count: int, *, flexible: bool) -> None:
    """Append the number of elements of the array that follows."""
    if flexible:
        write_compact_array_count(writer, count)
    else:
        write_array_count(writer, count)


def end_struct(writer: BytesWriter, *, flexible: bool) -> None:
    """End a struct that has no tagged fields to send."""
    if flexible:
        write_empty_tags(writer)


def take_string(reader: Reader, *, flexible: bool) -> str:
    """Take a string."""
    return reader.take_compact_string() if flexible else reader.take_string()


def take_nullable_string(reader: Reader, *, flexible: bool) -> str | None:
    """Take a string or null."""
    return reader.take_compact_nullable_string() if flexible else reader.take_nullable_string()


def take_bytes(reader: Reader, *, flexible: bool) -> bytes:
    """Take bytes; null, which no field we read allows, counts as empty."""
    data = reader.take_compact_nullable_bytes() if flexible else reader.take_nullable_bytes()
    return b"" if data is None else data


def take_count(reader: Reader, *, flexible: bool) -> i64:
    """Take an array's number of elements; a null array, which no field we read allows, counts as empty."""
    count = reader.take_compact_array_count() if flexible else reader.take_array_count()
    return max(count, 0)


def take_i32_array(reader: Reader, *, flexible: bool) -> tuple[int, ...]:
    """Take an array of int32."""
    return tuple([int(reader.take_i32()) for _ in range(take_count(reader, flexible=flexible))])


def skip_struct_tags(reader: Reader, *, flexible: bool) -> None:
    """Move over the tagged fields that end a struct, none of which means anything to us."""
    if flexible:
        reader.skip_tags()
