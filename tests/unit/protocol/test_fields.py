"""Fields in both encodings."""

from __future__ import annotations

import pytest

from dekaf._protocol.fields import (
    end_struct,
    put_bytes,
    put_count,
    put_nullable_string,
    put_string,
    skip_struct_tags,
    take_bytes,
    take_count,
    take_i32_array,
    take_nullable_string,
    take_string,
)
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter


@pytest.mark.parametrize(
    ("flexible", "expected"),
    [
        (False, "000161" + "ffff" + "000000020102" + "00000002"),
        (True, "0261" + "00" + "030102" + "03" + "00"),
    ],
)
def test_fields_are_written_in_the_encoding_asked_for_and_read_back(flexible: bool, expected: str) -> None:
    writer = BytesWriter()
    put_string(writer, "a", flexible=flexible)
    put_nullable_string(writer, None, flexible=flexible)
    put_bytes(writer, b"\x01\x02", flexible=flexible)
    put_count(writer, 2, flexible=flexible)
    end_struct(writer, flexible=flexible)

    reader = Reader(writer.getvalue() + b"..")

    assert writer.getvalue().hex() == expected
    assert take_string(reader, flexible=flexible) == "a"
    assert take_nullable_string(reader, flexible=flexible) is None
    assert take_bytes(reader, flexible=flexible) == b"\x01\x02"
    assert take_count(reader, flexible=flexible) == 2
    skip_struct_tags(reader, flexible=flexible)
    assert reader.remaining == 2


@pytest.mark.parametrize(
    ("flexible", "data"), [(False, "00000002" + "00000001" + "ffffffff"), (True, "0300000001ffffffff")]
)
def test_array_of_numbers_is_taken(flexible: bool, data: str) -> None:
    assert take_i32_array(Reader(bytes.fromhex(data)), flexible=flexible) == (1, -1)


@pytest.mark.parametrize(("flexible", "data"), [(False, "ffffffff"), (True, "00")])
def test_null_array_counts_as_empty(flexible: bool, data: str) -> None:
    assert take_count(Reader(bytes.fromhex(data)), flexible=flexible) == 0


@pytest.mark.parametrize(("flexible", "data"), [(False, "ffffffff"), (True, "00")])
def test_null_bytes_count_as_empty(flexible: bool, data: str) -> None:
    assert take_bytes(Reader(bytes.fromhex(data)), flexible=flexible) == b""
