"""The accumulator's lock: whom it keeps out, and whom it lets notice that they interrupted its holder."""

from __future__ import annotations

import threading

import pytest

import dekaf
from dekaf.producer._buffer.lock import is_held_here, new_lock


def is_free_for_another_thread(lock: threading.Lock) -> bool:
    answers: list[bool] = []

    def try_it() -> None:
        taken = lock.acquire(blocking=False)
        answers.append(taken)
        if taken:
            lock.release()

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    return answers == [True]


@pytest.mark.interpreted  # the compiled one has no acquire that does not block
def test_it_keeps_other_threads_out_until_it_is_released() -> None:
    lock = new_lock()

    with lock:
        assert not is_free_for_another_thread(lock)  # type: ignore[arg-type]  # it looks like librt's
    assert is_free_for_another_thread(lock)  # type: ignore[arg-type]


def test_whoever_interrupts_its_holder_notices_and_nobody_else_does() -> None:
    """Machine code is not interrupted while it holds the lock, so there is nothing to notice."""
    lock = new_lock()
    elsewhere: list[bool] = []

    assert not is_held_here(lock)
    with lock:
        assert is_held_here(lock) is not dekaf.compiled
        thread = threading.Thread(target=lambda: elsewhere.append(is_held_here(lock)))
        thread.start()
        thread.join()
    assert not is_held_here(lock)
    assert elsewhere == [False]


@pytest.mark.interpreted
def test_close_in_a_signal_handler_goes_through_the_lock_that_its_thread_holds() -> None:
    lock = new_lock()

    with lock, lock:
        assert is_held_here(lock)
    assert not is_held_here(lock)
