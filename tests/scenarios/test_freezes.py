"""A process that stood still, as in a suspended laptop: what has arrived is read before anything is timed out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import uvloop

from dekaf.errors import DeliveryTimeoutError
from dekaf.testing import ApiKey, FakeCluster
from tests.scenarios.faces import engine_of, thread_producer

TIME = 0.8  # seconds, after which records and requests are timed out

CHILD = r"""
import sys
if sys.argv[2] == "asyncio":
    sys.modules["uvloop"] = None
from dekaf import Producer
producer = Producer(bootstrap_servers=sys.argv[1], delivery_timeout_ms=1500, request_timeout_ms=1000)
producer.produce("t", None, b"first")
handle = producer.submit("t", None, b"second")
print("waits", flush=True)
sys.stdin.readline()
print(handle.result(30).offset, flush=True)
producer.close(1)
"""


@pytest.fixture(params=["uvloop", "asyncio"])
def loop_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "asyncio":
        monkeypatch.setattr(uvloop, "new_event_loop", asyncio.new_event_loop)
    return str(request.param)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


class Frozen:
    """Keep a producer's I/O thread from running."""

    def __init__(self, producer: object) -> None:
        self._io = engine_of(producer)._io  # type: ignore[arg-type]  # either face
        self._thaw = threading.Event()

    def __enter__(self) -> None:
        is_frozen = threading.Event()

        def stand_still() -> None:
            is_frozen.set()
            self._thaw.wait(20)

        self._io.call(stand_still)
        assert is_frozen.wait(20)

    def __exit__(self, *_: object) -> None:
        # What was asked for meanwhile runs before the loop looks at its sockets.
        self._io.wake()
        self._thaw.set()


@pytest.mark.usefixtures("loop_kind")
def test_record_that_was_answered_while_everything_stood_still_is_delivered(cluster: FakeCluster) -> None:
    options = {"delivery_timeout_ms": int(TIME * 1000), "request_timeout_ms": int(TIME * 1000) - 50}
    with thread_producer(cluster.bootstrap_servers, **options) as producer:
        producer.produce("t", None, b"first")
        held = cluster.on(ApiKey.PRODUCE).hold()
        handle = producer.submit("t", None, b"second")
        cluster.wait_until(lambda: held.waiting)

        with Frozen(producer):
            held.release()
            cluster.wait_for_records("t", 2)
            threading.Event().wait(2 * TIME)

        assert handle.result(20).offset == 1


@pytest.mark.usefixtures("loop_kind")
def test_topic_that_was_told_of_while_everything_stood_still_is_known(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, max_block_ms=int(TIME * 1000)) as producer:
        cluster.create_topic("new", 1)
        held = cluster.on(ApiKey.METADATA).hold()
        handle = producer.submit("new", None, b"first")
        cluster.wait_until(lambda: held.waiting)

        with Frozen(producer):
            held.release()
            threading.Event().wait(2 * TIME)

        assert handle.result(20).offset == 0


@pytest.mark.usefixtures("loop_kind")
def test_what_was_not_answered_meanwhile_is_timed_out_all_the_same(cluster: FakeCluster) -> None:
    options = {"delivery_timeout_ms": int(TIME * 1000), "request_timeout_ms": int(TIME * 1000) - 50}
    with thread_producer(cluster.bootstrap_servers, **options) as producer:
        producer.produce("t", None, b"first")
        held = cluster.on(ApiKey.PRODUCE).hold()
        handle = producer.submit("t", None, b"second")
        cluster.wait_until(lambda: held.waiting)

        with Frozen(producer):
            threading.Event().wait(2 * TIME)

        with pytest.raises(DeliveryTimeoutError):
            handle.result(20)
        held.release()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="the system cannot stop a process")
def test_process_that_is_stopped_and_goes_on_tells_what_the_broker_answered(cluster: FakeCluster, loop: str) -> None:
    held = cluster.on(ApiKey.PRODUCE, nth=2).hold()
    command = [sys.executable, "-c", CHILD, cluster.bootstrap_servers, loop]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "waits\n"
        cluster.wait_until(lambda: held.waiting)

        os.kill(child.pid, signal.SIGSTOP)
        held.release()
        cluster.wait_for_records("t", 2)
        threading.Event().wait(2.0)
        os.kill(child.pid, signal.SIGCONT)
        child.stdin.write("\n")
        child.stdin.close()

        assert child.stdout.readline() == "1\n"
