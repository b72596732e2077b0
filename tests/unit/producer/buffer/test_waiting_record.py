"""A record that waits for space, or for its topic."""

from __future__ import annotations

from dekaf.producer._buffer.waiting_record import PARKED_COST, WaitingRecord
from dekaf.producer._waiting.mailbox import DELIVERY_COST, OutcomeRoute
from tests.unit.producer.rooms import DELIVERIES, T, accumulator_of, append, open_topic, parked_record


def record_with(route: OutcomeRoute | None) -> WaitingRecord:
    return WaitingRecord("t", b"key", b"value" * 100, b"\x02\x02h\x01", -1, T, None, route)


def test_a_record_takes_no_more_of_its_batch_than_it_says() -> None:
    accumulator = accumulator_of(batch_size=10_000)
    record = parked_record(b"value" * 100, key=b"key", charged=0)

    append(accumulator, open_topic(accumulator), record.value, key=record.key)

    taken = accumulator.buffer.capacity - accumulator.buffer.free
    assert 0 < taken <= record.written_bytes()


def test_what_waits_for_its_outcome_and_its_own_object_count() -> None:
    plain = record_with(None)

    assert plain.needed_bytes() == plain.written_bytes() + PARKED_COST
    assert record_with(DELIVERIES).needed_bytes() == plain.needed_bytes() + DELIVERY_COST
