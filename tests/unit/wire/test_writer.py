"""Kafka's primitive types, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dekaf._wire.writer import (
    BytesWriter,
    write_array_count,
    write_bool,
    write_bytes,
    write_compact_array_count,
    write_compact_bytes,
    write_compact_nullable_string,
    write_compact_string,
    write_empty_tags,
    write_i8,
    write_i16_be,
    write_i32_be,
    write_i64_be,
    write_nullable_string,
    write_string,
    write_uuid,
)


def written(write: Callable[[BytesWriter], object]) -> str:
    writer = BytesWriter()
    write(writer)
    return writer.getvalue().hex()


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda w: write_i8(w, -128), "80"),
        (lambda w: write_i8(w, 127), "7f"),
        (lambda w: write_i16_be(w, -2), "fffe"),
        (lambda w: write_i32_be(w, 258), "00000102"),
        (lambda w: write_i64_be(w, -1), "ffffffffffffffff"),
        (lambda w: write_bool(w, True), "01"),
        (lambda w: write_bool(w, False), "00"),
        (lambda w: write_string(w, "ü"), "0002c3bc"),
        (lambda w: write_string(w, ""), "0000"),
        (lambda w: write_nullable_string(w, "a"), "000161"),
        (lambda w: write_nullable_string(w, None), "ffff"),
        (lambda w: write_compact_string(w, "ü"), "03c3bc"),
        (lambda w: write_compact_string(w, ""), "01"),
        (lambda w: write_compact_nullable_string(w, "a"), "0261"),
        (lambda w: write_compact_nullable_string(w, None), "00"),
        (lambda w: write_bytes(w, b"\xff"), "00000001ff"),
        (lambda w: write_compact_bytes(w, b"\xff"), "02ff"),
        (lambda w: write_uuid(w, bytes(range(16))), "000102030405060708090a0b0c0d0e0f"),
        (lambda w: write_array_count(w, 2), "00000002"),
        (lambda w: write_array_count(w, -1), "ffffffff"),
        (lambda w: write_compact_array_count(w, 2), "03"),
        (lambda w: write_compact_array_count(w, -1), "00"),
        (write_empty_tags, "00"),
    ],
)
def test_value_is_written_as_the_protocol_says(write: Callable[[BytesWriter], object], expected: str) -> None:
    assert written(write) == expected


@pytest.mark.parametrize("write", [write_string, write_compact_string])
def test_longest_string_is_written_and_a_longer_one_refused(write: Callable[[BytesWriter, str], None]) -> None:
    writer = BytesWriter()

    write(writer, "x" * 32767)
    with pytest.raises(ValueError, match="32768 bytes"):
        write(writer, "x" * 32768)


@pytest.mark.parametrize("value", [-129, 128])
def test_number_outside_eight_bits_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        write_i8(BytesWriter(), value)


def test_uuid_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        write_uuid(BytesWriter(), bytes(15))
