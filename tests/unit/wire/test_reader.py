"""Taking primitive types from good and from bad bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._wire.reader import Reader
from dekaf.errors import MalformedResponseError

Take = Callable[[Reader], object]

TAKES: dict[str, Take] = {
    "i8": Reader.take_i8,
    "u8": Reader.take_u8,
    "i16": Reader.take_i16,
    "i32": Reader.take_i32,
    "i64": Reader.take_i64,
    "bool": Reader.take_bool,
    "uuid": Reader.take_uuid,
    "uvarint": Reader.take_uvarint,
    "varint": Reader.take_varint,
    "string": Reader.take_string,
    "nullable_string": Reader.take_nullable_string,
    "compact_string": Reader.take_compact_string,
    "compact_nullable_string": Reader.take_compact_nullable_string,
    "nullable_bytes": Reader.take_nullable_bytes,
    "compact_nullable_bytes": Reader.take_compact_nullable_bytes,
    "array_count": Reader.take_array_count,
    "compact_array_count": Reader.take_compact_array_count,
    "tagged_count": Reader.take_tagged_count,
    "tagged_end": Reader.take_tagged_end,
    "skip_tagged": Reader.skip_tagged,
    "skip_tags": Reader.skip_tags,
}

GOOD: list[tuple[str, str, object]] = [
    ("i8", "80", -128),
    ("i8", "7f", 127),
    ("u8", "ff", 255),
    ("i16", "fffe", -2),
    ("i32", "80000000", -(2**31)),
    ("i32", "ffffff8f", -113),
    ("i64", "7fffffffffffffff", 2**63 - 1),
    ("i64", "8000000000000000", -(2**63)),
    ("bool", "00", False),
    ("bool", "02", True),
    ("uuid", "000102030405060708090a0b0c0d0e0f", bytes(range(16))),
    ("string", "0002c3bc", "ü"),
    ("string", "0000", ""),
    ("nullable_string", "ffff", None),
    ("nullable_string", "000161", "a"),
    ("compact_string", "03c3bc", "ü"),
    ("compact_string", "01", ""),
    ("compact_nullable_string", "00", None),
    ("compact_nullable_string", "0261", "a"),
    ("nullable_bytes", "00000001ff", b"\xff"),
    ("nullable_bytes", "ffffffff", None),
    ("compact_nullable_bytes", "02ff", b"\xff"),
    ("compact_nullable_bytes", "00", None),
    ("array_count", "ffffffff", -1),
    ("array_count", "00000000", 0),
    ("compact_array_count", "00", -1),
    ("compact_array_count", "01", 0),
    ("tagged_count", "00", 0),
    ("tagged_end", "00", 1),
    ("skip_tagged", "03aaaaaa", None),
    ("skip_tags", "00", None),
    ("skip_tags", "02050007020000", None),
]

BAD: list[tuple[str, str, str]] = [
    ("string", "fffe", "expected"),
    ("string", "ffff", "expected"),
    ("string", "000361", "3 bytes are expected at byte 2, where 1 are left"),
    ("string", "0001ff", "UTF-8"),
    ("nullable_string", "fffe", "expected"),
    ("compact_string", "00", "expected"),
    ("compact_string", "ffffffff0f", "expected"),
    ("compact_nullable_string", "02ff", "UTF-8"),
    ("nullable_bytes", "fffffffe00", "expected"),
    ("nullable_bytes", "7fffffff00", "expected"),
    ("compact_nullable_bytes", "ffffffff0f", "expected"),
    ("uvarint", "ffffffff10", "32 bits"),
    ("uvarint", "8080808080", "32 bits"),
    ("varint", "ffffffffffffffffff02", "64 bits"),
    ("varint", "80808080808080808080", "64 bits"),
    ("array_count", "fffffffe", "elements"),
    ("array_count", "0000000300ff", "3 elements are announced at byte 4, where 2 bytes are left"),
    ("array_count", "7fffffff", "elements"),
    ("compact_array_count", "0300", "elements"),
    ("compact_array_count", "ffffffff0f", "elements"),
    ("tagged_count", "01", "elements"),
    ("tagged_end", "0200", "expected"),
    ("skip_tagged", "0200", "expected"),
    ("skip_tags", "ffffffff0f", "elements"),
    ("skip_tags", "010005", "expected"),
]


@pytest.mark.parametrize(("kind", "data", "expected"), GOOD)
def test_value_is_taken_and_the_cursor_moves_behind_it(kind: str, data: str, expected: object) -> None:
    frame = b"\xaa" + bytes.fromhex(data)
    reader = Reader(frame, 1)

    value = TAKES[kind](reader)

    assert value == (expected if kind != "tagged_end" else len(frame))
    assert reader.at == len(frame)
    assert reader.remaining == 0
    reader.expect_end()


@pytest.mark.parametrize(("kind", "data", "message"), BAD)
def test_nonsense_is_refused_with_the_place_it_stands_at(kind: str, data: str, message: str) -> None:
    with pytest.raises(MalformedResponseError, match=message):
        TAKES[kind](Reader(bytes.fromhex(data)))


@pytest.mark.parametrize(("kind", "data", "expected"), GOOD)
def test_value_cut_short_is_refused_at_every_length(kind: str, data: str, expected: object) -> None:
    whole = bytes.fromhex(data)

    for size in range(len(whole)):
        with pytest.raises(MalformedResponseError):
            TAKES[kind](Reader(whole[:size]))


@pytest.mark.parametrize("kind", TAKES)
@given(st.binary(max_size=24))
def test_any_bytes_give_a_value_or_a_malformed_response(kind: str, data: bytes) -> None:
    reader = Reader(data)

    try:
        TAKES[kind](reader)
    except MalformedResponseError:
        return
    assert 0 < reader.at <= len(data)


def test_known_tagged_field_must_fill_its_size_exactly() -> None:
    reader = Reader(bytes.fromhex("0104000000ff"))
    assert reader.take_uvarint() == 1
    end = reader.take_tagged_end()
    reader.take_i16()

    with pytest.raises(MalformedResponseError, match="should end at byte 6, not at byte 4"):
        reader.finish_tagged(end)
    reader.take_i16()
    reader.finish_tagged(end)


def test_bytes_behind_the_message_are_refused() -> None:
    reader = Reader(b"\x00\x01")
    reader.take_i8()

    with pytest.raises(MalformedResponseError, match="1 more bytes follow"):
        reader.expect_end()


@pytest.mark.parametrize("size", [-1, 4, 2**63 - 1])
def test_only_as_many_bytes_as_there_are_can_be_skipped_or_taken(size: int) -> None:
    with pytest.raises(MalformedResponseError):
        Reader(b"abc").skip(size)
    with pytest.raises(MalformedResponseError):
        Reader(b"abc").take_bytes(size)
    assert Reader(b"abc").take_bytes(3) == b"abc"


@pytest.mark.parametrize("at", [-1, 3])
def test_reading_cannot_start_outside_the_frame(at: int) -> None:
    with pytest.raises(MalformedResponseError):
        Reader(b"ab", at)
