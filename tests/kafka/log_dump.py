"""Understand what kafka-dump-log prints: every batch on a broker's disk, as Kafka itself reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ("DumpedBatch", "parse_dump")

FILE = re.compile(r"^Dumping .*/(?P<topic>[^/]+)-(?P<partition>\d+)/\d+\.log$")
BATCH = re.compile(
    r"^baseOffset: (?P<base_offset>\d+) lastOffset: (?P<last_offset>\d+) count: (?P<count>\d+) "
    r"baseSequence: (?P<base_sequence>-?\d+) lastSequence: (?P<last_sequence>-?\d+) "
    r"producerId: (?P<producer_id>-?\d+) producerEpoch: (?P<producer_epoch>-?\d+) .*"
    r"size: (?P<size>\d+) magic: (?P<magic>\d+) compresscodec: (?P<codec>\w+) crc: \d+ isvalid: (?P<is_valid>\w+)$"
)


@dataclass(frozen=True, kw_only=True)
class DumpedBatch:
    """One batch in a partition's file."""

    topic: str
    partition: int
    base_offset: int
    last_offset: int
    count: int
    base_sequence: int
    last_sequence: int
    producer_id: int
    producer_epoch: int
    size_bytes: int
    magic: int
    codec: str
    is_valid: bool


def parse_dump(text: str) -> list[DumpedBatch]:
    """Return the batches in the order printed: file by file, by offset (releases from 2.8 on)."""
    return list(_batches(text))


def _batches(text: str) -> Iterator[DumpedBatch]:
    file: re.Match[str] | None = None
    for line in text.splitlines():
        file = FILE.match(line) or file
        found = BATCH.match(line)
        if found is None or file is None:
            continue
        yield DumpedBatch(
            topic=file["topic"],
            partition=int(file["partition"]),
            base_offset=int(found["base_offset"]),
            last_offset=int(found["last_offset"]),
            count=int(found["count"]),
            base_sequence=int(found["base_sequence"]),
            last_sequence=int(found["last_sequence"]),
            producer_id=int(found["producer_id"]),
            producer_epoch=int(found["producer_epoch"]),
            size_bytes=int(found["size"]),
            magic=int(found["magic"]),
            codec=found["codec"].lower(),
            is_valid=found["is_valid"] == "true",
        )
