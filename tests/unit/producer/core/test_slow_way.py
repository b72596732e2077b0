"""The slow way in, with space that was set aside."""

from __future__ import annotations

from typing import Any

import pytest

from dekaf.errors import ProduceError, ProducerClosedError
from dekaf.producer._buffer.buffer_memory import BufferMemory, Reservation
from dekaf.producer._buffer.lock import new_lock
from dekaf.producer._core.slow_way import append_waiting
from tests.unit.producer.core.conftest import MakeCore, buffer_of
from tests.unit.producer.rooms import parked_record


def reserve(buffer: BufferMemory, size: int) -> Reservation:
    buffer.free -= size
    return Reservation(buffer, size)


def test_space_set_aside_is_used_up(make_core: MakeCore) -> None:
    core = make_core()
    buffer = buffer_of(core)

    assert append_waiting(core, parked_record(), reserve(buffer, 500))

    assert buffer.free == buffer.capacity - 500  # parked: what it does not need goes back with its batch


@pytest.mark.parametrize(
    "record",
    [parked_record(b"x" * 2_000_000), parked_record(topic="no topic")],
    ids=["too large", "a name that is none"],
)
def test_space_set_aside_goes_back_with_an_error(make_core: MakeCore, record: Any) -> None:
    core = make_core()
    buffer = buffer_of(core)

    with pytest.raises(ProduceError):
        append_waiting(core, record, reserve(buffer, 500))

    assert buffer.free == buffer.capacity


def test_space_of_an_engine_that_has_ended_is_of_no_use(make_core: MakeCore) -> None:
    core = make_core()
    other = BufferMemory(10_000, new_lock())

    assert not append_waiting(core, parked_record(), reserve(other, 500))
    assert core.buffered_records() == 0


def test_space_set_aside_goes_back_when_the_producer_was_closed(make_core: MakeCore) -> None:
    core = make_core()
    buffer = buffer_of(core)
    reservation = reserve(buffer, 500)
    core.close(0.0)

    with pytest.raises(ProducerClosedError):
        append_waiting(core, parked_record(), reservation)

    assert buffer.free == buffer.capacity


def test_record_of_a_new_topic_is_parked_and_charged(make_core: MakeCore) -> None:
    core = make_core()
    buffer = buffer_of(core)
    record = parked_record(charged=0, accepted=-1.0)

    assert append_waiting(core, record, None)

    assert list(core.start().accumulator.topics["t"].parked) == [record]
    assert buffer.capacity - buffer.free == record.charged == record.needed_bytes()
    assert record.accepted > 0.0
