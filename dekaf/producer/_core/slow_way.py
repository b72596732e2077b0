"""The slow way in: of a record whose topic is new, whose engine is to be started, or for which space was set aside."""

from __future__ import annotations

import math
import time

from mypy_extensions import i64

from dekaf.errors import RecordTooLargeError
from dekaf.producer._buffer.accumulator import APPENDED, NOT_KNOWN, TOO_LARGE, RecordAccumulator
from dekaf.producer._buffer.buffer_memory import Reservation
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._core.core import ProducerCore


def append_waiting(core: ProducerCore, record: WaitingRecord, reservation: Reservation | None) -> bool:
    """Append a record, or park it until its topic's partitions are known.

    Args:
        core: Which starts its engine, if need be.
        record: The record.
        reservation: The space that was set aside for it; used up, or given back, whatever happens.

    Returns:
        False if there is no space, or if what was set aside went with the engine that had set it aside.

    Raises:
        InvalidTopicError: The topic has a name that Kafka does not allow.
        ProduceError: It has no such partition, or the partitioner failed; the record is larger than the limits allow.
        ProducerClosedError: The producer was closed.
    """
    try:
        core.check_topic(record.topic)
        produced = core.life.produced
        if produced is not None:
            core.start()  # one that is closed says so before anything else
            produced.refuse(record.topic)  # as a test ordered
        while True:
            # The engine's own: the core's may still be the one before while another thread starts the engine.
            accumulator = core.start().accumulator
            reserved: i64 = 0
            if reservation is not None:
                if reservation.buffer is not accumulator.buffer:
                    return False
                reserved = reservation.size
            status = _append_or_park(core, accumulator, record, reserved)
            if status == TOO_LARGE:
                raise _too_large_error(core, accumulator, record)  # noqa: TRY301 # the space goes back below
            if status == APPENDED and record.route is not None and record.route.ends_at < math.inf:
                accumulator.expect_end(record.route.ends_at)  # part of its time is over already
            if status != NOT_KNOWN:
                return status == APPENDED
    except BaseException:
        if reservation is not None:
            reservation.give_back()
        raise


def _append_or_park(core: ProducerCore, accumulator: RecordAccumulator, record: WaitingRecord, reserved: i64) -> i64:
    queues = accumulator.topic(record.topic)
    if queues.is_known:
        partition = core.check_partition(queues, record.key, record.partition)
        return accumulator.append_waiting(queues, record, partition, reserved)
    if record.written_bytes() > accumulator.max_record_size:
        return TOO_LARGE
    record.charged = reserved if reserved > 0 else record.needed_bytes()
    record.accepted = time.monotonic()
    status = accumulator.park(queues, record, reserved=reserved)
    if status == APPENDED:
        core.life.wake()
    return status


def _too_large_error(core: ProducerCore, accumulator: RecordAccumulator, record: WaitingRecord) -> RecordTooLargeError:
    return RecordTooLargeError(
        f"The record takes up to {record.written_bytes()} bytes; max_request_size={core.config.max_request_size} and "
        f"buffer_memory={core.config.buffer_memory} allow {max(0, int(accumulator.max_record_size))}.",
        topic=record.topic,
    )
