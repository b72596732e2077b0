"""Callbacks that take longer than the brokers: bounded where they run, waited for by `flush`, counted and told."""

from __future__ import annotations

import asyncio
import functools
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.errors import BufferExhaustedError, ProduceError
from dekaf.producer import AsyncProducer, Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.scenarios.faces import PATIENCE, LoopThread, eventually, loop_producer, thread_producer

MOST = 10  # callbacks that may be pending, where the test sets it


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1, "u": 1}) as cluster:
        yield cluster


@pytest.fixture
def producer(cluster: FakeCluster, gate: threading.Event) -> Iterator[Producer[Any, Any]]:
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer._core.life.callbacks.backlog.most = MOST
        yield producer
        gate.set()


def nothing(_metadata: object, _error: object) -> None:
    """Hear of an outcome, and do nothing."""


def waits_for(gate: threading.Event) -> Callable[[object, object], None]:
    def wait(_metadata: object, _error: object) -> None:
        gate.wait(PATIENCE)

    return wait


def fill(producer: Producer[Any, Any], gate: threading.Event) -> None:
    """Have as many callbacks pending as may be; the first waits for the gate."""
    producer.fire("t", None, b"first", on_delivery=waits_for(gate))
    for number in range(MOST - 1):
        producer.fire("t", None, b"%d" % number, on_delivery=nothing)
    eventually(lambda: producer.status().callbacks_pending == MOST)


# The callback thread.


def test_caller_with_a_callback_waits_until_fewer_are_pending(
    producer: Producer[Any, Any], gate: threading.Event
) -> None:
    fill(producer, gate)
    heard: list[ProduceError | None] = []
    fired = threading.Event()

    def fire() -> None:
        producer.fire("t", None, b"one more", on_delivery=lambda _, error: heard.append(error))
        fired.set()

    caller = threading.Thread(target=fire)
    caller.start()
    assert not fired.wait(0.1)
    gate.set()

    assert fired.wait(PATIENCE)
    caller.join()
    assert producer.flush(PATIENCE).callbacks_pending == 0
    assert heard == [None]


def test_callers_without_a_callback_are_not_held_up(producer: Producer[Any, Any], gate: threading.Event) -> None:
    fill(producer, gate)

    producer.fire("t", None, b"fired")
    producer.submit("t", None, b"submitted").result(PATIENCE)
    producer.produce("t", None, b"produced", timeout=PATIENCE)

    assert producer.status().callbacks_pending == MOST


def test_waiting_ends_after_max_block(cluster: FakeCluster, gate: threading.Event) -> None:
    with thread_producer(cluster.bootstrap_servers, max_block_ms=100, client_id="shop") as producer:
        producer._core.life.callbacks.backlog.most = MOST
        fill(producer, gate)

        started = time.monotonic()
        with pytest.raises(BufferExhaustedError) as caught:
            producer.fire("t", None, b"one more", on_delivery=nothing)
        elapsed = time.monotonic() - started
        gate.set()
        producer.flush(PATIENCE)

    assert elapsed >= 0.1
    assert (caught.value.topic, caught.value.is_retriable, caught.value.may_be_persisted) == ("t", True, False)
    assert f"{MOST} on_delivery callbacks are still to run on the thread 'dekaf-callbacks shop'" in str(caught.value)
    assert b"one more" not in {record.value for record in cluster.log("t")}


def test_nobody_waits_who_asked_not_to(cluster: FakeCluster, gate: threading.Event) -> None:
    with thread_producer(cluster.bootstrap_servers, buffer_full="raise", max_block_ms=60_000) as producer:
        producer._core.life.callbacks.backlog.most = MOST
        fill(producer, gate)

        with pytest.raises(BufferExhaustedError, match="this call does not wait"):
            producer.fire("t", None, b"one more", on_delivery=nothing)
        gate.set()


def test_thread_of_an_event_loop_does_not_wait(
    producer: Producer[Any, Any], gate: threading.Event, loop_thread: LoopThread
) -> None:
    fill(producer, gate)

    with pytest.raises(BufferExhaustedError, match="this call does not wait"):
        loop_thread.call(lambda: producer.fire("t", None, b"one more", on_delivery=nothing))


def test_callback_that_fires_with_a_callback_is_never_held_up(producer: Producer[Any, Any]) -> None:
    """It is what the others wait for; each fires two more, so that there are far more than may be pending."""
    called: list[int] = []

    def fire_two_more(level: int, _metadata: object, _error: object) -> None:
        called.append(level)
        for _ in range(2 if level else 0):
            producer.fire("t", None, b"x", on_delivery=functools.partial(fire_two_more, level - 1))

    producer.fire("t", None, b"x", on_delivery=functools.partial(fire_two_more, 6))

    eventually(lambda: len(called) == 2**7 - 1)
    assert producer.flush(PATIENCE).callbacks_pending == 0


