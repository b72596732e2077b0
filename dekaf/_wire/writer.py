"""Append Kafka's primitive types to a byte buffer.

The buffer and the fixed-width integers come from librt, mypyc's runtime: compiled code calls them natively. Everybody
else imports them from here, so that this room alone knows where they come from. Types:
https://kafka.apache.org/protocol#protocol_types
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i64

from dekaf._wire.varint import uvarint_size, varint_size, write_uvarint, write_varint

__all__ = (
    "NULL_UUID",
    "UUID_SIZE",
    "BytesWriter",
    "uvarint_size",
    "varint_size",
    "write_array_count",
    "write_bool",
    "write_bytes",
    "write_compact_array_count",
    "write_compact_bytes",
    "write_compact_nullable_string",
    "write_compact_string",
    "write_empty_tags",
    "write_i8",
    "write_i16",
    "write_i16_be",
    "write_i32",
    "write_i32_be",
    "write_i64_be",
    "write_nullable_string",
    "write_string",
    "write_uuid",
    "write_uvarint",
    "write_varint",
)

UUID_SIZE: Final = 16
NULL_UUID: Final = bytes(16)  # how Kafka writes "no id"

# Brokers refuse longer strings in the compact form too, by closing the connection without an answer.
_MAX_STRING_BYTES: Final = 32767


def write_i8(writer: BytesWriter, value: i64) -> None:
    """Append a number from -128 to 127."""
    if value < -128 or value > 127:
        raise ValueError(f"{value} does not fit a signed 8-bit number")
    byte: int = value & 0xFF
    writer.append(byte)


def write_i16(writer: BytesWriter, value: i64) -> None:
    """Append a signed 16-bit number."""
    number: int = value  # `i16(...)` would do, but interpreted it is a call dearer than all the rest
    write_i16_be(writer, number)


def write_i32(writer: BytesWriter, value: i64) -> None:
    """Append a signed 32-bit number."""
    number: int = value
    write_i32_be(writer, number)


def write_bool(writer: BytesWriter, value: bool) -> None:  # noqa: FBT001 - the value to write, not a mode
    """Append one byte, 0 or 1."""
    writer.append(1 if value else 0)


def write_string(writer: BytesWriter, text: str) -> None:
    """Append a STRING: an int16 length and UTF-8; ValueError above 32767 bytes."""
    encoded = _encode(text)
    write_i16_be(writer, len(encoded))
    writer.write(encoded)


def write_nullable_string(writer: BytesWriter, text: str | None) -> None:
    """Append a NULLABLE_STRING: a STRING, or the length -1 for None."""
    if text is None:
        write_i16_be(writer, -1)
    else:
        write_string(writer, text)


def write_compact_string(writer: BytesWriter, text: str) -> None:
    """Append a COMPACT_STRING: the length plus one as unsigned varint, and UTF-8; ValueError above 32767 bytes."""
    encoded = _encode(text)
    write_uvarint(writer, len(encoded) + 1)
    writer.write(encoded)


def write_compact_nullable_string(writer: BytesWriter, text: str | None) -> None:
    """Append a COMPACT_NULLABLE_STRING: a COMPACT_STRING, or 0 for None."""
    if text is None:
        writer.append(0)
    else:
        write_compact_string(writer, text)


def write_bytes(writer: BytesWriter, data: bytes) -> None:
    """Append BYTES: an int32 length and the bytes."""
    write_i32_be(writer, len(data))
    writer.write(data)


def write_compact_bytes(writer: BytesWriter, data: bytes) -> None:
    """Append COMPACT_BYTES: the length plus one as unsigned varint, and the bytes."""
    write_uvarint(writer, len(data) + 1)
    writer.write(data)


def write_uuid(writer: BytesWriter, uuid: bytes) -> None:
    """Append the 16 bytes of a UUID, most significant first."""
    if len(uuid) != UUID_SIZE:
        raise ValueError(f"a uuid has {UUID_SIZE} bytes, not {len(uuid)}")
    writer.write(uuid)


def write_array_count(writer: BytesWriter, count: int) -> None:
    """Append the int32 in front of an ARRAY's elements; -1 stands for a null array."""
    write_i32_be(writer, count)


def write_compact_array_count(writer: BytesWriter, count: i64) -> None:
    """Append the unsigned varint in front of a COMPACT_ARRAY's elements; -1 stands for a null array."""
    write_uvarint(writer, count + 1)


def write_empty_tags(writer: BytesWriter) -> None:
    """Append the section of tagged fields that ends a struct of a flexible version, with no field in it."""
    writer.append(0)


def _encode(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _MAX_STRING_BYTES:
        raise ValueError(f"a string of {len(encoded)} bytes is longer than Kafka's limit of {_MAX_STRING_BYTES}")
    return encoded
