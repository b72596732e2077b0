"""The header in front of a batch's records."""

from __future__ import annotations

import pytest

from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._record.record_batch import RecordBatch
from dekaf._wire.writer import BytesWriter
from dekaf.testing.record_reader import BatchHeader

T = 1_700_000_000_000

# Read alike by aiokafka and kafka-python.
ONE_RECORD = (
    "00000000000000000000003dffffffff02e641a44b0000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff"
    "0000000116000000010a68656c6c6f00"
)
TWO_RECORDS = (
    "000000000000000000000048ffffffff022f5d24880000000000010000018bcfe568000000018bcfe5680500000000000003e8000000000000"
    "0000000218000000026b0276020268023112000a02010102026e01"
)


def batch_of(*records: tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]) -> RecordBatch:
    builder = RecordBatchBuilder(records[0][3], BytesWriter())
    for key, value, headers, timestamp in records:
        encoded = encode_headers(headers) if headers else None
        content = content_size(key, value, encoded)
        builder.append(content, timestamp, key, value, encoded)
    return builder.build(None)


def bytes_of(batch: RecordBatch, producer_id: int = -1, epoch: int = -1, sequence: int = -1) -> bytes:
    return batch.header(producer_id, epoch, sequence) + batch.records


def test_one_record_has_its_known_bytes() -> None:
    assert bytes_of(batch_of((None, b"hello", [], T))).hex() == ONE_RECORD


def test_two_records_with_headers_have_their_known_bytes() -> None:
    batch = batch_of((b"k", b"v", [("h", b"1")], T), (None, None, [("n", None)], T + 5))

    assert bytes_of(batch, 1000, 0, 0).hex() == TWO_RECORDS


@pytest.mark.mistake("redpanda #1702", "redpanda #25200")
def test_timestamps_need_no_order() -> None:
    """The base is the first record's, not the smallest; the maximum is the largest, not the last."""
    batch = batch_of(*[(None, b"v", [], T + delta) for delta in (0, 9, 3, -4)])
    header = BatchHeader.read(bytes_of(batch))

    assert (header.base_timestamp, header.max_timestamp) == (T, T + 9)


def test_identity_can_be_given_again_without_touching_the_records() -> None:
    batch = batch_of((None, b"hello", [], T), (None, b"again", [], T))
    records = batch.records

    for producer_id, epoch, sequence in ((1, 0, 0), (2**62, 32_767, 2**31 - 1), (-1, -1, -1)):
        whole = bytes_of(batch, producer_id, epoch, sequence)
        header = BatchHeader.read(whole)
        assert header.matches_checksum(whole)
        assert (header.producer_id, header.producer_epoch, header.base_sequence) == (producer_id, epoch, sequence)
        assert batch.records is records


@pytest.mark.parametrize("codec", range(5))
def test_header_says_what_is_in_the_batch(codec: int) -> None:
    batch = RecordBatch(b"compressed", codec, 7, T, T + 1)
    header = BatchHeader.read(bytes_of(batch))

    assert header.codec == codec
    assert (header.record_count, header.last_offset_delta) == (7, 6)
    assert (header.magic, header.base_offset, header.partition_leader_epoch) == (2, 0, -1)
    assert header.size_bytes == batch.size_bytes == 61 + len(b"compressed")
    assert not header.is_transactional
    assert not header.is_control
    assert not header.is_log_append_time
    assert not header.has_unknown_attributes
