"""Jobs that threads leave for a thread; or for a greenlet."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from dekaf._threads.job_queue import JobQueue
from dekaf._threads.primitives import Empty


def test_jobs_come_in_their_order() -> None:
    jobs: JobQueue[int] = JobQueue()
    assert jobs.empty()
    with pytest.raises(Empty):
        jobs.get_nowait()
    jobs.put(1)
    jobs.put(2)

    assert not jobs.empty()
    assert [jobs.get(), jobs.get_nowait()] == [1, 2]


def test_a_thread_waits_for_the_next_job() -> None:
    jobs: JobQueue[int] = JobQueue()
    threading.Timer(0.05, jobs.put, (7,)).start()

    assert jobs.get() == 7


@pytest.mark.parametrize("eventfds", [True, False], ids=["eventfds", "none"])
def test_a_greenlet_waits_for_jobs_of_threads_and_keeps_no_hub_from_its_end(eventfds: bool) -> None:
    program = f"""
import os
if not {eventfds}:
    os.__dict__.pop("eventfd", None)
from gevent import monkey
monkey.patch_all()
import gevent
from dekaf._threads.greenlets import make_first_hub
from dekaf._threads.job_queue import JobQueue
from dekaf._threads.native_thread import NativeThread

jobs, done = JobQueue(), []

def work():
    while True:
        done.append(jobs.get())

make_first_hub()
worker = gevent.spawn(work)
thread = NativeThread(lambda: [jobs.put(number) for number in range(1000)], "dekaf-test")
thread.start()
with gevent.Timeout(10):
    while len(done) < 1000:
        gevent.sleep(0.001)
assert done == list(range(1000))
assert gevent.wait([worker], timeout=0.01) == []
if {eventfds}:
    gevent.get_hub().join()  # there is nothing left that would ever wake it
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
