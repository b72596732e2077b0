"""The callback thread, and what becomes of callbacks where there can be no thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dekaf.producer._waiting.callbacks import CallbackThread

PATIENCE = 10.0


def refuse_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have threads refused, as by an interpreter that exits, or a system whose limit is reached."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def noting(notes: list[int], number: int) -> Callable[[], None]:
    return lambda: notes.append(number)


def test_callbacks_for_which_no_thread_can_be_started_run_when_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = CallbackThread()
    notes: list[int] = []
    with monkeypatch.context() as patch:
        refuse_threads(patch)
        for number in range(3):
            callbacks.run(noting(notes, number))
        assert notes == []

        callbacks.stop(PATIENCE)

    assert notes == [0, 1, 2]


def test_callbacks_for_which_there_is_no_thread_for_the_moment_run_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    callbacks = CallbackThread()
    notes: list[int] = []
    with monkeypatch.context() as patch:
        refuse_threads(patch)
        callbacks.run(noting(notes, 0))
    callbacks.run(noting(notes, 1))

    callbacks.stop(PATIENCE)

    assert notes == [0, 1]
