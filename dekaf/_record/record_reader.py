"""Take the records of a batch we built apart again: to split a batch that came out too large, or to hand it back."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from dekaf._wire.reader import Reader


@final
class EncodedRecord:
    """One record, still in the bytes it was given in."""

    def __init__(self, timestamp_delta: i64, key: bytes | None, value: bytes | None, headers: bytes | None) -> None:
        self.timestamp_delta: Final = timestamp_delta  # to the batch's base timestamp
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers  # as `encode_headers` wrote them; None for none


def read_records(records: bytes, count: i64) -> list[EncodedRecord]:
    """Return the records in the records area of a batch, which must not be compressed."""
    reader = Reader(records)
    found: list[EncodedRecord] = []
    while count > 0:
        found.append(_read_record(reader))
        count -= 1
    reader.expect_end()
    return found


def decode_headers(encoded: bytes | None) -> list[tuple[str, bytes | None]]:
    """Return the headers of a record: the way back from `encode_headers`."""
    if encoded is None:
        return []
    reader = Reader(encoded)
    count = reader.take_varint()
    headers: list[tuple[str, bytes | None]] = []
    while count > 0:
        name = reader.take_bytes(reader.take_varint()).decode()
        headers.append((name, _take_nullable(reader)))
        count -= 1
    reader.expect_end()
    return headers


def read_timestamp_deltas(records: bytes, count: i64) -> list[i64]:
    """Return the records' timestamps, relative to the batch's base timestamp."""
    reader = Reader(records)
    deltas: list[i64] = []
    while count > 0:
        length = reader.take_varint()
        end = reader.at + length
        reader.take_i8()  # attributes
        deltas.append(reader.take_varint())
        reader.skip(end - reader.at)
        count -= 1
    reader.expect_end()
    return deltas


def _read_record(reader: Reader) -> EncodedRecord:
    length = reader.take_varint()
    end = reader.at + length
    reader.take_i8()  # attributes
    timestamp_delta = reader.take_varint()
    reader.take_varint()  # offset delta
    key = _take_nullable(reader)
    value = _take_nullable(reader)
    headers = reader.take_bytes(end - reader.at)
    return EncodedRecord(timestamp_delta, key, value, None if headers == b"\0" else headers)


def _take_nullable(reader: Reader) -> bytes | None:
    size = reader.take_varint()
    return None if size < 0 else reader.take_bytes(size)
