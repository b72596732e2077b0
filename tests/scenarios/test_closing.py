"""Flushing and closing: in every state, from many threads, in time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from dekaf.errors import DeliveryAbortedError, InvalidRecordError, ProduceError, ProducerClosedError
from dekaf.producer import Producer
from dekaf.producer._engine.engine import Engine
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from dekaf.types import FlushTimeoutError, ProducerState
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    MakeFace,
    eventually,
    loop_producer,
    thread_producer,
    threads_of_producers,
)
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind

SLACK = 1.0  # seconds that a close may take beyond its timeout on a busy machine


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@contextmanager
def silent_server() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def closed_port() -> Iterator[str]:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def full_backlog() -> Iterator[str]:
    """A port whose connections are never accepted: connecting hangs."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(address)
            yield f"127.0.0.1:{address[1]}"


# Closing in time.


@pytest.mark.mistake("confluent-kafka-dotnet #1027", "rdkafka-ruby #268")
@pytest.mark.parametrize("place", [silent_server, closed_port, full_backlog])
def test_close_without_kafka_is_in_time_and_answers_everybody(
    make_face: MakeFace, place: Callable[[], AbstractContextManager[str]]
) -> None:
    with place() as server:
        face = make_face(server)
        ledger = Ledger(face, "t")
        ledger.produce(5)

        started = time.monotonic()
        report = face.close(0.1)
        elapsed = time.monotonic() - started
        outcomes = ledger.outcomes()

    assert elapsed < 0.1 + SLACK
    assert report.undelivered == 5
    for outcome in outcomes:
        assert isinstance(outcome.error, DeliveryAbortedError)
        assert not outcome.error.may_be_persisted
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.parametrize("api", [ApiKey.API_VERSIONS, ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.PRODUCE])
@pytest.mark.parametrize("is_half", [True, False], ids=["half a frame", "silence"])
def test_close_while_an_answer_is_due_is_in_time(
    cluster: FakeCluster, make_face: MakeFace, api: ApiKey, is_half: bool
) -> None:
    if is_half:
        # The frame announces more than ever comes.
        cluster.on(api).garbage(b"\x00\x00\x01\x00abc", times=ALWAYS)
    else:
        cluster.on(api).never_answer(times=ALWAYS)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    ledger.produce(3, partition=1)
    cluster.wait_until(lambda: any(request.api_key == api for request in cluster.requests()))

    started = time.monotonic()
    face.close(0.1)
    elapsed = time.monotonic() - started
    outcomes = ledger.outcomes()

    assert elapsed < 0.1 + SLACK
    assert all(isinstance(outcome.error, DeliveryAbortedError) for outcome in outcomes)
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_close_while_throttled_is_in_time(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).throttle(60_000, times=ALWAYS)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(2)

    started = time.monotonic()
    face.close(0.1)

    assert time.monotonic() - started < 0.1 + SLACK
    leave_nothing_behind(face.status(), ledger.outcomes())


