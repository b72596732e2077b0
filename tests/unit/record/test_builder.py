"""Records as bytes, held against a reader that shares no code with the writer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._record.builder import LENGTHS_UPPER_BOUND, RecordBatchBuilder, content_size, encode_headers
from dekaf._record.compression import codec_for
from dekaf._record.record_batch import BATCH_OVERHEAD
from dekaf._record.record_reader import decode_headers, read_timestamp_deltas
from dekaf._record.record_reader import read_records as read_own_records
from dekaf._wire.writer import BytesWriter
from dekaf.testing.decompression import decompress
from dekaf.testing.record_reader import BatchRecord, read_records
from tests.codecs import CODECS

T = 1_700_000_000_000

Record = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

FIELD = st.none() | st.binary(max_size=200)
HEADERS = st.lists(st.tuples(st.text(max_size=10), FIELD), max_size=4)
TIMESTAMPS = st.integers(min_value=0, max_value=2**62)
RECORDS: st.SearchStrategy[list[Record]] = st.lists(
    st.tuples(TIMESTAMPS, FIELD, FIELD, HEADERS), min_size=1, max_size=20
)


def add(builder: RecordBatchBuilder, record: Record) -> int:
    """Append one record; return what it was said to take, at the most."""
    timestamp, key, value, headers = record
    encoded = encode_headers(headers) if headers else None
    content = content_size(key, value, encoded)
    builder.append(content, timestamp, key, value, encoded)
    return content + LENGTHS_UPPER_BOUND


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


def built(records: list[Record]) -> RecordBatchBuilder:
    builder = RecordBatchBuilder(records[0][0], BytesWriter())
    for record in records:
        add(builder, record)
    return builder


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


@given(RECORDS)
def test_own_reader_takes_batches_apart_again(records: list[Record]) -> None:
    found = read_own_records(built(records).build(None).records, len(records))

    assert [(one.key, one.value) for one in found] == [(key, value) for _, key, value, _ in records]
    assert [one.timestamp_delta for one in found] == [timestamp - records[0][0] for timestamp, *_ in records]
    assert [one.headers for one in found] == [encode_headers(headers) if headers else None for *_, headers in records]
    assert [decode_headers(one.headers) for one in found] == [list(headers) for *_, headers in records]


@given(RECORDS)
def test_timestamps_can_be_read_without_the_rest(records: list[Record]) -> None:
    deltas = read_timestamp_deltas(built(records).build(None).records, len(records))

    assert deltas == [timestamp - records[0][0] for timestamp, *_ in records]


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
