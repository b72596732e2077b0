"""What closing could not deliver reaches `on_undelivered`: all of it, nothing else, once, and in bounded time."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from dekaf.errors import DeliveryAbortedError, InvalidRecordError, ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.registry import ProducerRegistry
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from dekaf.types import ProducerState, RecordMetadata
from tests.scenarios.faces import (
    PATIENCE,
    QUICK,
    LoopThread,
    MakeFace,
    break_engine,
    eventually,
    thread_producer,
    threads_of_producers,
)

Messages = Sequence[ProducerMessage[bytes, bytes]]
SLACK = 3.0  # seconds that a close may take beyond its time on a busy machine


class Saved:
    """An `on_undelivered` that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[list[ProducerMessage[bytes, bytes]]] = []
        self.threads: set[str] = set()

    def __call__(self, messages: Messages) -> None:
        self.threads.add(threading.current_thread().name.partition(" ")[0])
        self.calls.append(list(messages))

    @property
    def messages(self) -> list[ProducerMessage[bytes, bytes]]:
        """What the one call brought."""
        (messages,) = self.calls
        return messages

    @property
    def values(self) -> list[bytes | None]:
        """Its values."""
        return [message.value for message in self.messages]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=1, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def saved() -> Saved:
    return Saved()


def nobody(_: RecordMetadata | None, __: ProduceError | None) -> None:
    """Hear of an outcome, and do nothing."""


def has_requests(producer: Producer[Any, Any], count: int) -> bool:
    return producer.status().in_flight_requests == count


# What it gets.


def test_parked_messages_are_handed_over(make_face: MakeFace, saved: Saved) -> None:
    face = make_face("127.0.0.1:1", on_undelivered=saved)
    handle = face.produce("t", b"a", key=b"k")
    face.fire("t", b"b", partition=3, on_delivery=nobody)

    report = face.close(0.05)

    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)
    assert [(message.topic, message.key, message.value, message.partition) for message in saved.messages] == [
        ("t", b"k", b"a", None),
        ("t", None, b"b", 3),
    ]
    assert report.undelivered == 2


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_every_batch_is_handed_over_wherever_it_waits(
    cluster: FakeCluster, make_face: MakeFace, saved: Saved, codec: str
) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    face = make_face(
        cluster.bootstrap_servers,
        on_undelivered=saved,
        compression_type=codec,
        batch_size=400,
        linger_ms=0,
        request_timeout_ms=19_000,
    )
    values = [b"%04d" % number for number in range(100)]
    face.fire("t", values[0], partition=0, on_delivery=nobody)
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)

    for value in values[1:]:  # full batches, compressed, and an open one: the first has to be acknowledged before
        face.fire("t", value, partition=0, on_delivery=nobody)
    face.fire("t", b"other", partition=1, on_delivery=nobody)
    report = face.close(0.05)

    assert [message.value for message in saved.messages if message.partition == 0] == values
    assert [message.value for message in saved.messages if message.partition == 1] == [b"other"]
    assert report.undelivered == 101


def test_batch_that_waits_to_be_sent_again_is_handed_over(
    cluster: FakeCluster, make_face: MakeFace, saved: Saved
) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.NOT_ENOUGH_REPLICAS, times=ALWAYS)
    face = make_face(
        cluster.bootstrap_servers, on_undelivered=saved, retry_backoff_ms=15_000, retry_backoff_max_ms=15_000
    )
    face.fire("t", b"a", partition=0, on_delivery=nobody)
    eventually(lambda: face.status().retries_total == 1)

    face.close(0.05)

    assert saved.values == [b"a"]


def test_everything_is_given_up_in_order(cluster: FakeCluster, saved: Saved) -> None:
    held = cluster.on(ApiKey.PRODUCE, nth=2).hold(times=1, before_append=True)
    cluster.on(ApiKey.PRODUCE, nth=2).fail(ErrorCode.NOT_ENOUGH_REPLICAS)
    for nth in range(3, 7):
        cluster.on(ApiKey.PRODUCE, nth=nth).never_answer(times=1)
    producer = thread_producer(cluster.bootstrap_servers, on_undelivered=saved, linger_ms=0)
    producer.produce("t", None, b"first", partition=0)
    told: list[int] = []

    def note(number: int) -> Callable[[object, object], None]:
        return lambda _, __: told.append(number)

    for number in range(8):  # the first of them waits to be repeated, four are in flight, the others were never sent
        producer.fire("t", None, b"%d" % number, partition=0, on_delivery=note(number))
        eventually(functools.partial(has_requests, producer, min(number + 1, 5)))
    held.release()
    eventually(lambda: producer.status().retries_total == 1)

    producer.close(0.05)

    assert saved.values == [b"%d" % number for number in range(8)]
    assert told == list(range(8))


