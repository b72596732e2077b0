"""One record's wait for space."""

from __future__ import annotations

import pytest

from dekaf.errors import BufferExhaustedError
from dekaf.producer._core.space import SpaceWait
from tests.unit.producer.core.conftest import MakeCore, buffer_of
from tests.unit.producer.rooms import parked_record


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
