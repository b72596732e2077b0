"""One record's wait for space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.errors import BufferExhaustedError, ProduceError
from dekaf.producer._buffer.buffer_memory import BufferMemory, Reservation
from dekaf.producer._buffer.lock import new_lock
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.slow_way import append_waiting
from dekaf.producer._core.space import SpaceWait
from dekaf.producer.config import ProducerConfig
from tests.unit.producer.rooms import parked_record

MakeCore = Callable[..., ProducerCore]


@pytest.fixture
def make_core() -> Iterator[MakeCore]:
    cores: list[ProducerCore] = []

    def make(**options: Any) -> ProducerCore:
        core = ProducerCore(ProducerConfig(bootstrap_servers="127.0.0.1:1", max_block_ms=60_000, **options))
        cores.append(core)
        return core

    yield make
    for core in cores:
        core.close(0.0)


def buffer_of(core: ProducerCore) -> BufferMemory:
    return core.start().accumulator.buffer


def nothing() -> None:
    pass


def test_record_is_accepted_with_the_space_it_was_granted(make_core: MakeCore) -> None:
    core = make_core()
    granted: list[bool] = []
    wait = SpaceWait(core, parked_record(), None)

    wait.line_up(lambda: granted.append(True))

    assert granted == [True]  # there was some by then
    assert wait.settle(is_granted=True)
    assert core.buffered_records() == 1


def test_record_that_gets_no_space_in_time_leaves_the_line(make_core: MakeCore) -> None:
    core = make_core()
    buffer = buffer_of(core)
    buffer.free = 0
    wait = SpaceWait(core, parked_record(), 0.02)
    wait.line_up(nothing)
    assert len(buffer.waiters) == 1

    with pytest.raises(BufferExhaustedError, match="none became free within 20 ms"):
        wait.settle(is_granted=False)
    assert (len(buffer.waiters), buffer.free) == (0, 0)


def test_withdrawing_gives_back_once(make_core: MakeCore) -> None:
    core = make_core()
    buffer = buffer_of(core)
    wait = SpaceWait(core, parked_record(), None)
    wait.line_up(nothing)
    assert buffer.free < buffer.capacity

    for _ in range(2):
        wait.withdraw()

    assert buffer.free == buffer.capacity


def test_time_is_the_shorter_one_of_the_call_and_the_option(make_core: MakeCore) -> None:
    core = make_core()

    assert 59.0 < SpaceWait(core, parked_record(), None).seconds_left() <= 60.0
    assert 59.0 < SpaceWait(core, parked_record(), 1e9).seconds_left() <= 60.0
    assert SpaceWait(core, parked_record(), 1.0).seconds_left() <= 1.0
    assert SpaceWait(core, parked_record(), -1.0).seconds_left() <= 0.0


def test_record_does_not_wait_where_a_full_buffer_is_an_error(make_core: MakeCore) -> None:
    wait = SpaceWait(make_core(buffer_full="raise"), parked_record(), None)

    with pytest.raises(BufferExhaustedError, match="does not wait"):
        wait.line_up(nothing)


# The slow way, with space that was set aside.


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