def test_messages_come_as_they_were_given(cluster: FakeCluster, saved: Saved) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    given = [
        ProducerMessage.create("t", "k", "v", headers={"a": "1", "b": None}, partition=0, timestamp=1_700_000_000_123),
        ProducerMessage.create("t", "k", None, partition=0, timestamp=1_600_000_000_000),
        ProducerMessage.create("t", None, "", partition=0, timestamp=1_700_000_000_124),
    ]
    producer = thread_producer(cluster.bootstrap_servers, key=str, value=str, on_undelivered=saved)
    for message in given:
        producer.fire(message)
    cluster.wait_until(lambda: cluster.attempts("t"))

    producer.close(0.05)

    assert [(one.key, one.value, one.headers, one.partition, one.timestamp_ms) for one in saved.messages] == [
        (b"k", b"v", given[0].headers, 0, 1_700_000_000_123),
        (b"k", None, given[1].headers, 0, 1_600_000_000_000),
        (None, b"", given[2].headers, 0, 1_700_000_000_124),
    ]


# What it does not get.


def test_only_what_the_close_failed_is_handed_over(cluster: FakeCluster, make_face: MakeFace, saved: Saved) -> None:
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.INVALID_RECORD)
    face = make_face(cluster.bootstrap_servers, on_undelivered=saved)
    delivered = face.produce("t", b"delivered", partition=0)
    assert delivered.result(PATIENCE).offset == 0
    rejected = face.produce("t", b"rejected", partition=0)
    assert isinstance(rejected.exception(PATIENCE), InvalidRecordError)
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    face.produce("t", b"late", partition=1)
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 3)

    report = face.close(0.05)

    assert saved.values == [b"late"]
    assert (report.delivered, report.failed, report.undelivered) == (1, 1, 1)


def test_message_whose_own_time_was_over_before_is_not_handed_over(cluster: FakeCluster, saved: Saved) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producer = thread_producer(
        cluster.bootstrap_servers, on_undelivered=saved, request_timeout_ms=100, delivery_timeout_ms=150
    )
    expired = producer.submit("t", None, b"expired", partition=0)
    with pytest.raises(ProduceError):
        expired.result(PATIENCE)

    producer.close(0.05)

    assert saved.calls == []


def test_it_is_not_called_when_everything_was_delivered(
    cluster: FakeCluster, make_face: MakeFace, saved: Saved
) -> None:
    face = make_face(cluster.bootstrap_servers, on_undelivered=saved)
    face.fire("t", b"a", partition=0, on_delivery=nobody)

    assert face.close().ok
    assert saved.calls == []


# When, and where.


@pytest.mark.parametrize("with_error", [True, False])
def test_with_block_hands_over(cluster: FakeCluster, saved: Saved, with_error: bool) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)

    def use() -> None:
        with thread_producer(cluster.bootstrap_servers, on_undelivered=saved, close_timeout_ms=50) as producer:
            producer.fire("t", None, b"a", partition=0)
            if with_error:
                raise LookupError

    if with_error:
        with pytest.raises(LookupError):
            use()
    else:
        use()

    assert saved.values == [b"a"]
    assert saved.threads == {"dekaf-callbacks"}