def test_callback_that_waits_for_a_lock_of_a_waiting_caller_is_let_go(
    cluster: FakeCluster, gate: threading.Event
) -> None:
    """Nobody can go on until the caller's time is over; then everybody does."""
    lock = threading.Lock()
    order: list[str] = []

    def locking(_metadata: object, _error: object) -> None:
        gate.wait(PATIENCE)
        with lock:
            order.append("callback")

    with thread_producer(cluster.bootstrap_servers, max_block_ms=200) as producer:
        producer._core.life.callbacks.backlog.most = MOST
        producer.fire("t", None, b"x", on_delivery=locking)
        for _ in range(MOST - 1):
            producer.fire("t", None, b"x", on_delivery=nothing)
        eventually(lambda: producer.status().callbacks_pending == MOST)
        with lock:
            gate.set()
            with pytest.raises(BufferExhaustedError):
                producer.fire("t", None, b"x", on_delivery=nothing)
            order.append("caller")

        assert producer.flush(PATIENCE).callbacks_pending == 0
        producer.fire("t", None, b"x", on_delivery=nothing)
    assert order == ["caller", "callback"]


# Event loops.


def stuck(producer: AsyncProducer[Any, Any], thread: LoopThread, gate: threading.Event, most: int) -> None:
    """Have so many callbacks pending on a loop that does not come to them."""

    def block() -> None:
        for _ in range(most):
            producer.fire("t", None, b"x", on_delivery=nothing)
        producer._core.life.mailboxes[thread.loop].backlog.most = most
        gate.wait(PATIENCE)

    thread.loop.call_soon_threadsafe(block)
    eventually(lambda: producer.status().callbacks_pending == most)


def test_loop_that_is_stuck_holds_up_no_other_place(
    cluster: FakeCluster, producer: Producer[Any, Any], gate: threading.Event, loop_thread: LoopThread
) -> None:
    coroutines = AsyncProducer(_core=producer._core)
    stuck(coroutines, loop_thread, gate, MOST)

    for _ in range(3 * MOST):
        producer.fire("t", None, b"x", on_delivery=nothing)
    report = producer.flush(PATIENCE)  # waits for the callbacks of the thread, and for no other's

    assert report.delivered == 4 * MOST
    assert report.callbacks_pending == MOST
    other = LoopThread()
    other.call(lambda: coroutines.fire("t", None, b"x", on_delivery=nothing))
    other.run(coroutines.flush(PATIENCE))
    other.stop()
    gate.set()
    eventually(lambda: producer.status().callbacks_pending == 0)


def test_coroutine_is_refused_at_once_where_too_many_are_pending(cluster: FakeCluster) -> None:
    async def scenario() -> None:
        async with loop_producer(cluster.bootstrap_servers) as producer:
            loop = asyncio.get_running_loop()
            await producer.produce("t", None, b"x")
            backlog = producer._core.mailbox(loop).backlog
            backlog.most = MOST
            for _ in range(MOST):
                producer.fire("t", None, b"x", on_delivery=nothing)
            while not backlog.is_full:  # without ever letting the loop run
                time.sleep(0.001)

            with pytest.raises(
                BufferExhaustedError, match=f"{MOST} on_delivery callbacks are still to run on the event"
            ):
                producer.fire("t", None, b"one more", on_delivery=nothing)
            producer.fire("t", None, b"without")
            assert (await producer.flush()).callbacks_pending == 0
            producer.fire("t", None, b"goes again", on_delivery=nothing)

    asyncio.run(scenario())


def test_coroutine_callback_that_fires_is_never_refused(cluster: FakeCluster) -> None:
    called: list[int] = []

    async def scenario() -> None:
        async with loop_producer(cluster.bootstrap_servers) as producer:
            producer._core.mailbox(asyncio.get_running_loop()).backlog.most = 1

            def again(left: int, _metadata: object, _error: object) -> None:
                called.append(left)
                if left:
                    producer.fire("t", None, b"x", on_delivery=functools.partial(again, left - 1))

            producer.fire("t", None, b"x", on_delivery=functools.partial(again, 20))
            while len(called) < 21:
                await asyncio.sleep(0.001)

    asyncio.run(scenario())
    assert called == list(range(20, -1, -1))


async def _fire(producer: AsyncProducer[Any, Any]) -> None:
    for topic in ("t", "u"):
        producer.fire(topic, None, b"x", on_delivery=nothing)


