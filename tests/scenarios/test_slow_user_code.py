"""Log handlers and partitioners that are slow, hang or raise: they hold up no close, no report, no event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import unittest
from collections.abc import Callable, Iterator

import pytest

from dekaf.errors import DeliveryAbortedError
from dekaf.producer import Producer
from dekaf.producer._engine.engine import Engine
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.scenarios.faces import PATIENCE, MakeFace, engine_of, eventually, loop_producer, thread_producer

SLACK = 5.0  # seconds that a close may take beyond its time on a busy machine


class Handler(logging.Handler):
    """A handler that does what `act` does, on whichever thread it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], object] = lambda: None
        self.written: list[str] = []
        self.threads: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Act, then write."""
        self.threads.add(threading.current_thread().name)
        self.act()
        self.written.append(record.getMessage())


@pytest.fixture
def handler() -> Iterator[Handler]:
    logger = logging.getLogger("dekaf")
    handler = Handler()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    handler.act = lambda: None
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"a": 1, "b": 1}) as cluster:
        yield cluster


# Log handlers.


def test_handler_that_hangs_makes_no_close_late_and_no_report_untrue(
    cluster: FakeCluster, make_face: MakeFace, handler: Handler, gate: threading.Event
) -> None:
    saved: list[object] = []
    face = make_face(cluster.bootstrap_servers, on_undelivered=saved.extend)
    for topic in "ab":
        face.produce(topic, b"x").result(PATIENCE)
    handler.act = lambda: gate.wait(PATIENCE)
    cluster.on(ApiKey.PRODUCE).hold()
    for topic in "ab":
        for _ in range(100):
            face.fire(topic, b"y")

    started = time.monotonic()
    report = face.close(0.1)
    elapsed = time.monotonic() - started

    assert (report.undelivered, report.pending) == (200, False)
    assert len(saved) == 200
    assert elapsed < 0.1 + SLACK
    assert not gate.is_set()


def test_handler_that_hangs_holds_up_no_message(
    cluster: FakeCluster, make_face: MakeFace, handler: Handler, gate: threading.Event
) -> None:
    handler.act = lambda: gate.wait(PATIENCE)
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).reset()  # something to be logged

    for number in range(20):
        assert face.produce("a", b"x").result(PATIENCE).offset == number
    gate.set()


def test_what_there_was_to_log_is_written_when_flush_and_close_return(
    cluster: FakeCluster, make_face: MakeFace, handler: Handler
) -> None:
    handler.act = lambda: time.sleep(0.05)  # as one that writes to a slow disk
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)

    face.fire("a", b"bad")
    face.flush(PATIENCE)
    assert "1 record(s) for topic a were not delivered" in handler.written[-1]
    face.close()

    assert handler.written[-1].startswith("Producer closed by close()")
    assert handler.threads == {"dekaf-log"}


def test_tests_that_capture_the_log_find_it_once_they_have_flushed(cluster: FakeCluster) -> None:
    """As unittest does it: a handler in the place of others, for as long as a block lasts."""
    with thread_producer(cluster.bootstrap_servers) as producer:
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)
        with unittest.TestCase().assertLogs("dekaf", "ERROR") as captured:
            producer.fire("a", None, b"bad")
            producer.flush(PATIENCE)

    assert "1 record(s) for topic a were not delivered" in captured.output[0]


@pytest.mark.parametrize("kind", [SystemExit, MemoryError, KeyboardInterrupt])
def test_handler_that_raises_ends_no_thread_and_no_engine(
    cluster: FakeCluster, make_face: MakeFace, handler: Handler, kind: type[BaseException]
) -> None:
    def fail() -> None:
        raise kind("on purpose")

    handler.act = fail
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)
    face.fire("a", b"bad")
    face.flush(PATIENCE)

    assert face.produce("a", b"next").result(PATIENCE).offset == 0
    assert face.status().engine_restarts == 0


def test_handler_may_close_the_producer_it_hears_of(cluster: FakeCluster, handler: Handler) -> None:
    closed = threading.Event()

    def close() -> None:
        handler.act = lambda: None
        producer.close(PATIENCE)
        closed.set()

    producer = thread_producer(cluster.bootstrap_servers)
    producer.produce("a", None, b"x")
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)
    handler.act = close
    producer.fire("a", None, b"bad")

    assert closed.wait(PATIENCE)


def test_handler_may_produce_what_it_is_given(cluster: FakeCluster, handler: Handler) -> None:
    """A log that goes to Kafka, by the very producer whose log it is."""
    with thread_producer(cluster.bootstrap_servers) as producer:
        handler.act = lambda: producer.produce("b", None, b"a line", timeout=PATIENCE)
        cluster.on(ApiKey.PRODUCE, topic="a").fail(ErrorCode.INVALID_RECORD)
        producer.fire("a", None, b"bad")
        eventually(lambda: cluster.log("b"))
        handler.act = lambda: None


def test_event_loop_goes_on_while_a_close_waits_for_the_log(
    cluster: FakeCluster, handler: Handler, gate: threading.Event
) -> None:
    async def scenario() -> None:
        producer = loop_producer(cluster.bootstrap_servers, close_timeout_ms=30_000)
        await producer.produce("a", None, b"x")
        handler.act = lambda: gate.wait(PATIENCE)
        closing = asyncio.create_task(producer.close())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not closing.done()
        gate.set()
        assert (await closing).ok

    asyncio.run(scenario())
    assert handler.written[-1].startswith("Producer closed by close()")


# Partitioners; those of messages whose topic is not known yet run on no thread of the application's.


class Hanging:
    """A partitioner that waits for its gate."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate
        self.is_asked = threading.Event()

    def partition(self, topic: str, key: bytes | None, count: int) -> int:
        """Choose the last one, in the end."""
        self.is_asked.set()
        self.gate.wait(PATIENCE)
        return count - 1


