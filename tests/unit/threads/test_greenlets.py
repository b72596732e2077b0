"""Whether the caller is a greenlet, and how it waits; the rest is in tests/scenarios/test_gevent.py."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from dekaf._threads.greenlets import is_in_hub, is_of_this_greenlet, may_wait_in_hub


def test_without_gevent_there_is_no_hub_to_wait_in() -> None:
    assert not may_wait_in_hub()
    assert not is_in_hub()


def test_without_greenlets_a_loop_is_its_threads() -> None:
    async def ask() -> bool:
        return is_of_this_greenlet(asyncio.get_running_loop())

    assert asyncio.run(ask())


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_greenlet_may_wait_and_the_hub_may_not() -> None:
    run("""
from gevent import monkey
monkey.patch_all()
import gevent
from dekaf._threads.greenlets import is_in_hub, may_wait_in_hub

assert not may_wait_in_hub()  # no greenlet was ever made here: there is nothing to let go on
assert gevent.spawn(may_wait_in_hub).get()
assert may_wait_in_hub()
told = gevent.event.AsyncResult()
gevent.get_hub().loop.run_callback(lambda: told.set((is_in_hub(), may_wait_in_hub())))
assert told.get() == (True, False)
assert not is_in_hub()
assert gevent.get_hub().threadpool.apply(lambda: (is_in_hub(), may_wait_in_hub())) == (False, False)
""")


def test_greenlets_of_a_process_that_is_not_patched_block_as_they_always_have() -> None:
    run("""
import gevent, gevent.monkey
from dekaf._threads.greenlets import may_wait_in_hub

assert not gevent.spawn(may_wait_in_hub).get()
gevent.monkey.patch_all()
assert gevent.spawn(may_wait_in_hub).get()
""")


def test_waiting_for_a_descriptor_ends_with_it_with_the_deadline_or_with_what_is_thrown() -> None:
    run("""
from gevent import monkey
monkey.patch_all()
import os, time, gevent
from dekaf._threads.greenlets import wait_readable, may_wait_in_hub

mine, other = os.pipe()
gevent.sleep(0)
assert may_wait_in_hub()
started = time.monotonic()
assert not wait_readable(mine, started + 0.05)
assert 0.05 <= time.monotonic() - started
assert not wait_readable(mine, started)
with gevent.Timeout(0.02, False):
    wait_readable(mine, None)
own = TimeoutError("of the greenlet itself")
try:
    with gevent.Timeout(0.02, own):
        wait_readable(mine, time.monotonic() + 5)
except TimeoutError as error:
    assert error is own
else:
    raise AssertionError
gevent.spawn_later(0.02, os.write, other, b"x")
assert wait_readable(mine, time.monotonic() + 1_000_000.0)
""")


def test_an_event_that_a_thread_sets_wakes_a_greenlet_without_a_descriptor() -> None:
    run("""
from gevent import monkey
monkey.patch_all()
import os, time, gevent
from gevent.monkey import get_original
from dekaf._threads.greenlets import HubEvent, make_first_hub, may_wait_in_hub
from dekaf._threads.native_thread import NativeThread

make_first_hub()
assert may_wait_in_hub()
before = len(os.listdir("/proc/self/fd"))
events = [HubEvent() for _ in range(100)]
assert len(os.listdir("/proc/self/fd")) == before
started = time.monotonic()
events[0].wait(started + 0.05)
assert 0.05 <= time.monotonic() - started < 0.9

def set_all():
    get_original("time", "sleep")(0.05)
    for event in events:
        event.set()

greenlets = [gevent.spawn(event.wait, None) for event in events]
started = time.monotonic()
NativeThread(set_all, "setter").start()
gevent.joinall(greenlets, raise_error=True)
assert time.monotonic() - started < 0.9  # woken, and not only looking
""")
