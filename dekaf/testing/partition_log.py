"""The log of one partition: what its leader checks, which sequence numbers it accepts, and what it has stored.

The rules are those of Apache Kafka's leaders: LogValidator and ProducerStateManager.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError
from dekaf.testing.decompression import UndecodableError, decompress
from dekaf.testing.record_reader import HEADER_BYTES, BatchHeader, BatchRecord, UnreadableBatchError, read_records

__all__ = ("AppendResult", "LoggedRecord", "PartitionLog", "TopicSettings", "next_sequence")

_MAGIC: Final = 2
_ZSTD: Final = 4
_FIRST_WITH_ZSTD: Final = 7
_MAX_SEQUENCE: Final = 2**31 - 1
_REMEMBERED_BATCHES: Final = 5  # per producer id: as many as it may have in flight


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """The settings of a topic that decide about a producer's batches.

    Args:
        max_message_bytes: the largest batch, compressed; Kafka's default.
        log_append_time: timestamps are the broker's, not the producer's.
        compacted: every record needs a key.
        is_writable: clients have the right to write to it; without it they may only see it.
        timestamp_after_max_ms: how far in the future a timestamp may lie, None for any; Kafka's default since 4.0.
    """

    max_message_bytes: int = 1_048_588
    log_append_time: bool = False
    compacted: bool = False
    is_writable: bool = True
    timestamp_after_max_ms: int | None = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRecord:
    """One record in a log.

    Args:
        topic: the topic.
        partition: the partition.
        offset: its place in the partition.
        timestamp_ms: milliseconds since 1970; the broker's if the topic uses ``LogAppendTime``.
        key: the key's bytes, or None.
        value: the value's bytes, or None for a tombstone.
        headers: the headers in order, duplicates included.
        producer_id: who wrote it; -1 if it was written without idempotence, and so for the next two.
        producer_epoch: the producer's epoch.
        sequence: the record's own sequence number.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    producer_id: int
    producer_epoch: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """What a leader answers for one batch.

    Args:
        error_code: 0 if the batch is in the log.
        base_offset: the offset of its first record; -1 for an error.
        log_append_time_ms: the broker's time if the topic uses it, else -1.
        record_errors: for a batch refused because of some records, their indexes and why.
        message: what the broker says about the error.
        is_duplicate: the batch was in the log already.
        violations: what a broker lets pass although the format forbids it.
    """

    error_code: int
    base_offset: int = -1
    log_append_time_ms: int = -1
    record_errors: Mapping[int, str | None] = field(default_factory=dict)
    message: str | None = None
    is_duplicate: bool = False
    violations: tuple[str, ...] = ()


