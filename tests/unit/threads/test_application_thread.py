"""Where an application's code runs, without greenlets; tests/scenarios/test_gevent.py has those."""

from __future__ import annotations

import subprocess
import sys
import threading

from dekaf._threads.application_thread import ApplicationThread


def test_without_gevent_it_is_a_thread() -> None:
    end = threading.Event()
    idents: list[tuple[int, bool, str]] = []

    def work() -> None:
        idents.append((threading.get_ident(), thread.is_current(), threading.current_thread().name))
        end.wait(10)

    thread = ApplicationThread(work, "dekaf-test")
    assert not thread.is_alive()
    thread.start()

    assert thread.is_alive()
    assert not thread.is_current()
    end.set()
    thread.join(10)
    assert not thread.is_alive()
    assert [(is_current, name) for _, is_current, name in idents] == [(True, "dekaf-test")]
    assert idents[0][0] != threading.get_ident()


def test_under_gevent_it_is_a_greenlet_of_the_main_thread_whoever_starts_it() -> None:
    program = """
from gevent import monkey
monkey.patch_all()
import gevent, threading
from gevent.monkey import get_original
from dekaf._threads.application_thread import ApplicationThread
from dekaf._threads.native_thread import NativeThread
from dekaf._threads.greenlets import main_hub

native_ident = get_original("_thread", "get_ident")
end = threading.Event()
seen = []

def work():
    seen.append((native_ident() == main, thread.is_current(), threading.current_thread().name))
    end.wait()

main = native_ident()
assert main_hub() is gevent.get_hub()
thread = ApplicationThread(work, "dekaf-test")
starter = NativeThread(thread.start, "dekaf-starter")
starter.start()
starter.join(10)
assert thread.is_alive() and not thread.is_current()
thread.join(0.05)
assert thread.is_alive()
end.set()
thread.join(10)
assert not thread.is_alive()
assert seen == [(True, True, "dekaf-test")], seen
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
