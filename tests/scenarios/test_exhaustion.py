"""The system gives no descriptors, threads or memory: a typed error, nothing left behind, and later it works again."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from dekaf.errors import OutOfResourcesError
from dekaf.testing import ApiKey, FakeCluster
from tests.scenarios.faces import eventually, thread_producer, threads_of_producers

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not tell open files")

LIMITS = """
import os, resource, sys
from dekaf import DeliveryTimeoutError, OutOfResourcesError, ProduceError, Producer

def open_files():
    return len(os.listdir("/proc/self/fd")) - 1

def allow(more):
    # A limit is about numbers, so the numbers below must be in use.
    top = max(map(int, os.listdir("/proc/self/fd")))
    while (hole := os.dup(0)) < top:
        held.append(hole)
    os.close(hole)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + more, hard))

held = []
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

def allow_all():
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


def run(cluster: FakeCluster, program: str) -> list[str]:
    """Run a program in a process of its own; return the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITS + textwrap.dedent(program), cluster.bootstrap_servers],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("more", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("kind", ["uvloop", "asyncio"])
def test_without_descriptors_producing_raises_and_with_some_it_works(
    cluster: FakeCluster, kind: str, more: int
) -> None:
    printed = run(
        cluster,
        f"""
        if {kind!r} == "asyncio":
            sys.modules["uvloop"] = None
        producer = Producer(bootstrap_servers=sys.argv[1], max_block_ms=20_000)
        before = open_files()
        allow({more})
        before += len(held)
        try:
            producer.produce("t", None, b"v", timeout=1.0)
        except ProduceError as error:
            print(type(error).__name__, error.is_retriable, error.may_be_persisted, "ulimit -n" in str(error))
        allow_all()
        print(open_files() - before)
        print(producer.produce("t", None, b"v").offset)
        producer.close()
        """,
    )

    assert printed == ["OutOfResourcesError True False True", "0", "0"]


def test_lost_connection_is_made_again_once_there_are_descriptors(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.PRODUCE, nth=2).close_before_append()
    printed = run(
        cluster,
        """
        producer = Producer(
            bootstrap_servers=sys.argv[1], reconnect_backoff_ms=10, reconnect_backoff_max_ms=20, linger_ms=0
        )
        producer.produce("t", None, b"v")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # those are in use
        handle = producer.submit("t", None, b"v")
        try:
            handle.result(0.3)
        except DeliveryTimeoutError:
            print("waits")
        allow_all()
        print(handle.result(20).offset, producer.status().engine_restarts)
        producer.close()
        """,
    )

    assert printed == ["waits", "1 0"]


def test_threads_that_cannot_be_started_leave_nothing_behind(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("dekaf-io"):
            raise RuntimeError("can't start new thread")
        start(thread)

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    with thread_producer(cluster.bootstrap_servers) as producer:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        files, threads = 0, 0
        for attempt in range(20):
            with pytest.raises(OutOfResourcesError, match="needs a thread"):
                producer.produce("t", None, b"v")
            if attempt == 0:  # what is opened once in a process is
                eventually(lambda: "dekaf-resolver" not in threads_of_producers())
                files, threads = open_files(), threading.active_count()
        gc.collect()
        eventually(lambda: threading.active_count() <= threads)
        assert open_files() <= files

        monkeypatch.setattr(threading.Thread, "start", start)
        assert producer.produce("t", None, b"v").offset == 0
        assert producer.status().engine_restarts == 0


def test_without_memory_what_was_accepted_is_delivered_and_later_more_is_accepted(cluster: FakeCluster) -> None:
    printed = run(
        cluster,
        """
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=10_000, batch_size=1_000_000)
        producer.produce("t", None, b"v")
        value = b"x" * 50_000
        with open("/proc/self/status") as status:
            used = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize")][0]
        resource.setrlimit(resource.RLIMIT_AS, (used + 8 * 1024 * 1024, -1))
        accepted, refused = 1, 0
        while not refused:
            try:
                producer.fire("t", None, value)
                accepted += 1
            except MemoryError:
                refused += 1
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        producer.flush()
        print(producer.produce("t", None, b"v").offset == accepted)
        print(producer.status().buffered_bytes, producer.status().engine_restarts)
        """,
    )

    assert printed == ["True", "0 0"]
