"""Closing: in every state, in time, with an answer for everybody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from dekaf.errors import DeliveryAbortedError, ProduceError, ProducerClosedError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from dekaf.types import ProducerState
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    MakeFace,
    break_engine,
    eventually,
    loop_producer,
    thread_producer,
    threads_of_producers,
)
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind
from tests.scenarios.places import closed_port, full_backlog, silent_server

SLACK = 3.0  # seconds that a close may take beyond its timeout on a busy machine


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


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
    break_engine(producer)

    report = producer.close()

    assert (report.failed, report.ok) == (1, False)


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


def test_check_of_a_broker_that_speaks_no_known_metadata_harms_nobody(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.METADATA: (0, 5)}) as cluster:
        producer = thread_producer(cluster.bootstrap_servers)
        with pytest.raises(ConnectionError):
            producer.check(0.1)

        assert producer.status().engine_restarts == 0
        assert producer.status().state is ProducerState.RUNNING
        producer.close(0.0)
