"""Every batch is read by others as what went in, and takes no more room than was reckoned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._record.builder import LENGTHS_UPPER_BOUND, RecordBatchBuilder
from dekaf._record.record_batch import BATCH_OVERHEAD
from dekaf._record.record_reader import read_records as read_own_records
from dekaf._wire.writer import BytesWriter
from dekaf.producer._buffer.accumulator import APPENDED
from dekaf.producer._buffer.waiting_record import JUST_NOW
from dekaf.testing.record_reader import BatchHeader
from tests.properties.records import CODECS, DECODERS, RECORDS, Record, append_to, codec_of, make_batch
from tests.unit.producer.rooms import accumulator_of, batches_of, open_topic

decoders = pytest.mark.parametrize("decoder", DECODERS)
IDENTITIES = st.just((-1, -1, -1)) | st.tuples(
    st.integers(0, 2**63 - 1), st.integers(0, 2**15 - 1), st.integers(0, 2**31 - 1)
)


@decoders
@given(RECORDS, st.sampled_from(CODECS), IDENTITIES)
def test_batch_is_read_as_what_went_in(
    decoder: str, records: list[Record], compression: tuple[str, int | None], identity: tuple[int, int, int]
) -> None:
    batch = make_batch(records, codec_of(*compression))

    assert DECODERS[decoder](batch.header(*identity) + batch.records) == records


@decoders
@pytest.mark.parametrize(("name", "level"), CODECS)
def test_every_level_of_every_codec_is_read(decoder: str, name: str, level: int | None) -> None:
    """Large enough for several blocks of each codec."""
    records = [
        Record(1_700_000_000_000 + n, b"key-%d" % n, b'{"order": %d}' % n * 200, (("n", None),)) for n in range(90)
    ]
    batch = make_batch(records, codec_of(name, level))

    assert DECODERS[decoder](batch.header(1, 0, 0) + batch.records) == records


@given(RECORDS, st.sampled_from(CODECS), IDENTITIES)
def test_header_says_what_is_in_the_batch(
    records: list[Record], compression: tuple[str, int | None], identity: tuple[int, int, int]
) -> None:
    codec = codec_of(*compression)
    plain = make_batch(records, None).records
    shrinks = codec is not None and len(codec.compress(plain)) < len(plain)
    batch = make_batch(records, codec)
    header = BatchHeader.read(batch.header(*identity) + batch.records)

    assert (header.producer_id, header.producer_epoch, header.base_sequence) == identity
    assert header.record_count == len(records)
    assert header.base_timestamp == records[0].timestamp
    assert header.max_timestamp == max(record.timestamp for record in records)
    assert header.codec == (("none", "gzip", "snappy", "lz4", "zstd").index(compression[0]) if shrinks else 0)
    assert not header.is_log_append_time
    assert not header.has_unknown_attributes


@given(RECORDS, st.sampled_from(CODECS))
def test_compressed_batch_is_taken_apart_again_to_split_it(
    records: list[Record], compression: tuple[str, int | None]
) -> None:
    codec = codec_of(*compression)
    batch = make_batch(records, codec)
    plain = batch.records if codec is None or batch.codec_id == 0 else codec.decompress(batch.records)

    found = read_own_records(plain, len(records))

    assert [(one.key, one.value, one.headers) for one in found] == [
        (record.key, record.value, record.encoded_headers) for record in records
    ]
    assert [batch.base_timestamp + one.timestamp_delta for one in found] == [record.timestamp for record in records]


# Sizes.


@pytest.mark.mistake("aiokafka PR 1142")
@given(RECORDS)
def test_record_never_exceeds_the_bound_that_is_held_against_max_request_size(records: list[Record]) -> None:
    """Headers, and what frames a record in its batch, count like its key and value."""
    builder = RecordBatchBuilder(records[0].timestamp, BytesWriter())
    bound = BATCH_OVERHEAD
    for record in records:
        append_to(builder, record)
        bound += record.content + LENGTHS_UPPER_BOUND
        assert builder.size_bytes <= bound

    assert builder.build(None).size_bytes == builder.size_bytes


@given(RECORDS, st.integers(1, 3000))
def test_memory_taken_is_what_is_written_and_never_more_than_was_reckoned(
    records: list[Record], batch_size: int
) -> None:
    accumulator = accumulator_of(batch_size=batch_size, buffer_memory=10_000_000, max_request_size=1_000_000)
    topic = open_topic(accumulator)
    reckoned = 0
    for record in records:
        status = accumulator.append(
            topic, record.key, record.value, record.encoded_headers, 0, record.timestamp, None, None, 0, JUST_NOW
        )
        assert status == APPENDED
        reckoned += record.content + LENGTHS_UPPER_BOUND

    batches = batches_of(topic.partitions[0])
    taken = accumulator.buffer.capacity - accumulator.buffer.free
    assert taken == sum(batch.charged for batch in batches) <= reckoned
    assert taken == sum(batch.size_on_wire() - BATCH_OVERHEAD for batch in batches)
