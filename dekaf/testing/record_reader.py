"""Read record batches byte by byte, sharing no code with the rooms that write them.

A decoder that borrowed the writer's ideas would agree with its mistakes. Source:
https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from crc32c import crc32c

__all__ = ("BatchHeader", "BatchRecord", "UnreadableBatchError", "read_records")

HEADER_BYTES: Final = 61
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_PREFIX_BYTES: Final = 12  # base offset and length, which the length does not count
_CRC_START: Final = 21

_CODEC_BITS: Final = 0b111
_TIMESTAMP_TYPE_BIT: Final = 1 << 3
_TRANSACTIONAL_BIT: Final = 1 << 4
_CONTROL_BIT: Final = 1 << 5
_KNOWN_BITS: Final = 0b111111

_MAX_VARINT_BYTES: Final = 10


class UnreadableBatchError(ValueError):
    """The bytes are not a record batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """The 61 bytes in front of a batch's records, field by field."""

    base_offset: int
    batch_length: int
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @staticmethod
    def read(batch: bytes) -> BatchHeader:
        """Read the header of a batch.

        Raises:
            UnreadableBatchError: there are fewer bytes than a header has.
        """
        if len(batch) < HEADER_BYTES:
            raise UnreadableBatchError(f"{len(batch)} bytes are too few for a batch's header of {HEADER_BYTES}")
        fields = _HEADER.unpack_from(batch)
        return BatchHeader(**dict(zip(_FIELDS, fields, strict=True)))

    @property
    def size_bytes(self) -> int:
        """The size of the whole batch, as the header has it."""
        return self.batch_length + _PREFIX_BYTES

    @property
    def codec(self) -> int:
        """The compression: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & _CODEC_BITS

    @property
    def is_log_append_time(self) -> bool:
        """Whether the timestamps are said to be the broker's, which is not a producer's to say."""
        return bool(self.attributes & _TIMESTAMP_TYPE_BIT)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return bool(self.attributes & _TRANSACTIONAL_BIT)

    @property
    def is_control(self) -> bool:
        """Whether the batch is a transaction's marker, which only brokers write."""
        return bool(self.attributes & _CONTROL_BIT)

    @property
    def has_unknown_attributes(self) -> bool:
        """Whether bits are set that a producer must leave at 0."""
        return bool(self.attributes & ~_KNOWN_BITS)

    def matches_checksum(self, batch: bytes) -> bool:
        """Return whether the checksum is that of the bytes it covers."""
        return crc32c(batch[_CRC_START:]) == self.crc


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One record as it lies in a batch: offset and timestamp are relative to the batch's."""

    offset_delta: int
    timestamp_delta: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def read_records(data: bytes, count: int) -> list[BatchRecord]:
    """Read the records of a batch, decompressed.

    Args:
        data: what follows the header.
        count: how many the header announces.

    Raises:
        UnreadableBatchError: there are more or fewer of them, or a record's own sizes do not add up.
    """
    cursor = _Cursor(data)
    records: list[BatchRecord] = []
    while cursor.at < len(data):
        if len(records) == count:
            raise UnreadableBatchError(f"bytes follow the {count} records that the header announces")
        records.append(_read_record(cursor))
    if len(records) != count:
        raise UnreadableBatchError(f"the header announces {count} records, but there are {len(records)}")
    return records


def _read_record(cursor: _Cursor) -> BatchRecord:
    end = cursor.take_varint() + cursor.at
    attributes = cursor.take(1)[0]
    if attributes:
        raise UnreadableBatchError(f"a record has attributes {attributes}, where only 0 is defined")
    timestamp_delta = cursor.take_varint()
    offset_delta = cursor.take_varint()
    key = cursor.take_nullable()
    value = cursor.take_nullable()
    headers = tuple([_read_header(cursor) for _ in range(cursor.take_count())])
    if cursor.at != end:
        raise UnreadableBatchError(f"a record should end at byte {end}, not at byte {cursor.at}")
    return BatchRecord(offset_delta, timestamp_delta, key, value, headers)


def _read_header(cursor: _Cursor) -> tuple[str, bytes | None]:
    name = cursor.take_nullable()
    if name is None:
        raise UnreadableBatchError("a header has no name")
    try:
        return name.decode(), cursor.take_nullable()
    except UnicodeDecodeError as error:
        raise UnreadableBatchError("a header's name is not UTF-8") from error


class _Cursor:
    """A position in the records area."""

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data

    def take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self._data):
            raise UnreadableBatchError(f"{size} bytes are announced at byte {self.at} of {len(self._data)}")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def take_varint(self) -> int:
        number = 0
        for position in range(_MAX_VARINT_BYTES):
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise UnreadableBatchError(f"a varint before byte {self.at} is longer than {_MAX_VARINT_BYTES} bytes")

    def take_nullable(self) -> bytes | None:
        size = self.take_varint()
        return None if size == -1 else self.take(size)

    def take_count(self) -> int:
        count = self.take_varint()
        if count < 0 or count > len(self._data) - self.at:
            raise UnreadableBatchError(f"{count} headers are announced at byte {self.at} of {len(self._data)}")
        return count


_FIELDS: Final = tuple(BatchHeader.__dataclass_fields__)
