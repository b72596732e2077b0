"""Records as bytes, held against a reader that shares no code with the writer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given

from dekaf._record.builder import RecordBatchBuilder
from dekaf._record.compression import codec_for
from dekaf._record.record_batch import BATCH_OVERHEAD
from dekaf._wire.writer import BytesWriter
from dekaf.testing.decompression import decompress
from dekaf.testing.record_reader import BatchRecord, read_records
from tests.codecs import CODECS
from tests.unit.record.records import RECORDS, Record, add, built

T = 1_700_000_000_000


def expected_of(records: list[Record]) -> list[BatchRecord]:
    return [
        BatchRecord(
            offset_delta=number,
            timestamp_delta=timestamp - records[0][0],
            key=key,
            value=value,
            headers=tuple(headers),
        )
        for number, (timestamp, key, value, headers) in enumerate(records)
    ]


@given(RECORDS)
def test_what_is_written_is_read_again(records: list[Record]) -> None:
    batch = built(records).build(None)

    assert read_records(batch.records, len(records)) == expected_of(records)


@given(RECORDS)
def test_size_is_never_above_its_bound_and_always_exact(records: list[Record]) -> None:
    builder = RecordBatchBuilder(records[0][0], BytesWriter())
    for record in records:
        before = builder.size_bytes
        bound = add(builder, record)
        assert builder.size_bytes - before <= bound

    assert builder.build(None).size_bytes == builder.size_bytes == BATCH_OVERHEAD + len(builder.writer.getvalue())


@pytest.mark.mistake("kafka-go #266", "kafkajs #187")
def test_deltas_count_from_the_first_record() -> None:
    batch = built([(T + delta, None, b"v", []) for delta in (0, 9, 3, -4)]).build(None)

    assert [record.timestamp_delta for record in read_records(batch.records, 4)] == [0, 9, 3, -4]
    assert (batch.base_timestamp, batch.max_timestamp) == (T, T + 9)


def test_empty_is_not_null() -> None:
    batch = built([(T, b"", b"", []), (T, None, None, [])]).build(None)

    assert [(one.key, one.value) for one in read_records(batch.records, 2)] == [(b"", b""), (None, None)]


def test_headers_keep_their_order_and_duplicates() -> None:
    headers: list[tuple[str, bytes | None]] = [("b", b"1"), ("a", None), ("b", b""), ("ключ", b"\xff")]
    batch = built([(T, None, None, headers)]).build(None)

    assert read_records(batch.records, 1)[0].headers == tuple(headers)


def test_compressed_batch_keeps_its_real_count() -> None:
    codec = codec_for("gzip", None)
    assert codec is not None
    records: list[Record] = [(T, b"key", b"value" * 20, []) for _ in range(50)]

    batch = built(records).build(codec)

    assert batch.codec_id == 1
    assert batch.record_count == 50
    assert batch.size_bytes == BATCH_OVERHEAD + len(batch.records)
    assert read_records(decompress(1, batch.records), 50) == expected_of(records)


@pytest.mark.parametrize("name", CODECS)
def test_batch_that_would_not_shrink_stays_uncompressed(name: str) -> None:
    """A record just below the limits may not exceed them because of its codec."""
    codec = codec_for(name, None)
    assert codec is not None
    records: list[Record] = [(T, None, random.Random(1).randbytes(100_000), [])]

    batch = built(records).build(codec)

    assert batch.codec_id == 0
    assert read_records(batch.records, 1) == expected_of(records)
