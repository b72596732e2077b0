"""Waking a thread, and a thread's call that waits to be woken."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from types import FrameType

import pytest

from dekaf._threads.waker import EventfdWaker, WakerPool, new_greenlet_waker
from dekaf.errors import DeliveryTimeoutError, InvalidRecordError
from dekaf.producer._waiting.delivery import BlockedCall
from dekaf.types import RecordMetadata

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="eventfd is Linux's")

METADATA = RecordMetadata("t", 0, 7, 1)


def is_known(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def take(wakers: WakerPool) -> EventfdWaker:
    waker = wakers.take()
    assert waker is not None
    return waker


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_ring_wakes_whoever_waits() -> None:
    waker = take(WakerPool())
    threading.Timer(0.05, waker.wake).start()

    assert waker.wait(None)


def test_ring_that_came_first_is_heard_once() -> None:
    waker = take(WakerPool())
    waker.wake()
    waker.wake()

    assert waker.wait(soon())
    assert not waker.wait(soon(0.01))


def test_nothing_rings_by_the_deadline() -> None:
    waker = take(WakerPool())
    started = time.monotonic()

    assert not waker.wait(started + 0.05)
    assert time.monotonic() - started >= 0.05
    assert not waker.wait(started)  # long ago


def test_wait_with_a_deadline_far_away_ends_with_the_ring() -> None:
    waker = take(WakerPool())
    threading.Timer(0.05, waker.wake).start()

    assert waker.wait(soon(threading.TIMEOUT_MAX))


def test_bell_given_back_is_taken_again_and_dropped_ones_are_closed() -> None:
    wakers = WakerPool()
    first, second = take(wakers), take(wakers)
    dropped = second.descriptor
    assert is_known(first.descriptor)
    assert is_known(dropped)
    wakers.give_back(first)
    assert take(wakers) is first

    del second
    assert not is_known(dropped)


def test_burst_of_threads_does_not_keep_its_descriptors() -> None:
    wakers = WakerPool()
    taken = [take(wakers) for _ in range(200)]
    descriptors = [waker.descriptor for waker in taken]
    assert all(map(is_known, descriptors))
    while taken:
        wakers.give_back(taken.pop())

    assert 0 < sum(map(is_known, descriptors)) < 100


def test_greenlets_leave_most_descriptors_to_their_sockets() -> None:
    wakers = [new_greenlet_waker() for _ in range(200)]

    assert 0 < len([waker for waker in wakers if waker is not None]) <= 64
    wakers.clear()
    assert new_greenlet_waker() is not None


def test_forked_child_neither_takes_nor_closes_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    wakers = WakerPool()
    inherited = take(wakers)
    wakers.give_back(inherited)
    descriptor = inherited.descriptor
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    own = take(wakers)
    assert own is not inherited
    del inherited
    assert is_known(descriptor)
    os.close(descriptor)


def test_without_descriptors_there_is_no_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: int, __: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "eventfd", no_more)
    assert WakerPool().take() is None


def test_system_without_eventfd_has_no_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "eventfd")
    assert WakerPool().take() is None


def test_blocked_call_returns_what_it_is_told_and_gives_its_bell_back() -> None:
    wakers = WakerPool()
    waker = take(wakers)
    call = BlockedCall("t", waker, wakers)
    threading.Timer(0.05, call.complete, (METADATA, None)).start()

    assert call.result_by(None, None) is METADATA
    assert take(wakers) is waker


def test_call_that_is_interrupted_leaves_its_record_to_the_producer_and_gives_its_bell_back() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    wakers = WakerPool()
    waker = take(wakers)
    call = BlockedCall("t", waker, wakers)
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(KeyboardInterrupt):
            call.result_by(None, None)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert call.is_abandoned
    assert take(wakers) is waker


def test_late_ring_does_not_end_the_next_call() -> None:
    wakers = WakerPool()
    waker = take(wakers)
    waker.wake()  # for the call before, which had seen its outcome already
    call = BlockedCall("t", waker, wakers)

    with pytest.raises(DeliveryTimeoutError, match="stays accepted"):
        call.result_by(0.02, 0.02)


def test_calls_whose_time_is_over_take_no_descriptors_with_them() -> None:
    wakers = WakerPool()
    calls = [BlockedCall("t", only := take(wakers), wakers)]
    for _ in range(50):
        with pytest.raises(DeliveryTimeoutError, match="timeout of 0 s") as caught:
            calls[-1].result_by(0.0, 0.0)
        assert caught.value.may_be_persisted
        assert take(wakers) is only
        calls.append(BlockedCall("t", only, wakers))

    for call in calls:
        call.complete(METADATA, None)
    assert calls[-1].result_by(None, None) is METADATA


def test_call_raises_its_own_copy_of_the_error() -> None:
    wakers = WakerPool()
    error = InvalidRecordError("no", topic="t")
    call = BlockedCall("t", take(wakers), wakers)
    call.complete(None, error)

    with pytest.raises(InvalidRecordError) as caught:
        call.result_by(None, None)
    assert caught.value is not error
    assert error.__traceback__ is None
