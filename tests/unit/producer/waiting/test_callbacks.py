"""The thread that runs users' callbacks: order, ending, and an interpreter that starts no more threads."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from dekaf.producer._waiting.callbacks import CallbackThread

PATIENCE = 10.0

# The first callback of the process falls due while the exit hooks run. Python 3.12.0 to 3.12.3 start no thread then.
LAST_WORDS = """
import atexit
import logging
import sys

from dekaf import Producer
from dekaf.testing import FakeCluster

logging.basicConfig(level="ERROR", stream=sys.stdout)
cluster = FakeCluster(topics={"t": 1}).start()
producer = Producer(bootstrap_servers=cluster.bootstrap_servers)
producer.produce("t", value=b"a")
atexit.register(
    lambda: producer.fire("t", value=b"b", on_delivery=lambda metadata, error: print("told", metadata.offset, error))
)
"""

# The child's threads get the addresses, and so the idents, of the parent's, which do not exist there.
FORKED = """
import os
import threading

from dekaf.producer._waiting.callbacks import CallbackThread

callbacks = CallbackThread()
is_running = threading.Event()
callbacks.run(is_running.set)
is_running.wait(10)
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    thread = threading.Thread(target=lambda: print("a callback?", callbacks.is_current(), flush=True))
    thread.start()
    thread.join()
    os._exit(0)
"""


def test_jobs_run_one_after_the_other_on_one_thread() -> None:
    thread = CallbackThread()
    seen: list[tuple[int, threading.Thread, bool]] = []

    def see(number: int) -> None:
        seen.append((number, threading.current_thread(), thread.is_current()))

    for number in range(20):
        thread.run(functools.partial(see, number))
    thread.stop(PATIENCE)

    assert [number for number, _, _ in seen] == list(range(20))
    assert len({worker for _, worker, _ in seen}) == 1
    assert all(is_current for _, _, is_current in seen)
    assert not thread.is_current()


def test_what_a_job_posts_while_stopping_still_runs() -> None:
    thread = CallbackThread()
    seen: list[str] = []
    gate = threading.Event()

    def first() -> None:
        gate.wait(PATIENCE)
        seen.append("first")
        thread.run(lambda: seen.append("second"))

    thread.run(first)
    stopping = threading.Thread(target=thread.stop, args=(PATIENCE,))
    stopping.start()
    gate.set()
    stopping.join(PATIENCE)

    assert seen == ["first", "second"]


def test_several_who_stop_it_at_once_wait_for_the_same_end() -> None:
    thread = CallbackThread()
    gate = threading.Event()
    workers: list[threading.Thread] = []

    def wait() -> None:
        workers.append(threading.current_thread())
        gate.wait(PATIENCE)

    thread.run(wait)
    thread.stop(0.0)
    thread.stop(0.0)
    gate.set()
    thread.stop(PATIENCE)

    workers[0].join(PATIENCE)
    assert not workers[0].is_alive()


def test_what_is_posted_after_the_end_still_runs_and_ends() -> None:
    thread = CallbackThread()
    thread.run(lambda: None)
    thread.stop(PATIENCE)
    workers: list[threading.Thread] = []
    told = threading.Event()

    def late() -> None:
        workers.append(threading.current_thread())
        told.set()

    thread.run(late)

    assert told.wait(PATIENCE)
    workers[0].join(PATIENCE)
    assert not workers[0].is_alive()


def test_stopping_what_never_started_starts_nothing() -> None:
    before = threading.active_count()

    CallbackThread().stop(PATIENCE)

    assert threading.active_count() == before


@pytest.mark.timeout(60)
def test_first_callback_of_a_process_may_fall_due_while_it_exits() -> None:
    done = subprocess.run([sys.executable, "-c", LAST_WORDS], capture_output=True, text=True, timeout=50, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "told 1 None\n", "")


def test_a_thread_of_a_forked_child_is_not_taken_for_the_callback_thread_of_its_parent() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "a callback? False\n"), done.stderr


# Where there can be no thread.


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
