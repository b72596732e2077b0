"""A thread of the system, in a process that has nothing else; tests/scenarios/test_gevent.py has greenlets."""

from __future__ import annotations

import os
import threading

import pytest

from dekaf._threads.native_thread import NativeThread


def test_thread_is_known_by_its_name_while_it_runs() -> None:
    end = threading.Event()
    names: list[str] = []

    def work() -> None:
        names.append(threading.current_thread().name)
        end.wait(10)

    thread = NativeThread(work, "dekaf-test")
    assert not thread.is_alive()
    thread.start()
    thread.join(0.01)

    assert thread.is_alive()
    assert not thread.is_current()
    assert "dekaf-test" in [known.name for known in threading.enumerate()]

    end.set()
    thread.join(10)
    assert not thread.is_alive()
    assert names == ["dekaf-test"]


def test_thread_knows_itself() -> None:
    answers: list[bool] = []
    thread = NativeThread(lambda: answers.append(thread.is_current()), "dekaf-test")
    thread.start()
    thread.join(10)

    assert answers == [True]
    assert not thread.is_current()


def test_forked_child_has_none_of_its_parents_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    answers: list[bool] = []

    def work() -> None:
        end.wait(10)
        answers.append(thread.is_current())

    thread = NativeThread(work, "dekaf-test")
    thread.start()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    assert not thread.is_alive()
    end.set()
    monkeypatch.undo()
    thread.join(10)
    assert answers == [True]


def test_thread_that_the_system_does_not_give_can_be_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ran = threading.Event()
    thread = NativeThread(ran.set, "dekaf-test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()
        assert not thread.is_alive()

    thread.start()
    thread.join(10)
    assert ran.is_set()