class PartitionLog:
    """What was appended to one partition, and the state that keeps a producer's batches in order."""

    def __init__(self, topic: str, partition: int, settings: TopicSettings) -> None:
        self.records: list[LoggedRecord] = []
        self._topic = topic
        self._partition = partition
        self._settings = settings
        self._producers: dict[int, _ProducerState] = {}

    def append(self, batch: bytes | None, *, version: int) -> AppendResult:
        """Check a batch, and store its records unless they are there already or must be refused.

        Args:
            batch: what the request holds for the partition.
            version: the version of the Produce request.
        """
        try:
            header, records = _validate(batch, version, self._settings)
            base_offset = self._duplicate_of(header)
            if base_offset is not None:
                return AppendResult(error_code=ErrorCode.NONE, base_offset=base_offset, is_duplicate=True)
            self._check_sequence(header)
        except _RefusedError as refusal:
            return AppendResult(
                error_code=refusal.code, message=str(refusal) or None, record_errors=refusal.record_errors
            )
        return self._store(header, records)

    def forget_producers(self) -> None:
        """Lose the state of all producer ids, as a broker does when they expire."""
        self._producers.clear()

    def _duplicate_of(self, header: BatchHeader) -> int | None:
        state = self._producers.get(header.producer_id)
        if state is None or state.epoch != header.producer_epoch:
            return None
        last = _last_sequence(header)
        for stored in state.batches:
            if (stored.first, stored.last) == (header.base_sequence, last):
                return stored.base_offset
        return None

    def _check_sequence(self, header: BatchHeader) -> None:
        state = self._producers.get(header.producer_id)
        if header.producer_id < 0 or state is None:
            return  # a broker that knows nothing of a producer takes any number
        if header.producer_epoch < state.epoch:
            raise _RefusedError(
                ErrorCode.INVALID_PRODUCER_EPOCH, f"epoch {header.producer_epoch} is older than {state.epoch}"
            )
        expected = 0 if header.producer_epoch > state.epoch else next_sequence(state.batches[-1].last)
        if header.base_sequence != expected:
            raise _RefusedError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, f"sequence {header.base_sequence}, where {expected} is next"
            )

    def _store(self, header: BatchHeader, records: list[BatchRecord]) -> AppendResult:
        base_offset = len(self.records)
        append_time = _now_ms() if self._settings.log_append_time else -1
        for index, record in enumerate(records):
            self.records.append(
                LoggedRecord(
                    topic=self._topic,
                    partition=self._partition,
                    offset=base_offset + index,
                    timestamp_ms=append_time if append_time >= 0 else header.base_timestamp + record.timestamp_delta,
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                    producer_id=header.producer_id,
                    producer_epoch=header.producer_epoch,
                    sequence=next_sequence(header.base_sequence, index) if header.producer_id >= 0 else -1,
                )
            )
        if header.producer_id >= 0:
            self._remember(header, base_offset)
        return AppendResult(
            error_code=ErrorCode.NONE,
            base_offset=base_offset,
            log_append_time_ms=append_time,
            violations=tuple(_violations(header, records)),
        )

    def _remember(self, header: BatchHeader, base_offset: int) -> None:
        state = self._producers.get(header.producer_id)
        if state is None or state.epoch != header.producer_epoch:
            state = self._producers[header.producer_id] = _ProducerState(header.producer_epoch)
        state.batches.append(_StoredBatch(header.base_sequence, _last_sequence(header), base_offset))


def next_sequence(sequence: int, count: int = 1) -> int:
    """Return the number that many records on; 0 follows the largest int32."""
    return (sequence + count) & _MAX_SEQUENCE


@dataclass(frozen=True, slots=True)
class _StoredBatch:
    first: int
    last: int
    base_offset: int


