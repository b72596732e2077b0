"""Record batches made by hand, right or wrong in any field, without the builder that the producer uses."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeAlias

from crc32c import crc32c

Record: TypeAlias = tuple[bytes | None, bytes | None]

NOW = 1_700_000_000_000


def varint(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def nullable(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def record(
    index: int,
    key: bytes | None,
    value: bytes | None,
    *,
    timestamp_delta: int = 0,
    headers: Sequence[tuple[bytes, bytes | None]] = (),
) -> bytes:
    body = b"\0" + varint(timestamp_delta) + varint(index) + nullable(key) + nullable(value)
    body += varint(len(headers)) + b"".join(nullable(name) + nullable(content) for name, content in headers)
    return varint(len(body)) + body


def records(*given: Record) -> bytes:
    return b"".join(record(index, key, value) for index, (key, value) in enumerate(given))


def batch(
    payload: bytes | None = None,
    *,
    count: int = 1,
    attributes: int = 0,
    base_offset: int = 0,
    magic: int = 2,
    crc: int | None = None,
    last_offset_delta: int | None = None,
    base_timestamp: int = NOW,
    max_timestamp: int | None = None,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
) -> bytes:
    """Return a batch; by default one of `count` records with the values 0, 1, 2 ..."""
    content = records(*[(None, b"%d" % index) for index in range(count)]) if payload is None else payload
    covered = struct.pack(
        ">hiqqqhii",
        attributes,
        count - 1 if last_offset_delta is None else last_offset_delta,
        base_timestamp,
        base_timestamp if max_timestamp is None else max_timestamp,
        producer_id,
        producer_epoch,
        base_sequence,
        count,
    )
    checksum = crc32c(covered + content) if crc is None else crc
    inner = struct.pack(">ibI", -1, magic, checksum) + covered + content
    return struct.pack(">qi", base_offset, len(inner)) + inner


def idempotent(base_sequence: int, count: int = 1, *, producer_id: int = 7, epoch: int = 0) -> bytes:
    return batch(count=count, producer_id=producer_id, producer_epoch=epoch, base_sequence=base_sequence)
