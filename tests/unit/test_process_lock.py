"""A lock that a forked child has anew."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest

from dekaf.process_lock import ProcessLock


def test_a_lock_is_re_entrant_and_excludes_other_threads() -> None:
    lock = ProcessLock()
    entered = threading.Event()

    def enter() -> None:
        with lock:
            entered.set()

    other = threading.Thread(target=enter)
    with lock, lock:
        other.start()
        excluded = not entered.wait(0.05)
    other.join()

    assert excluded
    assert entered.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system knows no fork")
def test_a_child_need_not_wait_for_a_thread_of_its_parent() -> None:
    lock = ProcessLock()
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            enough.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks where there are threads
        pid = os.fork()
    if pid == 0:
        signal.alarm(10)  # ends the child, should it wait after all
        with lock:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    enough.set()
    holder.join()

    assert code == 0