def test_partitioner_that_hangs_makes_no_close_late_and_no_report_untrue(
    cluster: FakeCluster, make_face: MakeFace, gate: threading.Event
) -> None:
    saved: list[object] = []
    partitioner = Hanging(gate)
    face = make_face(cluster.bootstrap_servers, partitioner=partitioner, on_undelivered=saved.extend)
    handle = face.produce("a", b"x")
    assert partitioner.is_asked.wait(PATIENCE)

    started = time.monotonic()
    report = face.close(0.1)
    elapsed = time.monotonic() - started

    assert (report.undelivered, report.pending, len(saved)) == (1, False, 1)
    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)
    assert elapsed < 0.1 + SLACK
    gate.set()
    assert cluster.log("a") == []
    assert len(saved) == 1


def test_partitioner_that_hangs_holds_up_no_other_topic(
    cluster: FakeCluster, make_face: MakeFace, gate: threading.Event
) -> None:
    partitioner = Hanging(gate)
    face = make_face(cluster.bootstrap_servers, partitioner=partitioner)
    first = face.produce("a", b"x")
    assert partitioner.is_asked.wait(PATIENCE)

    assert face.produce("b", b"y", partition=0).result(PATIENCE).offset == 0
    assert not first.done()
    gate.set()
    assert first.result(PATIENCE).partition == 0


def test_message_whose_partitioner_hangs_has_its_time(cluster: FakeCluster, gate: threading.Event) -> None:
    partitioner = Hanging(gate)
    with thread_producer(
        cluster.bootstrap_servers, partitioner=partitioner, request_timeout_ms=100, delivery_timeout_ms=200
    ) as producer:
        handle = producer.submit("a", None, b"x")
        with pytest.raises(TimeoutError):
            handle.result(PATIENCE)
        gate.set()
        eventually(lambda: _can_produce(producer))


def _can_produce(producer: Producer[object, object]) -> bool:
    return producer.produce("a", None, b"y", timeout=PATIENCE).offset == 0


def test_messages_keep_their_order_while_a_partitioner_is_asked(cluster: FakeCluster, gate: threading.Event) -> None:
    """Those parked meanwhile are asked about in turn; none overtakes them."""
    partitioner = Hanging(gate)
    with thread_producer(cluster.bootstrap_servers, partitioner=partitioner) as producer:
        for number in range(50):
            producer.fire("a", None, b"%d" % number)
        assert partitioner.is_asked.wait(PATIENCE)
        for number in range(50, 100):
            producer.fire("a", None, b"%d" % number)
        opening = threading.Timer(0.05, gate.set)
        opening.start()
        for number in range(100, 150):
            producer.fire("a", None, b"%d" % number)
        assert producer.flush(PATIENCE).delivered == 150
        opening.join()

    assert [record.value for record in cluster.log("a")] == [b"%d" % number for number in range(150)]


def hold_up(engine: Engine, gate: threading.Event) -> None:
    """Have an engine's thread wait; returns once it does."""
    is_held = threading.Event()

    def wait() -> None:
        is_held.set()
        gate.wait(PATIENCE)

    engine._io.call(wait)
    assert is_held.wait(PATIENCE)


# The I/O thread itself, whatever holds it up: a collection of the whole heap, for one.


def test_close_of_an_engine_that_is_held_up_counts_what_is_left_and_gives_it_up_later(
    cluster: FakeCluster, make_face: MakeFace, gate: threading.Event
) -> None:
    saved: list[object] = []
    face = make_face(cluster.bootstrap_servers, on_undelivered=saved.extend)
    face.produce("a", b"x").result(PATIENCE)
    hold_up(engine_of(face.producer), gate)
    handle = face.produce("a", b"y")
    eventually(lambda: face.status().buffered_records == 1)

    started = time.monotonic()
    report = face.close(0.05)
    elapsed = time.monotonic() - started

    assert (report.delivered, report.undelivered, report.pending, report.ok) == (1, 1, True, False)
    assert elapsed < 1.05 + SLACK
    assert not handle.done()
    gate.set()
    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)
    eventually(lambda: len(saved) == 1)
    assert face.status().buffered_records == 0


def test_event_loop_goes_on_while_a_close_waits_for_the_engine(cluster: FakeCluster, gate: threading.Event) -> None:
    async def scenario() -> int:
        producer = loop_producer(cluster.bootstrap_servers)
        await producer.produce("a", None, b"x")
        hold_up(engine_of(producer), gate)
        closing = asyncio.create_task(producer.close(0.0))
        rounds = 0
        while not closing.done():  # for a second, in which nothing ends the engine
            await asyncio.sleep(0.01)
            rounds += 1
        return rounds

    assert asyncio.run(scenario()) > 10