def test_closed_registry_hands_over_for_each_producer(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    saved = {"default": Saved(), "audit": Saved()}
    options: dict[str, Any] = {**QUICK, "bootstrap_servers": cluster.bootstrap_servers, "close_timeout_ms": 50}
    registry = ProducerRegistry({alias: {**options, "on_undelivered": saved[alias]} for alias in saved})
    for alias in saved:
        registry.producer(alias).fire("t", None, alias, partition=0)

    registry.close()

    assert {alias: saved[alias].values for alias in saved} == {"default": [b"default"], "audit": [b"audit"]}


def test_close_that_a_loop_initiates_hands_over_when_its_time_is_over(cluster: FakeCluster, saved: Saved) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producer = thread_producer(cluster.bootstrap_servers, on_undelivered=saved)
    producer.fire("t", None, b"a", partition=0)
    loop_thread = LoopThread()

    report = loop_thread.call(lambda: producer.close(0.05))
    loop_thread.stop()

    assert report.pending
    eventually(lambda: saved.calls)
    assert saved.values == [b"a"]
    eventually(lambda: producer.status().state is ProducerState.CLOSED)


def test_producer_that_is_dropped_hands_over_when_its_time_is_over(
    cluster: FakeCluster, saved: Saved, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producers = [thread_producer(cluster.bootstrap_servers, on_undelivered=saved, close_timeout_ms=50)]
    producers[0].fire("t", None, b"a", partition=0)
    cluster.wait_until(lambda: cluster.attempts("t"))

    with caplog.at_level(logging.ERROR, "dekaf.producer"):
        with pytest.warns(ResourceWarning, match="without close"):  # noqa: PT031 # at once, or when collected
            producers.clear()
            gc.collect()
        eventually(lambda: saved.calls)
        eventually(lambda: not threads_of_producers())

    assert saved.values == [b"a"]
    assert "Producer closed by being dropped: 0 delivered, 0 failed, 1 undelivered" in caplog.text


def test_failure_of_the_engine_is_no_close(cluster: FakeCluster, saved: Saved) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producer = thread_producer(cluster.bootstrap_servers, on_undelivered=saved)
    handle = producer.submit("t", None, b"a", partition=0)
    cluster.wait_until(lambda: cluster.attempts("t"))

    break_engine(producer)

    with pytest.raises(DeliveryAbortedError):
        handle.result(PATIENCE)
    producer.close()
    assert saved.calls == []


# What it may do.


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_it_raises_is_contained_and_logged(
    make_face: MakeFace, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Messages) -> None:
        raise kind("disk full")

    face = make_face("127.0.0.1:1", on_undelivered=fail)
    handle = face.produce("t", b"secret")
    with caplog.at_level(logging.ERROR, "dekaf.producer"):
        report = face.close(0.05)

    assert report.undelivered == 1
    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)
    lines = [record for record in caplog.records if "on_undelivered raised" in record.getMessage()]
    assert [(line.levelno, "disk full" in line.getMessage()) for line in lines] == [(logging.ERROR, True)]
    assert "secret" not in caplog.text


def test_close_waits_for_it_beyond_its_own_timeout(make_face: MakeFace) -> None:
    """When there is something to save, the time to deliver is over by definition."""
    saved: list[bytes | None] = []

    def save(messages: Messages) -> None:
        gate.wait(PATIENCE)
        saved.extend(message.value for message in messages)

    gate = threading.Event()
    face = make_face("127.0.0.1:1", on_undelivered=save)
    face.produce("t", b"a")
    opening = threading.Timer(0.6, gate.set)
    opening.start()

    face.close(0.0)

    assert saved == [b"a"]
    opening.join()


def test_close_does_not_wait_for_it_for_ever(make_face: MakeFace, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def hang(_: Messages) -> None:
        gate.wait(PATIENCE)

    face = make_face("127.0.0.1:1", on_undelivered=hang, close_timeout_ms=200)
    face.produce("t", b"a")

    started = time.monotonic()
    with caplog.at_level(logging.ERROR, "dekaf.producer"):
        face.close()
    elapsed = time.monotonic() - started
    gate.set()

    assert elapsed < 0.4 + SLACK
    assert "on_undelivered has not returned in time" in caplog.text


def test_loop_goes_on_while_it_saves() -> None:
    gate = threading.Event()
    saved: list[int] = []

    def save(messages: Messages) -> None:
        gate.wait(PATIENCE)
        saved.append(len(messages))

    async def scenario() -> None:
        producer = AsyncProducer(bootstrap_servers="127.0.0.1:1", on_undelivered=save)
        producer.fire("t", None, b"a")
        closing = asyncio.create_task(producer.close(0.0))
        while producer.status().state is not ProducerState.CLOSED:
            await asyncio.sleep(0.001)
        assert not closing.done()  # and this task runs nevertheless
        gate.set()
        assert (await closing).undelivered == 1

    asyncio.run(scenario())

    assert saved == [1]


def test_it_may_produce_to_another_cluster(cluster: FakeCluster) -> None:
    other = thread_producer(cluster.bootstrap_servers)

    def pass_on(messages: Messages) -> None:
        other.produce_all(messages)

    with thread_producer("127.0.0.1:1", on_undelivered=pass_on) as producer:
        producer.fire("t", "k", "v", partition=1)
        producer.close(0.05)
    other.close()

    ((record,),) = (cluster.log("t"),)
    assert (record.partition, record.key, record.value) == (1, b"k", b"v")
