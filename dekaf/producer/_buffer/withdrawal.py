"""Take the records out of a batch that were withdrawn, before it is numbered; the others stay, in their order."""

from __future__ import annotations

from mypy_extensions import i64

from dekaf._record.builder import RecordBatchBuilder, content_size
from dekaf._record.compression import Codec
from dekaf._record.record_reader import EncodedRecord, read_records
from dekaf._wire.writer import BytesWriter
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.buffer_memory import BufferMemory
from dekaf.producer._waiting.record_trace import chain_of


def rid_of_withdrawn(batches: list[ProducerBatch], codec: Codec | None, buffer: BufferMemory) -> list[ProducerBatch]:
    """Return batches that were taken out of their queue without the records that were withdrawn from them.

    Args:
        batches: Never sent; mostly nothing was withdrawn from them, and they are returned as they are.
        codec: With which they were compressed, if they were.
        buffer: Gets back what a batch took of which nothing is left.
    """
    for batch in batches:
        if batch.withdrawn:
            break
    else:
        return batches
    rest: list[ProducerBatch] = []
    for batch in batches:
        if not batch.withdrawn:
            rest.append(batch)
        elif len(batch.withdrawn) < batch.record_count:
            rest.append(without_withdrawn(batch, codec))
        else:
            forget(batch, buffer)
    return rest


def forget(batch: ProducerBatch, buffer: BufferMemory) -> None:
    """Free what a batch takes of which nothing is left; all its records have an outcome."""
    batch.state = BatchState.DONE
    batch.forget_bytes()
    charged = batch.charged
    batch.charged = 0
    buffer.give_back(charged)
    flushes = batch.flushes
    batch.flushes = []
    for flush in flushes:
        flush()


def without_withdrawn(batch: ProducerBatch, codec: Codec | None) -> ProducerBatch:
    """Return a batch of the records that are left, not sealed, with all that `batch` had.

    Args:
        batch: One that was never numbered, nor sent; somebody may compress it meanwhile. It is left empty-handed.
        codec: With which it was compressed, if it was.

    Returns:
        The batch; should the codec's library fail, or memory be short, it is `unreadable` and has no bytes.
    """
    gone = set(batch.withdrawn)
    kept = [index for index in range(int(batch.record_count)) if index not in gone]
    failure: Exception | None = None
    try:
        builder = _written_again(batch, codec, kept)
    except Exception as error:
        failure = error
        builder = RecordBatchBuilder(batch.builder.base_timestamp, BytesWriter())
        builder.record_count = len(kept)
    rest = ProducerBatch(batch.topic, batch.partition, builder, batch.created, batch.listener)
    rest.unreadable = failure
    places: dict[i64, i64] = {}
    for index in kept:
        places[index] = len(places)
    _pass_on(batch, rest, places)
    return rest


def _written_again(batch: ProducerBatch, codec: Codec | None, kept: list[int]) -> RecordBatchBuilder:
    records = _records_of(batch, codec)
    base_timestamp: i64 = batch.builder.base_timestamp
    if kept:
        base_timestamp += records[kept[0]].timestamp_delta
    builder = RecordBatchBuilder(base_timestamp, BytesWriter())
    for index in kept:
        record = records[index]
        content = content_size(record.key, record.value, record.headers)
        timestamp = batch.builder.base_timestamp + record.timestamp_delta
        builder.append(content, timestamp, record.key, record.value, record.headers)
    return builder


def _records_of(batch: ProducerBatch, codec: Codec | None) -> list[EncodedRecord]:
    encoded = b""
    sealed = batch.sealed
    if sealed is None:
        encoded = batch.builder.writer.getvalue()
        sealed = batch.sealed  # whoever compresses it takes the writer away only afterwards
    if sealed is not None:
        compressed = codec is not None and sealed.codec_id != 0
        encoded = codec.decompress(sealed.records) if compressed and codec is not None else sealed.records
    return read_records(encoded, batch.record_count)


def _pass_on(batch: ProducerBatch, rest: ProducerBatch, places: dict[i64, i64]) -> None:
    shift = batch.builder.base_timestamp - rest.builder.base_timestamp
    for waits in batch.take_waits():
        mine = waits.moved(places, shift)
        mine.batch = rest
        rest.waits.append(mine)
    traces = batch.take_traces()
    for trace in traces:
        trace.index = places[trace.index]  # those of withdrawn records went with them
        trace.delta += shift
    rest.traces = chain_of(traces)
    rest.ends_at = batch.ends_at
    rest.awaited = batch.awaited
    rest.urgent = batch.urgent
    rest.charged = batch.charged
    batch.charged = 0
    rest.flushes = batch.flushes
    batch.flushes = []
    batch.withdrawn = []
