"""Records as hypothesis makes them, and batches of them."""

from __future__ import annotations

from hypothesis import strategies as st

from dekaf._record.builder import LENGTHS_UPPER_BOUND, RecordBatchBuilder, content_size, encode_headers
from dekaf._wire.writer import BytesWriter

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


def built(records: list[Record]) -> RecordBatchBuilder:
    builder = RecordBatchBuilder(records[0][0], BytesWriter())
    for record in records:
        add(builder, record)
    return builder