@pytest.mark.parametrize("when", ["before", "after"])
def test_callbacks_of_a_loop_that_is_closed_are_dropped_and_counted(
    cluster: FakeCluster, producer: Producer[Any, Any], caplog: pytest.LogCaptureFixture, when: str
) -> None:
    """Whether it is closed before or after their outcomes were posted to it; failures are logged as well."""
    coroutines = AsyncProducer(_core=producer._core)
    loop = asyncio.new_event_loop()
    for topic in ("t", "u"):
        cluster.move_leader(topic, 0, None)
    loop.run_until_complete(_fire(coroutines))
    if when == "before":
        loop.close()
    cluster.on(ApiKey.PRODUCE, topic="t").fail(ErrorCode.INVALID_RECORD)
    for topic in ("t", "u"):
        cluster.move_leader(topic, 0, 1)
    producer.flush(PATIENCE)
    loop.close()

    status = producer.status()
    assert (status.callbacks_pending, status.callbacks_dropped_total) == (0, 2)
    assert status.unobserved_failures_total == 1
    assert "1 record(s) for topic t were not delivered" in caplog.text


# Flushing.


def test_flush_returns_when_the_callbacks_have_run(producer: Producer[Any, Any]) -> None:
    called: list[int] = []

    def slow(_metadata: object, _error: object) -> None:
        time.sleep(0.002)  # as one that writes to a database
        called.append(1)

    producer._core.life.callbacks.backlog.most = 1_000
    for _ in range(100):
        producer.fire("t", None, b"x", on_delivery=slow)
    report = producer.flush(PATIENCE)

    assert len(called) == 100
    assert (report.delivered, report.callbacks_pending) == (100, 0)


def test_flush_whose_time_is_over_tells_how_many_are_pending(
    producer: Producer[Any, Any], gate: threading.Event
) -> None:
    fill(producer, gate)

    report = producer.flush(0.05)

    assert (report.delivered, report.undelivered, report.callbacks_pending) == (MOST, 0, MOST)
    assert report.ok


def test_flush_without_a_timeout_waits_for_callbacks_as_long_as_a_close_may_take(
    cluster: FakeCluster, gate: threading.Event
) -> None:
    with thread_producer(cluster.bootstrap_servers, close_timeout_ms=100) as producer:
        started = time.monotonic()
        producer.fire("t", None, b"x", on_delivery=waits_for(gate))
        report = producer.flush()
        elapsed = time.monotonic() - started
        gate.set()

    assert report.callbacks_pending == 1
    assert 0.1 <= elapsed < 10.0


# Closing.


def test_close_tells_which_callbacks_had_no_time(
    cluster: FakeCluster, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    producer = thread_producer(cluster.bootstrap_servers, client_id="shop")
    producer._core.life.callbacks.backlog.most = MOST
    fill(producer, gate)

    report = producer.close(0.05)
    pending = producer.status().callbacks_pending
    gate.set()

    assert (report.delivered, report.callbacks_pending, pending) == (MOST, MOST, MOST)
    assert producer.close() == report
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told == [
        f"{MOST} on_delivery callback(s) have not run in time when the producer closed by close() (client_id shop)"
    ]
    eventually(lambda: producer.status().callbacks_pending == 0)  # they were only left to themselves


def test_close_that_had_time_enough_tells_nothing(cluster: FakeCluster, caplog: pytest.LogCaptureFixture) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    for _ in range(100):
        producer.fire("t", None, b"x", on_delivery=nothing)

    assert producer.close().callbacks_pending == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


EXITING = """
import logging, sys, time

from dekaf import Producer
from dekaf.testing import FakeCluster

logging.basicConfig(level="ERROR", stream=sys.stdout, format="%(message)s")
called = 0

def slow(metadata, error):
    global called
    called += 1
    time.sleep(SECONDS)

cluster = FakeCluster(topics={"t": 1}).start()
producer = Producer(bootstrap_servers=cluster.bootstrap_servers, close_timeout_ms=1_000, client_id="shop")
for _ in range(200):
    producer.fire("t", None, b"x", on_delivery=slow)
import atexit, dekaf.producer._core.exit_hook as hook
atexit.unregister(hook.close_at_exit)
atexit.register(lambda: print("called", called))
atexit.register(hook.close_at_exit)
END
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("end", ["", "import asyncio\nasync def end(): producer.close(5)\nasyncio.run(end())\n"])
@pytest.mark.parametrize("seconds", [0.0001, 0.1])
def test_callbacks_run_at_exit_or_are_counted_and_told(seconds: float, end: str) -> None:
    """Also those of a producer that an event loop closed, which could not wait."""
    if seconds > 0.001 and (3, 12) <= sys.version_info < (3, 12, 4):
        pytest.skip("no thread can be started at exit: what has none runs on the exiting one, a batch at a time")
    script = EXITING.replace("SECONDS", str(seconds)).replace("END", end)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)

    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "cannot wait" not in line]
    if seconds < 0.001:
        assert lines == ["called 200"]
        return
    told, called = lines
    pending = int(told.split()[0])
    assert "on_delivery callback(s) have not run in time" in told
    assert "at exit" in told
    assert 199 <= pending + int(called.split()[1]) < 250  # one was running, and others begin before the end
