from __future__ import annotations

import pytest

from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._wire.writer import BytesWriter
from dekaf.testing.record_reader import HEADER_BYTES, BatchHeader, BatchRecord, UnreadableBatchError, read_records
from tests.unit.testing.batches import NOW, batch, record, records, varint

# Decoded alike by other clients' readers.
ONE_RECORD = bytes.fromhex(
    "00000000000000000000003dffffffff02e641a44b0000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff"
    "0000000116000000010a68656c6c6f00"
)
TWO_RECORDS = bytes.fromhex(
    "000000000000000000000048ffffffff022f5d24880000000000010000018bcfe568000000018bcfe5680500000000000003e8000000000000"
    "0000000218000000026b0276020268023112000a02010102026e01"
)


def test_header_of_a_known_batch_is_read_field_by_field() -> None:
    header = BatchHeader.read(TWO_RECORDS)

    assert header == BatchHeader(
        base_offset=0,
        batch_length=72,
        partition_leader_epoch=-1,
        magic=2,
        crc=0x2F5D2488,
        attributes=0,
        last_offset_delta=1,
        base_timestamp=NOW,
        max_timestamp=NOW + 5,
        producer_id=1000,
        producer_epoch=0,
        base_sequence=0,
        record_count=2,
    )
    assert header.size_bytes == len(TWO_RECORDS)
    assert header.matches_checksum(TWO_RECORDS)


def test_records_of_a_known_batch_are_read_with_nulls_and_headers() -> None:
    assert read_records(TWO_RECORDS[HEADER_BYTES:], 2) == [
        BatchRecord(0, 0, b"k", b"v", (("h", b"1"),)),
        BatchRecord(1, 5, None, None, (("n", None),)),
    ]
    assert read_records(ONE_RECORD[HEADER_BYTES:], 1) == [BatchRecord(0, 0, None, b"hello", ())]


def test_changed_byte_breaks_the_checksum() -> None:
    changed = ONE_RECORD[:-2] + b"x" + ONE_RECORD[-1:]

    assert not BatchHeader.read(changed).matches_checksum(changed)


def test_attributes_are_told_apart() -> None:
    header = BatchHeader.read(batch(attributes=0b1111011))

    assert (header.codec, header.is_log_append_time, header.is_transactional) == (3, True, True)
    assert (header.is_control, header.has_unknown_attributes) == (True, True)


def test_what_the_builder_writes_is_read_back() -> None:
    builder = RecordBatchBuilder(NOW, BytesWriter())
    headers = encode_headers([("a", b"1"), ("a", None), ("", b"")])
    for timestamp, key, value in ((NOW, b"", b"x" * 300), (NOW - 4, None, None), (NOW + 70_000, b"key", b"")):
        size = content_size(key, value, headers)
        builder.append(size, timestamp, key, value, headers)
    raw = builder.build(None)
    whole = raw.header(-1, -1, -1) + raw.records

    given = (("a", b"1"), ("a", None), ("", b""))
    assert BatchHeader.read(whole).matches_checksum(whole)
    assert BatchHeader.read(whole).max_timestamp == NOW + 70_000
    assert read_records(whole[HEADER_BYTES:], 3) == [
        BatchRecord(0, 0, b"", b"x" * 300, given),
        BatchRecord(1, -4, None, None, given),
        BatchRecord(2, 70_000, b"key", b"", given),
    ]


def test_fewer_bytes_than_a_header_are_refused() -> None:
    with pytest.raises(UnreadableBatchError, match="60 bytes are too few"):
        BatchHeader.read(bytes(60))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_wrong_count_is_refused(count: int) -> None:
    with pytest.raises(UnreadableBatchError):
        read_records(records((None, b"a"), (None, b"b")), count)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(record(0, b"k", b"v")[:-1], id="cut off"),
        pytest.param(varint(50) + record(0, b"k", b"v")[1:], id="longer than it is"),
        pytest.param(b"\x80" * 11, id="endless varint"),
        pytest.param(varint(5) + b"\0\0\0" + varint(-2) + b"\0", id="negative size"),
        pytest.param(varint(6) + b"\0\0\0\1\1" + varint(-1), id="negative header count"),
        pytest.param(varint(8) + b"\0\0\0\1\1" + varint(1) + varint(-1) + b"\1", id="header without a name"),
        pytest.param(varint(9) + b"\0\0\0\1\1" + varint(1) + varint(1) + b"\xff\1", id="name that is not UTF-8"),
        pytest.param(varint(6) + b"\1\0\0\1\1\0", id="attributes"),
    ],
)
def test_damaged_record_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableBatchError):
        read_records(data, 1)
