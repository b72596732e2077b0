"""The layout of a record batch, format v2: sizes, header fields, and the span its checksum covers.

Source: https://kafka.apache.org/documentation/#recordbatch. Only the records area is ever compressed; the 61-byte
header in front of it is not. Producer id, epoch and sequence live in that header, so they can be given (and, after an
epoch bump, given again) without touching the records.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from dekaf._wire.crc32c import crc32c
from dekaf._wire.writer import BytesWriter, write_i16, write_i32, write_i32_be, write_i64_be

BATCH_OVERHEAD: Final = 61  # bytes of header in front of the records
LENGTH_OFFSET: Final = 12  # base offset and the length itself are not counted in batch_length
MAGIC: Final = 2
CHEAPLY_COPIED: Final = 1024  # bytes: a second call of the checksum would take as long as copying them


@final
class RecordBatch:
    """The finished records of one batch: bytes that never change again, whatever is retried or renumbered."""

    def __init__(
        self, records: bytes, codec_id: i64, record_count: i64, base_timestamp: i64, max_timestamp: i64
    ) -> None:
        self.records: Final = records
        self.codec_id: Final = codec_id
        self.record_count: Final = record_count
        self.base_timestamp: Final = base_timestamp
        self.max_timestamp: Final = max_timestamp
        size: i64 = len(records)
        self.size_bytes: Final = BATCH_OVERHEAD + size

    def header(self, producer_id: i64, producer_epoch: i64, base_sequence: i64) -> bytes:
        """Return the 61 bytes that go in front of the records; -1 thrice for a producer that is not idempotent."""
        covered = BytesWriter()
        write_i16(covered, self.codec_id)
        write_i32(covered, self.record_count - 1)
        write_i64_be(covered, self.base_timestamp)
        write_i64_be(covered, self.max_timestamp)
        write_i64_be(covered, producer_id)
        write_i16(covered, producer_epoch)
        write_i32(covered, base_sequence)
        write_i32(covered, self.record_count)
        covered_bytes = covered.getvalue()
        checksum: i64
        if len(self.records) < CHEAPLY_COPIED:
            checksum = crc32c(covered_bytes + self.records)
        else:  # over the one, then the other: the two are never copied together
            checksum = crc32c(self.records, crc32c(covered_bytes))
        header = BytesWriter()
        write_i64_be(header, 0)  # base offset: the broker's to give
        write_i32(header, self.size_bytes - LENGTH_OFFSET)
        write_i32_be(header, -1)  # partition leader epoch: the broker's to give
        header.append(MAGIC)
        write_i32(header, checksum - 0x1_0000_0000 if checksum >= 0x8000_0000 else checksum)
        header.write(covered_bytes)
        return header.getvalue()
