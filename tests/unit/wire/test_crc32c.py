"""CRC-32C against its published check values."""

from __future__ import annotations

import pytest

from dekaf._wire.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (b"", 0),
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksum_has_its_published_value(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def test_checksum_of_parts_equals_that_of_the_whole() -> None:
    assert crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
