"""Records of every kind, the batches made of them, and how others read these."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._record.compression import Codec, codec_for
from dekaf._record.record_batch import RecordBatch
from dekaf._wire.writer import BytesWriter
from dekaf.testing.decompression import decompress
from dekaf.testing.record_reader import HEADER_BYTES, BatchHeader, read_records

with warnings.catch_warnings():
    # It opens its schemas in a way that newer Pythons deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.record.memory_records import MemoryRecords as KafkaPythonRecords

from aiokafka.record.memory_records import MemoryRecords as AiokafkaRecords

__all__ = ("CODECS", "DECODERS", "FIELDS", "HEADERS", "RECORDS", "Record", "append_to", "codec_of", "make_batch")


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as it is given and as it is to be read."""

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def encoded_headers(self) -> bytes | None:
        """The headers as the producer hands them to a batch."""
        return encode_headers(self.headers) if self.headers else None

    @property
    def content(self) -> int:
        """The size of what does not depend on the place in a batch."""
        return int(content_size(self.key, self.value, self.encoded_headers))


# Sizes around the steps of varints and of the codecs' blocks, and anything between.
_SIZES: Final = st.sampled_from([0, 1, 63, 64, 127, 128, 8191, 8192]) | st.integers(0, 300)
_REPETITIVE: Final = st.builds(lambda unit, size: (unit * size)[:size], st.binary(min_size=1, max_size=9), _SIZES)
FIELDS: Final = st.none() | st.binary(max_size=200) | _REPETITIVE
HEADERS: Final = st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=10), FIELDS), max_size=4).map(tuple)

_NOW: Final = 1_700_000_000_000
_NEARBY: Final = st.integers(_NOW - 10_000, _NOW + 10_000)
_TIMESTAMPS: Final = _NEARBY | st.integers(0, 2**63 - 1)
RECORDS: Final = st.lists(st.builds(Record, _TIMESTAMPS, FIELDS, FIELDS, HEADERS), min_size=1, max_size=20)

CODECS: Final[tuple[tuple[str, int | None], ...]] = (
    ("none", None),
    *(("gzip", level) for level in (None, -1, *range(1, 10))),
    ("snappy", None),
    *(("lz4", level) for level in (None, *range(1, 18))),
    *(("zstd", level) for level in (None, -131072, -7, *range(1, 23))),
)


@functools.cache
def codec_of(name: str, level: int | None) -> Codec | None:
    """Return a codec, made once: some take longer to make than a batch to compress."""
    return codec_for(name, level)


def append_to(builder: RecordBatchBuilder, record: Record) -> None:
    """Append one record, as the producer does."""
    builder.append(record.content, record.timestamp, record.key, record.value, record.encoded_headers)


def make_batch(records: list[Record], codec: Codec | None) -> RecordBatch:
    """Return the finished batch of these records."""
    builder = RecordBatchBuilder(records[0].timestamp, BytesWriter())
    for record in records:
        append_to(builder, record)
    return builder.build(codec)


def _read_as_the_fake_broker(batch: bytes) -> list[Record]:
    header = BatchHeader.read(batch)
    assert header.size_bytes == len(batch)
    assert header.matches_checksum(batch)
    assert header.last_offset_delta == header.record_count - 1
    records = read_records(decompress(header.codec, batch[HEADER_BYTES:]), header.record_count)
    assert [record.offset_delta for record in records] == list(range(header.record_count))
    return [Record(header.base_timestamp + one.timestamp_delta, one.key, one.value, one.headers) for one in records]


def _read_as_kafka_python(batch: bytes) -> list[Record]:
    return _read_with(KafkaPythonRecords(batch))


def _read_as_aiokafka(batch: bytes) -> list[Record]:
    return _read_with(AiokafkaRecords(batch))


def _read_with(records: KafkaPythonRecords | AiokafkaRecords) -> list[Record]:
    """Both have the same ancestor, and so the same methods."""
    found = records.next_batch()
    assert found is not None
    assert found.validate_crc()
    read = [Record(one.timestamp, one.key, one.value, tuple(one.headers)) for one in found]
    assert not records.has_next()
    return read


DECODERS: Final[dict[str, Callable[[bytes], list[Record]]]] = {
    "fake broker": _read_as_the_fake_broker,
    "kafka-python": _read_as_kafka_python,
    "aiokafka": _read_as_aiokafka,
}
