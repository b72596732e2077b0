"""A full buffer: who waits, in which order, and who must not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dekaf.abc import ProducerListener
from dekaf.errors import BufferExhaustedError, ProducerClosedError
from dekaf.producer import Producer, ProducerOptions
from dekaf.testing import ApiKey, FakeCluster, Held
from dekaf.types import Headers, RecordMetadata
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    eventually,
    loop_producer,
    thread_producer,
)

# Space for two records of a kilobyte with somebody who waits for each, and not for a third.
TIGHT: ProducerOptions = {"buffer_memory": 3_800, "max_request_size": 3_000}
KILOBYTE = b"." * 1_000
SMALL = b"."


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@contextmanager
def full_buffer(cluster: FakeCluster, **options: Any) -> Iterator[tuple[Producer[Any, Any], Held]]:
    """A producer whose buffer is full until what is held is released."""
    with thread_producer(cluster.bootstrap_servers, **{**TIGHT, **options}) as producer:
        producer.produce("t", None, b"first")
        held = cluster.on(ApiKey.PRODUCE).hold()
        try:
            producer.submit("t", None, KILOBYTE)
            producer.submit("t", None, KILOBYTE)
            yield producer, held
        finally:
            held.release()


def waiters(producer: Producer[Any, Any]) -> int:
    return producer.status().waiting_for_space


def in_thread(work: Callable[[], RecordMetadata]) -> concurrent.futures.Future[RecordMetadata]:
    """Run something on a thread of its own."""
    future: concurrent.futures.Future[RecordMetadata] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whatever it is, the test wants to see it
            future.set_exception(error)

    threading.Thread(target=run, name="test-waiter").start()
    return future


def test_threads_and_coroutines_are_served_in_the_order_they_came(
    cluster: FakeCluster, loop_thread: LoopThread
) -> None:
    """Each record fills the buffer, so that one is let in at a time, and the log tells in which order."""
    with full_buffer(cluster) as (producer, held):
        coroutines = producer.as_async()
        handles: list[concurrent.futures.Future[RecordMetadata]] = []
        for number in range(10):
            value = b"%02d" % number + 2 * KILOBYTE
            if number % 2:
                handles.append(loop_thread.start(coroutines.produce("t", None, value)))
            else:
                handles.append(in_thread(lambda value=value: producer.produce("t", None, value)))  # type: ignore[misc]  # mypy cannot infer a lambda's default
            eventually(lambda: waiters(producer) == len(handles))
        held.release()
        offsets = [handle.result(PATIENCE).offset for handle in handles]

        assert offsets == sorted(offsets)
        assert [record.value and record.value[:2] for record in cluster.log("t")[3:]] == [
            b"%02d" % number for number in range(10)
        ]


def test_small_record_does_not_overtake_a_large_one_that_waits(cluster: FakeCluster) -> None:
    with full_buffer(cluster) as (producer, held):
        large = in_thread(lambda: producer.produce("t", None, b"." * 2_900))  # nothing fits beside it
        eventually(lambda: waiters(producer) == 1)
        small = in_thread(lambda: producer.produce("t", None, SMALL))
        eventually(lambda: waiters(producer) == 2)
        held.release()

        assert large.result(PATIENCE).offset < small.result(PATIENCE).offset


def test_waiting_ends_after_max_block(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with full_buffer(cluster, max_block_ms=400) as (producer, held):
        errors = [
            in_thread(lambda: producer.produce("t", None, KILOBYTE)).exception(PATIENCE),
            loop_thread.start(producer.as_async().produce("t", None, KILOBYTE)).exception(PATIENCE),
        ]
        assert waiters(producer) == 0
        held.release()
        producer.flush(PATIENCE)

        for error in errors:
            assert isinstance(error, BufferExhaustedError)
            assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)
            assert "max_block_ms" in str(error)
        assert producer.status().buffered_bytes == 0
        assert len(cluster.log("t")) == 3


def test_call_does_not_wait_longer_than_its_own_timeout(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with full_buffer(cluster, max_block_ms=60_000, delivery_timeout_ms=70_000) as (producer, _):
        with pytest.raises(BufferExhaustedError, match=r"within 20 ms \(the call's timeout\)"):
            producer.produce("t", None, KILOBYTE, timeout=0.02)
        with pytest.raises(BufferExhaustedError, match=r"within 20 ms \(the call's timeout\)"):
            loop_thread.run(producer.as_async().produce("t", None, KILOBYTE, timeout=0.02))


@pytest.mark.parametrize("buffer_full", ["block", "raise"])
def test_coroutines_fire_never_waits(cluster: FakeCluster, loop_thread: LoopThread, buffer_full: str) -> None:
    with full_buffer(cluster, max_block_ms=60_000, delivery_timeout_ms=70_000, buffer_full=buffer_full) as (
        producer,
        _,
    ):
        fire = producer.as_async().fire
        with pytest.raises(BufferExhaustedError):
            loop_thread.call(lambda: fire("t", None, KILOBYTE))


def test_fire_raises_while_others_wait_for_room_even_if_it_would_fit(
    cluster: FakeCluster, loop_thread: LoopThread
) -> None:
    with full_buffer(cluster) as (producer, held):
        fire = producer.as_async().fire
        loop_thread.call(lambda: fire("t", None, SMALL))  # this one fits
        waiting = in_thread(lambda: producer.produce("t", None, KILOBYTE))
        eventually(lambda: waiters(producer) == 1)

        with pytest.raises(BufferExhaustedError):
            loop_thread.call(lambda: fire("t", None, SMALL))
        held.release()
        waiting.result(PATIENCE)


def test_buffer_full_raise_waits_for_nothing(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with full_buffer(cluster, buffer_full="raise", max_block_ms=60_000, delivery_timeout_ms=70_000) as (producer, _):
        with pytest.raises(BufferExhaustedError):
            producer.produce("t", None, KILOBYTE)
        with pytest.raises(BufferExhaustedError):
            producer.fire("t", None, KILOBYTE)
        with pytest.raises(BufferExhaustedError):
            loop_thread.run(producer.as_async().produce("t", None, KILOBYTE))


def test_thread_with_an_event_loop_does_not_wait_for_room(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with full_buffer(cluster, max_block_ms=60_000, delivery_timeout_ms=70_000) as (producer, _):
        with pytest.raises(BufferExhaustedError):
            loop_thread.call(lambda: producer.fire("t", None, KILOBYTE))
        with pytest.raises(BufferExhaustedError):
            loop_thread.call(lambda: producer.submit("t", None, KILOBYTE))


def test_callback_does_not_wait_for_room(cluster: FakeCluster) -> None:
    with thread_producer(
        cluster.bootstrap_servers,
        **{**TIGHT, "max_block_ms": 60_000, "delivery_timeout_ms": 70_000},
    ) as producer:
        raised: concurrent.futures.Future[BaseException | None] = concurrent.futures.Future()

        def refill(_: object, __: object) -> None:
            held = cluster.on(ApiKey.PRODUCE).hold()
            try:
                for _ in range(5):
                    producer.fire("t", None, KILOBYTE)
            except BufferExhaustedError as error:
                raised.set_result(error)
            else:
                raised.set_result(None)
            finally:
                held.release()

        producer.fire("t", None, b"first", on_delivery=refill)

        assert isinstance(raised.result(PATIENCE), BufferExhaustedError)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_cancelled_waiter_leaves_the_line_and_its_room(
    cluster: FakeCluster, loop_thread: LoopThread, position: int
) -> None:
    with full_buffer(cluster) as (producer, held):
        produce = producer.as_async().produce
        tasks: list[concurrent.futures.Future[RecordMetadata]] = []
        for number in range(3):
            tasks.append(loop_thread.start(produce("t", None, b"%d" % number + KILOBYTE)))
            eventually(lambda: waiters(producer) == len(tasks))

        tasks[position].cancel()
        eventually(lambda: waiters(producer) == 2)
        held.release()
        others = [task for task in tasks if task is not tasks[position]]
        for task in others:
            task.result(PATIENCE)

        assert producer.status().buffered_bytes == 0
        assert len(cluster.log("t")) == 5


def test_waiter_whose_loop_was_closed_does_not_hold_up_the_others(cluster: FakeCluster) -> None:
    with full_buffer(cluster) as (producer, held):
        doomed = LoopThread()
        task = doomed.start(producer.as_async().produce("t", None, KILOBYTE))
        eventually(lambda: waiters(producer) == 1)
        behind = in_thread(lambda: producer.produce("t", None, KILOBYTE))
        eventually(lambda: waiters(producer) == 2)

        doomed.stop()
        held.release()

        behind.result(PATIENCE)
        assert task.cancelled()
        assert producer.status().buffered_bytes == 0


def test_closing_lets_waiters_go(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    producer = thread_producer(cluster.bootstrap_servers, **TIGHT)
    producer.produce("t", None, b"first")
    held = cluster.on(ApiKey.PRODUCE).hold()
    accepted = [producer.submit("t", None, KILOBYTE) for _ in range(2)]
    waiting = [
        in_thread(lambda: producer.produce("t", None, KILOBYTE)),
        loop_thread.start(producer.as_async().produce("t", None, KILOBYTE)),
        in_thread(lambda: producer.produce("t", None, SMALL)),
    ]
    eventually(lambda: waiters(producer) == 3)

    closing = threading.Thread(target=producer.close)
    closing.start()
    errors = [one.exception(PATIENCE) for one in waiting]
    held.release()
    closing.join(PATIENCE)

    assert [type(error) for error in errors] == [ProducerClosedError] * 3
    assert [delivery.result(0).offset for delivery in accepted] == [1, 2]
    assert producer.status().buffered_bytes == 0
    assert producer.status().waiting_for_space == 0


def test_thousand_tasks_pass_through_a_tight_buffer(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    async def produce_all() -> set[int]:
        async with loop_producer(cluster.bootstrap_servers, **{**TIGHT, "max_block_ms": 60_000}) as producer:
            results = await asyncio.gather(*[producer.produce("t", None, b"%04d" % number) for number in range(1_000)])
        assert producer.status().buffered_bytes == 0
        return {result.offset for result in results}

    assert loop_thread.start(produce_all()).result(3 * PATIENCE) == set(range(1_000))


class Counting(ProducerListener):
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        self.heard["on_send"] += 1
        return None

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.heard["on_acknowledged"] += 1


def test_on_send_is_asked_once_by_a_record_that_waits_for_room(cluster: FakeCluster) -> None:
    listener = Counting()
    with full_buffer(cluster, listener=listener) as (producer, held):
        waiting = in_thread(lambda: producer.produce("t", None, KILOBYTE))
        eventually(lambda: waiters(producer) == 1)
        held.release()
        waiting.result(PATIENCE)

    assert listener.heard == {"on_send": 4, "on_acknowledged": 4}
