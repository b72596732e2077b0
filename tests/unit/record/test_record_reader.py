"""Records of our own batches, taken apart again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from dekaf._record.builder import encode_headers
from dekaf._record.record_reader import decode_headers, read_records, read_timestamp_deltas
from dekaf.errors import MalformedResponseError
from tests.unit.record.records import RECORDS, Record, built

# A null key, the value "v", no headers; and 3 ms later the key "k", a null value, the header h without one.
RECORD_AREA = bytes.fromhex("0e 00 00 00 01 02 76 00 14 00 06 02 02 6b 01 02 02 68 01")


def test_fields_are_found_where_kafka_has_them() -> None:
    first, second = read_records(RECORD_AREA, 2)

    assert (first.timestamp_delta, first.key, first.value, first.headers) == (0, None, b"v", None)
    assert (second.timestamp_delta, second.key, second.value) == (3, b"k", None)
    assert decode_headers(second.headers) == [("h", None)]
    assert read_timestamp_deltas(RECORD_AREA, 2) == [0, 3]


@given(RECORDS)
def test_own_reader_takes_batches_apart_again(records: list[Record]) -> None:
    found = read_records(built(records).build(None).records, len(records))

    assert [(one.key, one.value) for one in found] == [(key, value) for _, key, value, _ in records]
    assert [one.timestamp_delta for one in found] == [timestamp - records[0][0] for timestamp, *_ in records]
    assert [one.headers for one in found] == [encode_headers(headers) if headers else None for *_, headers in records]
    assert [decode_headers(one.headers) for one in found] == [list(headers) for *_, headers in records]


@given(RECORDS)
def test_timestamps_can_be_read_without_the_rest(records: list[Record]) -> None:
    deltas = read_timestamp_deltas(built(records).build(None).records, len(records))

    assert deltas == [timestamp - records[0][0] for timestamp, *_ in records]


@pytest.mark.parametrize("read", [read_records, read_timestamp_deltas])
@pytest.mark.parametrize("count", [1, 3])
def test_other_number_of_records_than_announced_is_noticed(read: Any, count: int) -> None:
    with pytest.raises(MalformedResponseError):
        read(RECORD_AREA, count)


def test_record_without_headers_has_none_of_them() -> None:
    assert decode_headers(None) == []
