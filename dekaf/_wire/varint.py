"""Variable-length integers: LEB128 groups of seven bits, low group first.

The signed form is zig-zagged first, so small negative numbers stay short; Kafka uses it inside records only. The
unsigned form carries lengths and counts of the flexible request versions. Both follow
https://kafka.apache.org/protocol#protocol_types (VARINT, VARLONG, UNSIGNED_VARINT).
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, write_i16_le
from mypy_extensions import i64

__all__ = ("MAX_UVARINT", "uvarint_size", "varint_size", "write_uvarint", "write_varint")

MAX_UVARINT: Final = 0xFFFFFFFF

# Bytes pass through an `int`: compiled, its masked range is known and nothing is checked; interpreted, a conversion
# such as `u8(...)` is a call that costs more than writing the byte.

# A zig-zagged 64-bit number may have its top bit set, which i64 shows as a negative number. Masking after the first
# shift makes that shift a logical one; interpreted, where the number never was negative, the mask changes nothing.
_AFTER_SHIFT: Final = 0x01FFFFFFFFFFFFFF


def varint_size(value: i64) -> i64:
    """Bytes that `write_varint` takes for a signed 64-bit number: 1 to 10."""
    if -64 <= value < 64:
        return 1
    if -8192 <= value < 8192:
        return 2
    rest: i64 = (value << 1) ^ (value >> 63)
    size: i64 = 1
    while (rest & -128) != 0:
        rest = (rest >> 7) & _AFTER_SHIFT
        size += 1
    return size


def write_varint(writer: BytesWriter, value: i64) -> None:
    """Append a signed 64-bit number, zig-zagged."""
    byte: int = 0
    if 0 <= value < 64:  # one byte or two, like most lengths, and in one write
        byte = (value << 1) & 0x7F
        writer.append(byte)
        return
    rest: i64 = (value << 1) ^ (value >> 63)
    if (rest & -16384) == 0 and rest > 0x7F:
        two: int = (rest & 0x7F) | 0x80 | ((rest & 0x3F80) << 1)
        write_i16_le(writer, two)
        return
    while (rest & -128) != 0:
        byte = (rest & 0x7F) | 0x80
        writer.append(byte)
        rest = (rest >> 7) & _AFTER_SHIFT
    byte = rest & 0x7F
    writer.append(byte)


def uvarint_size(value: i64) -> i64:
    """Bytes that `write_uvarint` takes for a number from 0 to 2**32 - 1: 1 to 5."""
    _check_unsigned(value)
    size: i64 = 1
    while value > 0x7F:
        value >>= 7
        size += 1
    return size


def write_uvarint(writer: BytesWriter, value: i64) -> None:
    """Append a number from 0 to 2**32 - 1; ValueError outside that range."""
    _check_unsigned(value)
    byte: int = 0
    while value > 0x7F:
        byte = (value & 0x7F) | 0x80
        writer.append(byte)
        value >>= 7
    byte = value & 0x7F
    writer.append(byte)


def _check_unsigned(value: i64) -> None:
    if value < 0 or value > MAX_UVARINT:
        raise ValueError(f"{value} does not fit an unsigned 32-bit number")
