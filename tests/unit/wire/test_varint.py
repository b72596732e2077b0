"""Variable-length integers against known encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._wire.reader import Reader
from dekaf._wire.varint import MAX_UVARINT, uvarint_size, varint_size, write_uvarint, write_varint
from dekaf._wire.writer import BytesWriter

SIGNED = [
    (0, "00"),
    (-1, "01"),
    (1, "02"),
    (63, "7e"),
    (-64, "7f"),
    (64, "8001"),
    (-65, "8101"),
    (150, "ac02"),
    (2**31 - 1, "feffffff0f"),
    (-(2**31), "ffffffff0f"),
    (1700000000000, "80a0abfef962"),
    (2**63 - 1, "feffffffffffffffff01"),
    (-(2**63), "ffffffffffffffffff01"),
]
UNSIGNED = [
    (0, "00"),
    (127, "7f"),
    (128, "8001"),
    (300, "ac02"),
    (16383, "ff7f"),
    (16384, "808001"),
    (2**32 - 1, "ffffffff0f"),
]


def encoded(value: int) -> bytes:
    writer = BytesWriter()
    write_varint(writer, value)
    return writer.getvalue()


def encoded_unsigned(value: int) -> bytes:
    writer = BytesWriter()
    write_uvarint(writer, value)
    return writer.getvalue()


@pytest.mark.parametrize(("value", "expected"), SIGNED)
def test_signed_number_has_its_known_encoding(value: int, expected: str) -> None:
    assert encoded(value).hex() == expected
    assert varint_size(value) == len(expected) // 2
    assert Reader(bytes.fromhex(expected)).take_varint() == value


@pytest.mark.parametrize(("value", "expected"), UNSIGNED)
def test_unsigned_number_has_its_known_encoding(value: int, expected: str) -> None:
    assert encoded_unsigned(value).hex() == expected
    assert uvarint_size(value) == len(expected) // 2
    assert Reader(bytes.fromhex(expected)).take_uvarint() == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_signed_number_comes_back_and_fills_its_announced_size(value: int) -> None:
    data = encoded(value)

    assert len(data) == varint_size(value)
    assert Reader(data).take_varint() == value


@given(st.integers(0, MAX_UVARINT))
def test_any_unsigned_number_comes_back_and_fills_its_announced_size(value: int) -> None:
    data = encoded_unsigned(value)

    assert len(data) == uvarint_size(value)
    assert Reader(data).take_uvarint() == value


@pytest.mark.parametrize("value", [-1, 2**32])
def test_number_outside_32_unsigned_bits_is_refused(value: int) -> None:
    writer = BytesWriter()

    with pytest.raises(ValueError, match="does not fit"):
        write_uvarint(writer, value)
    with pytest.raises(ValueError, match="does not fit"):
        uvarint_size(value)
    assert writer.getvalue() == b""
