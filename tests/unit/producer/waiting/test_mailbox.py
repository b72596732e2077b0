"""Outcomes on their way to an event loop, and one wake-up for many appends."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import pytest

from dekaf.producer._waiting.mailbox import MOST_BOUNDED, LoopMailbox, call_contained
from tests.unit.producer.rooms import Wakes


class Loop:
    """An event loop that runs when it is told to."""

    def __init__(self) -> None:
        self.soon: list[Any] = []
        self.is_over = False

    def call_soon(self, callback: Any, /) -> object:
        self.soon.append(callback)
        return None

    def call_soon_threadsafe(self, callback: Any, /) -> object:
        if self.is_over:
            raise RuntimeError("Event loop is closed")
        return self.call_soon(callback)

    def add_reader(self, descriptor: int, callback: Any, /) -> object:
        raise NotImplementedError

    def is_closed(self) -> bool:
        return self.is_over

    def create_future(self) -> Any:
        raise NotImplementedError

    def run(self) -> None:
        """Do a round."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


class Note:
    """A group that notes being told."""

    def __init__(self, opened: list[int], number: int, *, callbacks: int = 0) -> None:
        self.called = 0
        self.is_dropped = False
        self._callbacks = callbacks
        self._opened = opened
        self._number = number

    def callback_count(self) -> int:
        """Return how many callbacks it pretends to hold."""
        return self._callbacks

    def notify(self) -> None:
        """Note it."""
        self._opened.append(self._number)

    def drop(self) -> None:
        """Note that, too."""
        self.is_dropped = True


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def mailbox(loop: Loop, wakes: Wakes) -> LoopMailbox:
    return LoopMailbox(loop, wakes)


def test_many_groups_take_one_call(mailbox: LoopMailbox, loop: Loop) -> None:
    opened: list[int] = []
    assert all(mailbox.post(Note(opened, number)) for number in range(5))

    assert len(loop.soon) == 1
    loop.run()
    assert opened == [0, 1, 2, 3, 4]


def test_group_posted_while_groups_are_opened_is_delivered(mailbox: LoopMailbox, loop: Loop) -> None:
    opened: list[int] = []

    class Posting(Note):
        def notify(self) -> None:
            mailbox.post(Note(opened, 2))

    mailbox.post(Posting(opened, 0))
    mailbox.post(Note(opened, 1))
    loop.run()
    loop.run()

    assert opened == [1, 2]
    assert loop.soon == []


def test_closed_loop_takes_no_groups_however_many(mailbox: LoopMailbox, loop: Loop) -> None:
    loop.is_over = True
    opened: list[int] = []

    assert [mailbox.post(Note(opened, number)) for number in range(3)] == [False] * 3


def test_loop_closed_before_it_delivered_takes_no_more_groups(mailbox: LoopMailbox, loop: Loop) -> None:
    opened: list[int] = []
    assert mailbox.post(Note(opened, 0))
    loop.is_over = True

    assert not mailbox.post(Note(opened, 1))


def test_loop_that_closes_just_now_takes_no_letter(mailbox: LoopMailbox, loop: Loop) -> None:
    class Closing(Loop):
        def call_soon_threadsafe(self, callback: Any, /) -> object:
            self.is_over = True
            return super().call_soon_threadsafe(callback)

    closing = LoopMailbox(Closing(), Wakes())
    opened: list[int] = []

    assert not closing.post(Note(opened, 0))
    assert not closing.post(Note(opened, 1))
    assert mailbox.loop is loop


# Callbacks are counted.


def test_callbacks_are_pending_until_they_have_run(mailbox: LoopMailbox, loop: Loop) -> None:
    mailbox.post_callbacks(Note([], 0, callbacks=3))
    mailbox.post(Note([], 1))
    assert mailbox.callbacks_pending() == 3

    loop.run()

    assert mailbox.callbacks_pending() == 0


def test_those_that_have_run_of_a_batch_are_not_pending(mailbox: LoopMailbox, loop: Loop) -> None:
    pending: list[tuple[int, bool]] = []

    class HalfWay(Note):
        def notify(self) -> None:
            self.called = 2
            pending.append((mailbox.callbacks_pending(), mailbox.is_calling))

    mailbox.post_callbacks(HalfWay([], 0, callbacks=5))
    mailbox.post_callbacks(Note([], 1, callbacks=4))
    loop.run()

    assert pending == [(7, True)]
    assert (mailbox.callbacks_pending(), mailbox.is_calling) == (0, False)


