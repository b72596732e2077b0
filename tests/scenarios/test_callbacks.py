"""How outcomes come back: callbacks in order and contained, tasks that went away, loops that are gone."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.errors import BlockingCallError, DeliveryAbortedError, ProduceError
from dekaf.producer import Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from dekaf.types import OnDelivery, RecordMetadata
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    MakeFace,
    eventually,
    loop_producer,
    thread_producer,
)

Told = list[tuple[bytes, RecordMetadata | None, ProduceError | None, str]]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def producer(cluster: FakeCluster) -> Iterator[Producer[Any, Any]]:
    with thread_producer(cluster.bootstrap_servers) as producer:
        yield producer


def noting(told: Told, value: bytes) -> OnDelivery:
    """Return a callback that notes what it hears, and on which thread."""

    def note(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        told.append((value, metadata, error, threading.current_thread().name.partition(" ")[0]))

    return note


# Callbacks.


def test_callbacks_come_once_and_in_order_per_partition(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=200)
    for nth in (2, 4):
        cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.on(ApiKey.PRODUCE, partition=1, nth=3).close_after_append()
    told: Told = []
    values = [b"%04d" % number for number in range(400)]

    for number, value in enumerate(values):
        face.fire("t", value, partition=number % 2, on_delivery=noting(told, value))
    face.close()

    assert len(told) == len(values)
    for partition in (0, 1):
        mine = [value for value, metadata, _, _ in told if metadata is not None and metadata.partition == partition]
        assert mine == values[partition::2]
        assert [record.value for record in cluster.log("t", partition)] == mine
    assert len({thread for *_, thread in told}) == 1


def test_callbacks_of_a_thread_producer_have_a_thread_of_their_own(producer: Producer[Any, Any]) -> None:
    told: Told = []
    producer.fire("t", None, b"a", on_delivery=noting(told, b"a"))
    eventually(lambda: told)

    assert told[0][3] == "dekaf-callbacks"


def test_callbacks_of_a_coroutine_producer_run_on_the_loop_that_fired(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread
) -> None:
    told: Told = []
    coroutines = producer.as_async()
    loop_thread.call(lambda: coroutines.fire("t", None, b"a", on_delivery=noting(told, b"a")))
    coroutines.fire("t", None, b"b", on_delivery=noting(told, b"b"))  # outside of any loop
    eventually(lambda: len(told) == 2)

    assert {value: thread for value, _, _, thread in told} == {b"a": "test-loop", b"b": "dekaf-callbacks"}


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, SystemExit, KeyboardInterrupt])
def test_callback_that_raises_silences_nobody_else(
    cluster: FakeCluster,
    producer: Producer[Any, Any],
    kind: type[BaseException],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: Told = []

    def raise_it(_: object, __: object) -> None:
        raise kind("on purpose")

    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    for number in range(6):
        callback = raise_it if number % 2 else noting(told, b"%d" % number)
        producer.fire("t", None, b"%d" % number, partition=0, on_delivery=callback)
    held.release()
    producer.flush(PATIENCE)
    producer.fire("t", None, b"later", partition=0, on_delivery=noting(told, b"later"))
    eventually(lambda: len(told) == 4)

    assert [value for value, *_ in told] == [b"0", b"2", b"4", b"later"]
    assert "on_delivery raised" in caplog.text
    assert "on purpose" in caplog.text


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError])
def test_callback_that_raises_on_a_loop_silences_nobody_else(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread, kind: type[BaseException]
) -> None:
    async def fire_and_produce() -> list[RecordMetadata]:
        coroutines = producer.as_async()

        def raise_it(_: object, __: object) -> None:
            raise kind("on purpose")

        coroutines.fire("t", None, b"bad", partition=0, on_delivery=raise_it)
        return await asyncio.gather(
            *[coroutines.produce("t", None, b"%d" % number, partition=0) for number in range(5)]
        )

    assert len(loop_thread.run(fire_and_produce())) == 5


def test_callback_may_fire_and_look(producer: Producer[Any, Any]) -> None:
    told: Told = []
    done = threading.Event()

    def go_on(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        noting(told, b"a")(metadata, error)
        assert producer.status().delivered_total >= 1
        producer.submit("t", None, b"submitted").add_done_callback(lambda _: done.set())
        producer.fire("t", None, b"b", on_delivery=noting(told, b"b"))

    producer.fire("t", None, b"a", on_delivery=go_on)

    assert done.wait(PATIENCE)
    eventually(lambda: [value for value, *_ in told] == [b"a", b"b"])


@pytest.mark.parametrize(
    "call",
    [
        lambda producer: producer.produce("t", None, b"b"),
        lambda producer: producer.produce_all([]),
        lambda producer: producer.flush(),
        lambda producer: producer.check(),
        lambda producer: producer.partitions_for("t"),
        lambda producer: producer.close(),
    ],
    ids=["produce", "produce_all", "flush", "check", "partitions_for", "close"],
)
def test_callback_may_not_wait(producer: Producer[Any, Any], call: Callable[[Producer[Any, Any]], object]) -> None:
    raised: concurrent.futures.Future[BaseException | None] = concurrent.futures.Future()

    def try_it(_: object, __: object) -> None:
        try:
            call(producer)
        except BlockingCallError as error:
            raised.set_result(error)
        else:
            raised.set_result(None)

    producer.fire("t", None, b"a", on_delivery=try_it)

    assert isinstance(raised.result(PATIENCE), BlockingCallError)


def test_callback_on_a_loop_may_fire(producer: Producer[Any, Any], loop_thread: LoopThread) -> None:
    told: Told = []
    coroutines = producer.as_async()

    def go_on(_: object, __: object) -> None:
        coroutines.fire("t", None, b"b", on_delivery=noting(told, b"b"))

    loop_thread.call(lambda: coroutines.fire("t", None, b"a", on_delivery=go_on))
    eventually(lambda: told)

    assert told[0][3] == "test-loop"


def test_done_callback_that_raises_is_logged(
    producer: Producer[Any, Any], cluster: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_it(_: object) -> None:
        raise ValueError("on purpose")

    done = threading.Event()
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    delivery = producer.submit("t", None, b"a")
    delivery.add_done_callback(raise_it)
    delivery.add_done_callback(lambda _: done.set())
    held.release()

    assert done.wait(PATIENCE)
    assert "on purpose" in caplog.text


# Failures nobody listens to.


def test_failure_of_a_fire_without_callback_is_logged_and_counted(
    cluster: FakeCluster, producer: Producer[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.INVALID_RECORD)
    for _ in range(3):
        producer.fire("t", None, b"a", partition=0)
        producer.flush(PATIENCE)

    lines = [
        record for record in caplog.records if record.levelno == logging.ERROR and "topic t" in record.getMessage()
    ]
    assert len(lines) == 1, "once per topic and interval"
    assert producer.status().unobserved_failures_total == 3
    assert "b'a'" not in caplog.text


def test_failure_after_the_task_was_cancelled_is_counted(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread
) -> None:
    coroutines = producer.as_async()
    loop_thread.run(coroutines.produce("t", None, b"warm", partition=0))
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)
    tasks = [
        loop_thread.start(coroutines.produce("t", None, b"a", partition=0)),
        loop_thread.start(coroutines.produce("t", None, b"b", partition=0, timeout=60)),
    ]
    cluster.wait_until(lambda: held.waiting)

    for task in tasks:
        task.cancel()
    loop_thread.run(asyncio.sleep(0))
    held.release()
    loop_thread.run(coroutines.flush())

    eventually(lambda: producer.status().unobserved_failures_total >= 1)
    assert producer.status().failed_total == producer.status().unobserved_failures_total


def test_cancelling_the_wait_does_not_cancel_the_record(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread
) -> None:
    coroutines = producer.as_async()
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    tasks = [loop_thread.start(coroutines.produce("t", None, b"%d" % number, partition=0)) for number in range(4)]
    cluster.wait_until(lambda: held.waiting)
    tasks[0].cancel()
    tasks[2].cancel()
    held.release()

    assert tasks[1].result(PATIENCE).has_offset
    assert tasks[3].result(PATIENCE).has_offset
    assert [record.value for record in cluster.wait_for_records("t", 4)] == [b"0", b"1", b"2", b"3"]


def test_future_nobody_awaits_does_not_stop_the_rest(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread
) -> None:
    async def submit_and_cancel() -> RecordMetadata:
        coroutines = producer.as_async()
        abandoned = await coroutines.submit("t", None, b"a", partition=0)
        assert isinstance(abandoned, asyncio.Future)
        abandoned.cancel()
        return await (await coroutines.submit("t", None, b"b", partition=0))

    assert loop_thread.run(submit_and_cancel()).offset == 1


def test_undelivered_callbacks_hear_of_the_close(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    told: Told = []
    cluster.on(ApiKey.PRODUCE).never_answer(times=None)
    face.fire("t", b"a", partition=0, on_delivery=noting(told, b"a"))
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)

    report = face.close(0.05)
    eventually(lambda: told)

    error = told[0][2]
    assert isinstance(error, DeliveryAbortedError)
    assert error.may_be_persisted
    assert report.undelivered == 1


def test_nothing_is_warned_about_futures_of_an_abandoned_call(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        producer = loop_producer(cluster.bootstrap_servers)
        loop_thread.run(producer.produce("t", None, b"a"))
        loop_thread.run(producer.close())

    assert [str(warning.message) for warning in caught] == []