def test_close_without_a_leader_is_in_time(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.move_leader("t", 0, None)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(2)

    started = time.monotonic()
    face.close(0.1)

    assert time.monotonic() - started < 0.1 + SLACK
    leave_nothing_behind(face.status(), ledger.outcomes())


def test_close_while_the_broker_does_not_read_is_in_time(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, receive_buffer_bytes=4_096) as cluster:
        face = make_face(cluster.bootstrap_servers, max_request_size=1_048_576)
        face.produce("t", b"warm").result(PATIENCE)
        cluster.broker(1).pause_reading()
        handles = [face.produce("t", b"." * 900_000) for _ in range(12)]

        started = time.monotonic()
        face.close(0.1)
        elapsed = time.monotonic() - started
        cluster.broker(1).resume_reading()

        assert elapsed < 0.1 + SLACK
        for handle in handles:
            assert isinstance(handle.exception(PATIENCE), ProduceError)
        assert face.status().buffered_bytes == 0


def test_close_of_a_producer_that_never_started_is_nothing(make_face: MakeFace) -> None:
    with closed_port() as server:
        face = make_face(server)
        report = face.close()

    assert report.ok
    assert face.status().state is ProducerState.CLOSED


def test_close_with_a_callback_that_blocks_is_in_time(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    release = threading.Event()
    entered = threading.Event()

    def block(_: object, __: object) -> None:
        entered.set()
        release.wait(PATIENCE)

    producer.fire("t", None, b"a", on_delivery=block)
    assert entered.wait(PATIENCE)
    started = time.monotonic()
    producer.close(0.1)
    elapsed = time.monotonic() - started
    release.set()

    assert elapsed < 0.1 + SLACK


def test_closed_producer_refuses_and_repeats_its_report(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    face.produce("t", b"a").result(PATIENCE)
    report = face.close()

    assert face.close() == report
    with pytest.raises(ProducerClosedError):
        face.produce("t", b"b").result(PATIENCE)
    assert face.flush().ok


def test_many_may_close_at_once(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    deliveries = [producer.submit("t", None, b"%d" % number) for number in range(100)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: producer.close(), range(8)))

    assert all(report.undelivered == 0 for report in reports)
    assert all(delivery.result(0).has_offset for delivery in deliveries)
    assert producer.status().state is ProducerState.CLOSED


@pytest.mark.parametrize("seed", range(8))
def test_close_while_others_produce_answers_all_that_was_accepted(cluster: FakeCluster, seed: int) -> None:
    producer = thread_producer(
        cluster.bootstrap_servers,
        batch_size=100 + 100 * seed,
        # Some seeds have space for everything that is under way, in others the threads wait for space.
        buffer_memory=5_000 * (seed + 1),
    )
    handles: list[list[Any]] = [[] for _ in range(4)]

    def produce(mine: list[Any]) -> None:
        while True:
            try:
                mine.append(producer.submit("t", None, b"%d" % len(mine)))
            except ProducerClosedError:
                return

    threads = [threading.Thread(target=produce, args=(mine,)) for mine in handles]
    for thread in threads:
        thread.start()
    eventually(lambda: len(cluster.log("t")) > 50 * seed)
    report = producer.close(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()

    accepted = [handle for mine in handles for handle in mine]
    assert report.undelivered == 0
    assert all(handle.done() for handle in accepted)
    assert len(cluster.log("t")) == len(accepted)
    assert producer.status().buffered_bytes == 0


def test_many_closes_at_once_give_the_report_of_the_one_close() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with closed_port() as servers:
            for _ in range(15):
                producer = thread_producer(servers, max_block_ms=60_000)
                for _ in range(5):
                    producer.fire("t", None, b"a")
                with concurrent.futures.ThreadPoolExecutor(6) as pool:
                    reports = [closing.result() for closing in [pool.submit(producer.close, 0.01) for _ in range(6)]]

                assert {(one.delivered, one.failed, one.undelivered) for one in reports} == {(0, 0, 5)}
    finally:
        sys.setswitchinterval(interval)


def test_close_that_nobody_waited_for_is_reported_later(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)

    async def close_on_a_loop() -> None:
        producer.fire("t", None, b"a")
        assert producer.close().pending

    asyncio.run(close_on_a_loop())
    eventually(lambda: producer.status().state is ProducerState.CLOSED)

    assert producer.close().delivered == 1


def test_close_after_the_engine_failed_reports_what_failed(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producer.fire("t", None, b"a")
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)
    engine = producer._core.start()
    assert isinstance(engine, Engine)
    engine._io.call(_fail)
    eventually(lambda: not engine.is_alive())

    report = producer.close()

    assert (report.failed, report.ok) == (1, False)


def _fail() -> None:
    raise ZeroDivisionError


def test_leaving_a_block_on_an_exception_delivers_all_the_same(cluster: FakeCluster) -> None:
    def leave() -> None:
        with thread_producer(cluster.bootstrap_servers) as producer:
            producer.fire("t", None, b"a")
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        leave()

    assert len(cluster.log("t")) == 1


def test_close_on_a_loop_does_not_wait(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    told = threading.Event()
    producer.fire("t", None, b"a", on_delivery=lambda _, __: told.set())
    cluster.wait_until(lambda: held.waiting)
    loop_thread = LoopThread()

    report = loop_thread.call(producer.close)
    loop_thread.stop()
    held.release()

    assert report.pending
    assert told.wait(PATIENCE)
    eventually(lambda: producer.status().state is ProducerState.CLOSED)
    eventually(lambda: not threads_of_producers())


def test_cancelled_close_still_ends_the_engine(cluster: FakeCluster) -> None:
    loop_thread = LoopThread()
    producer = loop_producer(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    handle = loop_thread.start(producer.produce("t", None, b"a"))
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)

    closing = loop_thread.start(producer.close())
    eventually(lambda: producer.status().state is ProducerState.CLOSING)
    closing.cancel()

    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)
    eventually(lambda: producer.status().state is ProducerState.CLOSED)
    loop_thread.stop()


# Nobody closes.


@pytest.mark.parametrize("has_callback", [True, False])
def test_producer_dropped_without_close_delivers_and_warns(cluster: FakeCluster, has_callback: bool) -> None:
    producers = [thread_producer(cluster.bootstrap_servers)]
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    told = threading.Event()
    producers[0].fire("t", None, b"a", on_delivery=(lambda _, __: told.set()) if has_callback else None)
    cluster.wait_until(lambda: held.waiting)
    with pytest.warns(ResourceWarning, match="without close"):  # noqa: PT031 # at once, or when collected
        producers.clear()
        gc.collect()
    held.release()

    assert len(cluster.wait_for_records("t", 1)) == 1
    if has_callback:
        assert told.wait(PATIENCE)
    eventually(lambda: not threads_of_producers())


def test_coroutine_producer_dropped_without_close_delivers_and_warns(cluster: FakeCluster) -> None:
    loop_thread = LoopThread()
    producers = [loop_producer(cluster.bootstrap_servers)]
    loop_thread.run(producers[0].produce("t", None, b"a", partition=0))
    producers[0].fire("t", None, b"b", partition=0)
    loop_thread.stop()
    with pytest.warns(ResourceWarning, match="without close"):  # noqa: PT031 # at once, or when collected
        producers.clear()
        gc.collect()

    assert len(cluster.wait_for_records("t", 2)) == 2
    eventually(lambda: not threads_of_producers())


def test_construction_that_fails_leaves_no_noise() -> None:
    class Once:
        is_made = False

        def __init__(self) -> None:
            if Once.is_made:  # by the check of the options
                raise RuntimeError("can be made once")
            Once.is_made = True

        def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
            return None

    with pytest.raises(ValueError, match="can be made once"):
        Producer(bootstrap_servers="x:1", partitioner=Once)
    gc.collect()


# Flushing.


@pytest.mark.mistake("librdkafka #3489")
def test_flush_does_not_wait_for_linger(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=15_000, delivery_timeout_ms=30_000)
    face.fire("t", b"warm", partition=0, on_delivery=lambda _, __: None)
    face.flush(PATIENCE)
    face.fire("t", b"a", partition=0, on_delivery=lambda _, __: None)

    started = time.monotonic()
    face.flush(PATIENCE)

    assert time.monotonic() - started < SLACK
    assert len(cluster.log("t")) == 2


def test_flush_includes_parked_records(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, linger_ms=15_000, delivery_timeout_ms=30_000)
        face.fire("late", b"a", on_delivery=lambda _, __: None)
        creating = threading.Timer(0.05, lambda: cluster.create_topic("late", 1))
        creating.start()

        face.flush(PATIENCE)

        assert len(cluster.log("late")) == 1


def test_flush_that_runs_out_of_time_says_how_far_it_came(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    handle = face.produce("t", b"a", partition=0)
    face.produce("t", b"b", partition=1).result(PATIENCE)

    with pytest.raises(FlushTimeoutError) as caught:
        face.flush(0.05)
    held.release()

    assert caught.value.report.undelivered == 1
    assert handle.result(PATIENCE).has_offset


def test_flush_reports_the_failures_since_the_last_one(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_RECORD)
    for _ in range(20):
        # Each time the report is asked for at the very moment the failure is told.
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_RECORD)
        face.fire("t", b"bad", partition=0, on_delivery=lambda _, __: None)
        report = face.flush(PATIENCE)
        assert (report.failed, report.undelivered) == (1, 0)
        assert isinstance(report.failures[0], InvalidRecordError)
    cluster.clear_faults()

    face.fire("t", b"good", partition=1, on_delivery=lambda _, __: None)
    report = face.flush(PATIENCE)
    assert report.ok
    assert report.delivered == 1


def test_flush_from_many_threads_while_others_produce(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, batch_size=300, buffer_memory=20_000) as producer:
        stop = threading.Event()
        unsettled: list[int] = []

        def produce() -> None:
            while not stop.is_set():
                producer.fire("t", None, b"noise")

        def flush() -> None:
            for _ in range(15):
                mine = [producer.submit("t", None, b"mine") for _ in range(5)]
                producer.flush(PATIENCE)
                unsettled.append(sum(1 for handle in mine if not handle.done()))

        producing = [threading.Thread(target=produce) for _ in range(2)]
        flushing = [threading.Thread(target=flush) for _ in range(4)]
        for thread in (*producing, *flushing):
            thread.start()
        for thread in flushing:
            thread.join(PATIENCE)
        stop.set()
        for thread in producing:
            thread.join(PATIENCE)

        assert unsettled == [0] * 60


def test_flush_and_close_race_leaves_no_flush_waiting(cluster: FakeCluster) -> None:
    for _ in range(20):
        producer = thread_producer(cluster.bootstrap_servers)
        producer.submit("t", None, b"a")
        flushes = [threading.Thread(target=producer.flush) for _ in range(3)]
        for thread in flushes:
            thread.start()
        producer.close()
        for thread in flushes:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_records_of_concurrent_producers_keep_each_ones_order(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=250)
    ledger = Ledger(face, "t")
    noise = [threading.Thread(target=_make_noise, args=(face,)) for _ in range(3)]
    for thread in noise:
        thread.start()
    ledger.produce(200)
    for thread in noise:
        thread.join(PATIENCE)
    outcomes = ledger.outcomes()
    face.close()

    offsets = [outcome.metadata.offset for outcome in outcomes if outcome.metadata is not None]
    assert len(offsets) == 200
    assert offsets == sorted(offsets)


def test_check_of_a_broker_that_speaks_no_known_metadata_harms_nobody(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.METADATA: (0, 5)}) as cluster:
        producer = thread_producer(cluster.bootstrap_servers)
        with pytest.raises(ConnectionError):
            producer.check(0.1)

        assert producer.status().engine_restarts == 0
        assert producer.status().state is ProducerState.RUNNING
        producer.close(0.0)


def _make_noise(face: Any) -> None:
    for handle in [face.produce("t", b"noise", partition=0) for _ in range(100)]:
        handle.result(PATIENCE)


def test_close_answers_the_calls_that_block(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    producer.produce("t", None, b"first")
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    errors: list[ProduceError] = []

    def call() -> None:
        try:
            producer.produce("t", None, b"pending")
        except ProduceError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: producer.status().buffered_records == len(threads))
    report = producer.close(0.2)
    for thread in threads:
        thread.join(PATIENCE)

    assert len(errors) == report.undelivered == len(threads)
    assert all(isinstance(error, DeliveryAbortedError) and error.may_be_persisted for error in errors)