def test_who_waits_for_callbacks_is_told_after_those_that_were_due(mailbox: LoopMailbox, loop: Loop) -> None:
    told: list[int] = []
    assert not mailbox.when_called_back(lambda: told.append(-1))  # there are none

    mailbox.post_callbacks(Note(told, 0, callbacks=1))
    assert mailbox.when_called_back(lambda: told.append(1))
    mailbox.post_callbacks(Note(told, 2, callbacks=1))
    loop.run()

    assert told == [0, 1, 2]


def test_closed_loop_drops_what_it_was_given_before(mailbox: LoopMailbox, loop: Loop) -> None:
    groups = [Note([], number, callbacks=2) for number in range(3)]
    told: list[str] = []
    for group in groups:
        mailbox.post_callbacks(group)
    mailbox.when_called_back(lambda: told.append("over"))
    loop.is_over = True

    assert mailbox.callbacks_pending() == 0
    assert [group.is_dropped for group in groups] == [True] * 3
    assert told == ["over"]
    assert not mailbox.when_called_back(lambda: None)


def test_round_of_appends_wakes_once(mailbox: LoopMailbox, loop: Loop, wakes: Wakes) -> None:
    for _ in range(5):
        mailbox.wake_after_this_round()
    loop.run()
    assert wakes.take() == 1

    mailbox.wake_after_this_round()
    loop.run()
    assert wakes.take() == 1


def test_destinations_say_who_awaits_and_who_gathers(mailbox: LoopMailbox) -> None:
    assert [
        (one.is_awaited, one.wakes_after_loop_round)
        for one in (mailbox.awaited.endless, mailbox.submitted, mailbox.callbacks)
    ] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_calls_of_one_moment_share_a_route_that_no_call_of_another_moment_gets(loop: Loop) -> None:
    calls = LoopMailbox(loop, Wakes(), 20.0).awaited
    began = time.monotonic()
    first = calls.fresh(1_000)

    assert calls.current is first
    assert calls.fresh(2_000) is not first
    assert (first.is_call, first.is_awaited, first.limit) == (True, True, "produce_timeout_ms=20000")
    assert began + 20.0 <= first.ends_at <= time.monotonic() + 20.25
    assert (first.begun_ms, first.fresh_ms) == (1_000, 250)


def test_route_made_before_any_call_serves_none(loop: Loop) -> None:
    """The time until the first call would be lost to it."""
    calls = LoopMailbox(loop, Wakes(), 20.0).awaited

    assert calls.current.begun_ms == 0  # 1970, by the wall clock


def test_call_with_a_timeout_of_its_own_has_a_route_without_an_end(mailbox: LoopMailbox) -> None:
    route = mailbox.awaited.bounded(None)

    assert route is mailbox.awaited.endless
    assert route.ends_at == math.inf


def test_deadlines_a_moment_apart_share_a_route_which_is_never_early(mailbox: LoopMailbox) -> None:
    route = mailbox.submitted
    now = time.monotonic()
    bounded = {route.until(10.0, "a deadline") for _ in range(100)}

    assert len(bounded) <= 3
    for one in bounded:
        assert now + 10.0 <= one.ends_at <= time.monotonic() + 10.0 + 0.25
        assert (one.kind, one.mailbox, one.cost_bytes, one.is_call) == (route.kind, mailbox, route.cost_bytes, False)
    assert route.until(10.0, "another limit").limit == "another limit"


def test_routes_whose_end_is_over_are_forgotten(mailbox: LoopMailbox) -> None:
    """However many calls have deadlines, and however different they are."""
    route = mailbox.submitted
    for number in range(3 * MOST_BOUNDED):
        route._bounded[-number] = route.ending(-1.0, "a deadline")  # its time is over
        route.until(number / 100.0, "a deadline")

    assert len(route._bounded) < 2 * MOST_BOUNDED


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, SystemExit, KeyboardInterrupt])
def test_callback_is_contained(kind: type[BaseException]) -> None:
    failure = kind("on purpose")

    def fail(_: object, __: object) -> None:
        raise failure

    assert call_contained(fail, None, None) is failure
    assert call_contained(lambda _, __: None, None, None) is None


def test_callback_that_nobody_awaits_is_reported() -> None:
    async def callback(*_: object) -> None:
        """Never runs."""

    failure = call_contained(callback, None, None)

    assert isinstance(failure, TypeError)
    assert "on_delivery is a coroutine function" in str(failure)
