"""Write records, one after the other, into the bytes of a batch.

The hottest room of the package: every byte of a record is written exactly once, here. Sizes are computed before
anything is written, so a caller can reserve memory for a record, or find that it needs another batch, without undoing
anything.
Source: https://kafka.apache.org/documentation/#record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import i64

from dekaf._record.compression import Codec
from dekaf._record.record_batch import BATCH_OVERHEAD, RecordBatch
from dekaf._wire.varint import varint_size, write_varint
from dekaf._wire.writer import BytesWriter

# Attributes byte and the length of a null key or value are one byte each; varints take at most this many more:
# record length 5, timestamp delta 10, offset delta 5.
LENGTHS_UPPER_BOUND: Final = 20


def content_size(key: bytes | None, value: bytes | None, headers: bytes | None) -> i64:
    """Return the bytes of a record that do not depend on its place in a batch."""
    size: i64 = 2  # attributes, and the length byte of a null (or tiny) key; corrected below
    if key is not None:
        key_size: i64 = len(key)
        size = 1 + varint_size(key_size) + key_size
    if value is None:
        size += 1
    else:
        value_size: i64 = len(value)
        size += varint_size(value_size) + value_size
    if headers is None:  # a conditional expression would box both numbers
        return size + 1
    headers_size: i64 = len(headers)
    return size + headers_size


def encode_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return the header section of a record: their count, then each name and value."""
    writer = BytesWriter()
    write_varint(writer, len(headers))
    for name, value in headers:
        encoded = name.encode()
        write_varint(writer, len(encoded))
        writer.write(encoded)
        if value is None:
            write_varint(writer, -1)
        else:
            write_varint(writer, len(value))
            writer.write(value)
    return writer.getvalue()


@final
class RecordBatchBuilder:
    """Append records, then `build` the batch. Not thread-safe: its owner's lock guards it."""

    def __init__(self, base_timestamp: i64, writer: BytesWriter) -> None:
        self.writer = writer
        self.base_timestamp: Final = base_timestamp
        self.max_timestamp = base_timestamp
        self.record_count: i64 = 0
        self.size_bytes: i64 = BATCH_OVERHEAD

    def size_of(self, content: i64, timestamp: i64) -> i64:
        """Return how many bytes the next record takes, for a record whose `content_size` is `content`."""
        body = content + varint_size(timestamp - self.base_timestamp) + varint_size(self.record_count)
        return body + varint_size(body)

    def append(
        self, content: i64, timestamp: i64, key: bytes | None, value: bytes | None, headers: bytes | None
    ) -> i64:
        """Write one record and return the bytes it took.

        `content` is the record's `content_size`, `headers` what `encode_headers` gave.
        """
        writer = self.writer
        before = self.size_bytes - BATCH_OVERHEAD
        delta = timestamp - self.base_timestamp
        index = self.record_count
        try:
            write_varint(writer, content + varint_size(delta) + varint_size(index))
            writer.append(0)  # attributes: unused by Kafka
            write_varint(writer, delta)
            write_varint(writer, index)
            if key is None:
                writer.append(1)  # zig-zag for -1: null, which is not the same as empty
            else:
                write_varint(writer, len(key))
                writer.write(key)
            if value is None:
                writer.append(1)
            else:
                write_varint(writer, len(value))
                writer.write(value)
            if headers is None:
                writer.append(0)
            else:
                writer.write(headers)
        except BaseException:  # no memory: half a record would spoil those before it
            writer.truncate(before)
            raise
        after: i64 = len(writer)
        size = after - before
        self.record_count = index + 1
        self.size_bytes += size
        if timestamp > self.max_timestamp:  # noqa: PLR1730 # max() would box both numbers
            self.max_timestamp = timestamp
        return size

    def build(self, codec: Codec | None) -> RecordBatch:
        """Return the finished batch, compressed if there is a codec. Nothing may be appended afterwards."""
        records = self.writer.getvalue()
        codec_id: i64 = 0
        if codec is not None:
            compressed = codec.compress(records)
            # What does not shrink stays as it is: every limit was checked against its plain size, and a record just
            # below them may not fail because its codec made it larger. Consumers are saved the work as well.
            if len(compressed) < len(records):
                records = compressed
                codec_id = codec.id
        return RecordBatch(records, codec_id, self.record_count, self.base_timestamp, self.max_timestamp)