class _ProducerState:
    """What a leader remembers of one producer id."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches: deque[_StoredBatch] = deque(maxlen=_REMEMBERED_BATCHES)


class _RefusedError(Exception):
    """A batch must not be appended."""

    def __init__(self, code: ErrorCode, message: str, record_errors: Mapping[int, str | None] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.record_errors = record_errors or {}


def _last_sequence(header: BatchHeader) -> int:
    return next_sequence(header.base_sequence, header.record_count - 1)


def _validate(batch: bytes | None, version: int, settings: TopicSettings) -> tuple[BatchHeader, list[BatchRecord]]:
    header = _read_header(batch)
    assert batch is not None
    _check_size(header, batch, settings)
    _check_header(header, version)
    try:
        records = read_records(decompress(header.codec, batch[HEADER_BYTES:]), header.record_count)
    except UnreadableBatchError as error:
        raise _RefusedError(ErrorCode.INVALID_RECORD, str(error)) from error
    except (UndecodableError, ConfigurationError) as error:
        # Kafka's own answer to whatever its decompressors throw.
        raise _RefusedError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error)) from error
    _check_records(header, records, settings)
    return header, records


def _read_header(batch: bytes | None) -> BatchHeader:
    if not batch:
        raise _RefusedError(ErrorCode.INVALID_RECORD, "there is no record batch")
    try:
        return BatchHeader.read(batch)
    except UnreadableBatchError as error:
        raise _RefusedError(ErrorCode.CORRUPT_MESSAGE, str(error)) from error


def _check_size(header: BatchHeader, batch: bytes, settings: TopicSettings) -> None:
    if header.magic != _MAGIC:
        raise _RefusedError(ErrorCode.INVALID_RECORD, f"the batch's format is {header.magic}, not {_MAGIC}")
    if header.size_bytes < HEADER_BYTES or header.size_bytes > len(batch):
        raise _RefusedError(ErrorCode.CORRUPT_MESSAGE, f"the batch has {len(batch)} bytes, not {header.size_bytes}")
    if header.size_bytes < len(batch):
        raise _RefusedError(ErrorCode.INVALID_RECORD, "there is more than one batch for the partition")
    if header.size_bytes > settings.max_message_bytes:
        raise _RefusedError(ErrorCode.MESSAGE_TOO_LARGE, f"{header.size_bytes} bytes exceed max.message.bytes")
    if not header.matches_checksum(batch):
        raise _RefusedError(ErrorCode.CORRUPT_MESSAGE, "the checksum is wrong")


def _check_header(header: BatchHeader, version: int) -> None:
    if header.base_offset != 0:
        raise _RefusedError(ErrorCode.INVALID_RECORD, f"the base offset is {header.base_offset}, not 0")
    if header.record_count <= 0 or header.record_count != header.last_offset_delta + 1:
        raise _RefusedError(
            ErrorCode.INVALID_RECORD,
            f"{header.record_count} records do not end at offset {header.last_offset_delta}",
        )
    if header.is_control:
        raise _RefusedError(ErrorCode.INVALID_RECORD, "a producer may not write control batches")
    if header.producer_id >= 0 and header.base_sequence < 0:
        raise _RefusedError(ErrorCode.INVALID_RECORD, f"the sequence is {header.base_sequence}")
    if header.is_transactional:
        raise _RefusedError(ErrorCode.INVALID_TXN_STATE, "this broker knows no transactions")
    if header.is_log_append_time:
        raise _RefusedError(ErrorCode.INVALID_TIMESTAMP, "the timestamp type is not the producer's to set")
    if header.codec == _ZSTD and version < _FIRST_WITH_ZSTD:
        raise _RefusedError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"zstd needs Produce {_FIRST_WITH_ZSTD}")


def _check_records(header: BatchHeader, records: list[BatchRecord], settings: TopicSettings) -> None:
    if settings.compacted:
        keyless = {at: "a compacted topic needs keys" for at, record in enumerate(records) if record.key is None}
        if keyless:
            raise _RefusedError(ErrorCode.INVALID_RECORD, "One or more records have been rejected", keyless)
    if settings.timestamp_after_max_ms is None or settings.log_append_time:
        return
    latest = _now_ms() + settings.timestamp_after_max_ms
    late = {
        at: "the timestamp lies too far in the future"
        for at, record in enumerate(records)
        if header.base_timestamp + record.timestamp_delta > latest
    }
    if late:
        raise _RefusedError(ErrorCode.INVALID_TIMESTAMP, "One or more records have been rejected", late)


def _violations(header: BatchHeader, records: list[BatchRecord]) -> list[str]:
    """Return what brokers repair or overlook."""
    found: list[str] = []
    if [record.offset_delta for record in records] != list(range(len(records))):
        found.append("the records' offsets do not count from 0")
    if records[0].timestamp_delta != 0:
        found.append("the base timestamp is not the first record's")
    if header.max_timestamp != header.base_timestamp + max(record.timestamp_delta for record in records):
        found.append("the maximum timestamp is not that of the records")
    if header.has_unknown_attributes:
        found.append(f"the attributes {header.attributes:#x} have bits that a producer must not set")
    if header.producer_id < 0 and (header.producer_id, header.producer_epoch, header.base_sequence) != (-1, -1, -1):
        found.append("without a producer id, epoch and sequence must be -1")
    return found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
