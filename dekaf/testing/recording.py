"""Recording: what doubles of producers remember, and what they were told to fail."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from dekaf._protocol.error_codes import ERROR_CODES
from dekaf.errors import (
    BufferExhaustedError,
    DeliveryAbortedError,
    DeliveryTimeoutError,
    InvalidTopicError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
)
from dekaf.partitioning import murmur2
from dekaf.producer.produced import RecordedMessage
from dekaf.types import DrainReport, Headers, ProducerState, ProducerStatus, RecordMetadata

__all__ = ("Recording",)

_BUFFER_MEMORY: Final = 32 * 1024 * 1024  # a producer's default, for status()
_MAX_FAILURES: Final = 16  # in a report

# What a producer raises at the call, because it does not accept such a message; all else is told as the outcome.
_AT_THE_CALL: Final = (BufferExhaustedError, InvalidTopicError, RecordTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message on its way into a recording; without a timestamp or a partition if the caller gave none."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None
    timestamp_ms: int | None


@dataclass(slots=True)
class _ScriptedFailure:
    topic: str | None
    error: ProduceError | type[ProduceError]
    left: int


class Recording:
    """What any number of doubles, and their views, produced. All of it may be used from any thread.

    Args:
        partition_count: how many partitions every topic has; the murmur2 hash of the key chooses one of them, and
            messages without a key go to partition 0. A partition asked for explicitly is taken whatever this says.

    Example:
        recording = Recording(partition_count=3)
        producer = RecordingProducer(key=str, value=Order, recording=recording)
        audit = RecordingAsyncProducer(key=str, value=AuditEvent, recording=recording)
    """

    def __init__(self, *, partition_count: int = 1) -> None:
        if partition_count < 1:
            raise ValueError(f"partition_count must be at least 1, not {partition_count}")
        self._partition_count = partition_count
        self._lock = threading.Lock()  # guards everything below
        self._messages: list[RecordedMessage] = []
        self._next_offsets: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._scripted: list[_ScriptedFailure] = []
        self._failures: list[ProduceError] = []  # since the last report
        self._delivered_since_report = 0
        self._delivered_total = 0
        self._failed_total = 0
        self._unobserved_failures_total = 0
        self._last_error: str | None = None
        self._is_closed = False

    # What tests ask and order.

    @property
    def messages(self) -> list[RecordedMessage]:
        """The messages that were delivered, in order."""
        with self._lock:
            return list(self._messages)

    def to_topic(self, topic: str) -> list[RecordedMessage]:
        """Return the messages delivered to one topic, in order."""
        return [message for message in self.messages if message.topic == topic]

    def fail_next(self, topic: str | None, error: ProduceError | type[ProduceError], *, times: int = 1) -> None:
        """Let the next messages fail; several orders for a topic are served in turn.

        Args:
            topic: the topic whose messages fail; None for any.
            error: an error, of which each message gets a copy, or an error's class. Of a class the codes and flags are
                what Kafka's own error of that kind has.
            times: how many messages.
        """
        with self._lock:
            self._scripted.append(_ScriptedFailure(topic, error, times))

    def clear(self) -> None:
        """Forget all messages and everything scripted; offsets start at 0 again."""
        with self._lock:
            self._messages.clear()
            self._next_offsets.clear()
            self._scripted.clear()
            self._failures.clear()
            self._delivered_since_report = 0

    # What doubles do.

    def write(self, draft: Draft, *, is_fire: bool = False) -> RecordMetadata | ProduceError:
        """Record a message and return its outcome.

        Raises:
            ProducerClosedError: the recording was closed.
            ProduceError: the test scripted an error that a producer raises at the call.
        """
        with self._lock:
            self._check_open_locked()
            partition = self._partition_of(draft)
            error = self._scripted_error_locked(draft.topic, partition)
            if error is not None:
                return self._fail_locked(error, is_fire=is_fire)
            return self._deliver_locked(draft, partition)

    def check_open(self) -> None:
        """Raise ProducerClosedError if the recording was closed."""
        with self._lock:
            self._check_open_locked()

    def report(self) -> DrainReport:
        """Return what happened since the last report."""
        with self._lock:
            return self._report_locked()

    def close(self) -> DrainReport:
        """Accept nothing more; closing again changes nothing."""
        with self._lock:
            self._is_closed = True
            return self._report_locked()

    def status(self) -> ProducerStatus:
        """Return the snapshot that the doubles give; nothing is ever buffered."""
        with self._lock:
            is_used = bool(self._delivered_total or self._failed_total)
            state = ProducerState.RUNNING if is_used else ProducerState.IDLE
            return ProducerStatus(
                state=ProducerState.CLOSED if self._is_closed else state,
                buffered_records=0,
                buffered_bytes=0,
                buffer_memory=_BUFFER_MEMORY,
                waiting_for_space=0,
                in_flight_requests=0,
                known_brokers=0,
                connected_brokers=0,
                topics=tuple(sorted({topic for topic, _ in self._next_offsets})),
                delivered_total=self._delivered_total,
                failed_total=self._failed_total,
                unobserved_failures_total=self._unobserved_failures_total,
                retries_total=0,
                engine_restarts=0,
                producer_id_resets=0,
                last_error=self._last_error,
                pid=os.getpid(),
            )

    @property
    def partition_count(self) -> int:
        """How many partitions every topic has."""
        return self._partition_count

    # Within.

    def _check_open_locked(self) -> None:
        if self._is_closed:
            raise ProducerClosedError("The producer is closed; make a new one, or close it later.")

    def _partition_of(self, draft: Draft) -> int:
        if draft.partition is not None:
            return draft.partition
        return 0 if draft.key is None else int(murmur2(draft.key)) % self._partition_count

    def _deliver_locked(self, draft: Draft, partition: int) -> RecordMetadata:
        place = (draft.topic, partition)
        offset = self._next_offsets[place]
        self._next_offsets[place] = offset + 1
        timestamp_ms = time.time_ns() // 1_000_000 if draft.timestamp_ms is None else draft.timestamp_ms
        self._messages.append(
            RecordedMessage(
                topic=draft.topic,
                partition=partition,
                key=draft.key,
                value=draft.value,
                headers=draft.headers,
                timestamp_ms=timestamp_ms,
                offset=offset,
            )
        )
        self._delivered_total += 1
        self._delivered_since_report += 1
        return RecordMetadata(draft.topic, partition, offset, timestamp_ms)

    def _scripted_error_locked(self, topic: str, partition: int) -> ProduceError | None:
        for scripted in self._scripted:
            if scripted.left > 0 and scripted.topic in {None, topic}:
                scripted.left -= 1
                return _script_error(scripted.error, topic, partition)
        return None

    def _fail_locked(self, error: ProduceError, *, is_fire: bool) -> ProduceError:
        self._last_error = str(error)
        if isinstance(error, _AT_THE_CALL):
            raise error
        self._failed_total += 1
        self._failures.append(error)
        if is_fire:
            self._unobserved_failures_total += 1
        return error

    def _report_locked(self) -> DrainReport:
        failures, self._failures = self._failures, []
        delivered, self._delivered_since_report = self._delivered_since_report, 0
        return DrainReport(
            delivered=delivered,
            failed=len(failures),
            undelivered=0,
            elapsed=0.0,
            failures=tuple(failures[:_MAX_FAILURES]),
        )


def _script_error(error: ProduceError | type[ProduceError], topic: str, partition: int) -> ProduceError:
    """Return a fresh error about one message, so that no traceback is shared."""
    if isinstance(error, ProduceError):
        mine = copy.copy(error)
        mine.topic = topic if mine.topic is None else mine.topic
        mine.partition = partition if mine.partition is None else mine.partition
        return mine
    row = next((row for row in ERROR_CODES.values() if row.error_class is error), None)
    is_local = row is None or error is ProduceError
    return error(
        "The test let this message fail.",
        topic=topic,
        partition=partition,
        code=None if is_local or row is None else row.code,
        is_retriable=issubclass(error, _RETRIABLE) if is_local or row is None else row.is_retriable,
        may_be_persisted=issubclass(error, _AMBIGUOUS) if is_local or row is None else row.may_be_persisted,
    )


# Of the errors that no broker answers with.
_RETRIABLE: Final = (BufferExhaustedError, DeliveryAbortedError, DeliveryTimeoutError)
_AMBIGUOUS: Final = (DeliveryAbortedError, DeliveryTimeoutError)
