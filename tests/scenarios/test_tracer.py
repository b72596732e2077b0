"""A tracer joins each call to its outcome: exactly once, whatever happens, and at no record's cost."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from dekaf import telemetry
from dekaf.errors import BufferExhaustedError, ProducerClosedError, RecordTooLargeError, SerializationError
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.producer._core.tracing import PROCESS
from dekaf.telemetry import TOKEN_COST, BatchOutcome, Sleep
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from dekaf.types import Headers, RecordMetadata
from tests.named_hooks import NotingListener, NotingTracer
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    MakeFace,
    UnexpectedError,
    break_engine,
    eventually,
    loop_producer,
    thread_producer,
    threads_of_producers,
)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def tracer() -> Iterator[NotingTracer]:
    tracer = NotingTracer()
    telemetry.install(tracer)
    yield tracer
    telemetry.uninstall(tracer)


def fill(producer: Producer[Any, Any] | AsyncProducer[Any, Any]) -> int:
    """Fire until there is no space, and return how many records were accepted."""
    accepted = 0
    while True:
        try:
            producer.fire("t", None, b"x" * 100, partition=0)
        except BufferExhaustedError:
            return accepted
        accepted += 1


# Exactly once.


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_each_start_is_finished_once_with_its_own_outcome(
    cluster: FakeCluster, make_face: MakeFace, tracer: NotingTracer, codec: str
) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=300, compression_type=codec)
    for nth in (2, 4):
        cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.on(ApiKey.PRODUCE, partition=1, nth=3).close_after_append()
    cluster.on(ApiKey.PRODUCE, partition=1, nth=5).fail(ErrorCode.MESSAGE_TOO_LARGE)

    for number in range(400):
        face.fire("t", b"%04d" % number, partition=number % 2)
    handles = [face.produce("t", b"awaited", partition=number % 2) for number in range(10)]
    for handle in handles:
        handle.result(PATIENCE)
    face.flush()
    eventually(lambda: len(tracer.finished) == 410)

    assert tracer.tokens() == list(range(410))
    assert tracer.threads == {"dekaf-callbacks"}
    places = {token: (metadata.partition, metadata.offset) for token, metadata, _ in tracer.finished if metadata}
    logged = {int(record.headers[-1][1] or b""): (record.partition, record.offset) for record in cluster.log("t")}
    assert places == logged


def test_producer_made_before_is_traced_too_and_no_longer_afterwards(cluster: FakeCluster) -> None:
    tracer = NotingTracer()
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", value=b"before")
        telemetry.install(tracer)
        producer.produce("t", value=b"meanwhile")
        telemetry.uninstall()
        producer.produce("t", value=b"afterwards")

    assert [value for _, _, value, _ in tracer.started] == [b"meanwhile"]
    assert tracer.tokens() == [0]


def test_a_producers_own_tracer_replaces_the_process_s(cluster: FakeCluster, tracer: NotingTracer) -> None:
    own = NotingTracer()
    with thread_producer(cluster.bootstrap_servers, tracer=own) as producer:
        producer.produce("t", value=b"a")

    assert (len(own.finished), tracer.started) == (1, [])


def test_refused_calls_are_finished_on_their_own_thread(cluster: FakeCluster, tracer: NotingTracer) -> None:
    producer: Producer[Any, Any] = Producer(bootstrap_servers=cluster.bootstrap_servers, max_request_size=2_000)
    with producer:
        with pytest.raises(SerializationError):
            producer.produce("t", value=object())
        with pytest.raises(RecordTooLargeError):
            producer.fire("t", value=b"x" * 5_000)
        with pytest.raises(TypeError):
            producer.fire("t", value=b"a", partition="first")  # type: ignore[call-overload]
        with pytest.raises(SerializationError):
            producer.submit(ProducerMessage.create("t", None, object()))
    with pytest.raises(ProducerClosedError):
        producer.fire("t", value=b"late")

    assert tracer.tokens() == [0, 1, 2, 3, 4]
    assert tracer.errors() == [
        "SerializationError",
        "RecordTooLargeError",
        "TypeError",
        "SerializationError",
        "ProducerClosedError",
    ]
    assert tracer.threads == {threading.current_thread().name.partition(" ")[0]}


def test_calls_without_space_are_finished(cluster: FakeCluster, tracer: NotingTracer) -> None:
    options = {"linger_ms": 60_000, "delivery_timeout_ms": 120_000, "buffer_memory": 20_000, "max_request_size": 10_000}
    with thread_producer(cluster.bootstrap_servers, max_block_ms=50, batch_size=100_000, **options) as producer:
        producer.produce("t", value=b"known", partition=0)
        held = cluster.on(ApiKey.PRODUCE).hold()
        accepted = 1 + fill(producer)

        assert tracer.errors() == ["BufferExhaustedError"]
        assert accepted <= 20_000 // TOKEN_COST + 1  # open tokens are bounded by the buffer
        held.release()

    assert tracer.tokens() == list(range(accepted + 1))


def test_coroutine_that_is_cancelled_while_it_waits_for_space_is_finished(
    cluster: FakeCluster, loop_thread: LoopThread, tracer: NotingTracer
) -> None:
    options = {"linger_ms": 60_000, "delivery_timeout_ms": 120_000, "buffer_memory": 20_000, "max_request_size": 10_000}
    producer = loop_producer(cluster.bootstrap_servers, batch_size=100_000, max_block_ms=60_000, **options)

    async def produce() -> int:
        await producer.produce("t", None, b"known", partition=0)
        fired = fill(producer)
        waiting = asyncio.ensure_future(producer.submit("t", None, b"x" * 100, partition=0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return fired

    fired = loop_thread.run(produce())

    assert tracer.errors() == ["BufferExhaustedError", "CancelledError"]
    loop_thread.run(producer.close())
    eventually(lambda: tracer.tokens() == list(range(fired + 3)))


def test_cancelling_a_wait_finishes_nothing(
    cluster: FakeCluster, loop_thread: LoopThread, tracer: NotingTracer
) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    producer = loop_producer(cluster.bootstrap_servers)

    async def give_up() -> None:
        task = asyncio.ensure_future(producer.produce("t", None, b"a"))
        while not held.waiting:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    loop_thread.run(give_up())
    assert tracer.finished == []
    held.release()
    loop_thread.run(producer.close())

    eventually(lambda: len(tracer.finished) == 1)
    assert tracer.errors() == []


def test_call_whose_limit_ends_after_its_record_was_sent_finishes_with_the_outcome(
    cluster: FakeCluster, tracer: NotingTracer
) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    with thread_producer(cluster.bootstrap_servers) as producer:
        with pytest.raises(TimeoutError, match="stays accepted"):
            producer.produce("t", value=b"a", deadline=0.2)
        assert tracer.finished == []
        held.release()

    assert [error for _, _, error in tracer.finished] == [None]


def test_records_that_are_withdrawn_are_finished_and_their_neighbours_keep_their_tokens(
    cluster: FakeCluster, tracer: NotingTracer
) -> None:
    with thread_producer(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("t", value=b"known", partition=0)
        held = cluster.on(ApiKey.PRODUCE).hold()
        producer.submit("t", value=b"under way", partition=0)
        eventually(lambda: held.waiting)
        producer.fire("t", value=b"first", partition=0)
        with pytest.raises(TimeoutError, match="withdrawn"):
            producer.produce("t", value=b"second", partition=0, deadline=0.1)
        producer.fire("t", value=b"third", partition=0)
        eventually(lambda: tracer.tokens() == [0, 3])
        held.release()

    assert tracer.tokens() == [0, 1, 2, 3, 4]
    logged = {int(record.headers[-1][1] or b""): record.offset for record in cluster.log("t")}
    assert {token: metadata.offset for token, metadata, _ in tracer.finished if metadata} == logged
    assert set(logged) == {0, 1, 2, 4}


def test_records_that_expire_are_finished(cluster: FakeCluster, tracer: NotingTracer) -> None:
    cluster.on(ApiKey.METADATA).never_answer(times=ALWAYS)
    with thread_producer(
        cluster.bootstrap_servers, delivery_timeout_ms=200, request_timeout_ms=150, linger_ms=0
    ) as producer:
        producer.fire("t", value=b"parked")
        eventually(lambda: tracer.errors() == ["DeliveryTimeoutError"])


def test_death_of_the_engine_finishes_what_it_had(
    cluster: FakeCluster, make_face: MakeFace, tracer: NotingTracer
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000)
    face.produce("t", b"a", partition=0).result(PATIENCE)
    for _ in range(5):
        face.fire("t", b"b", partition=0)
    break_engine(face.producer, UnexpectedError)
    face.produce("t", b"c", partition=0).result(PATIENCE)

    eventually(lambda: tracer.tokens() == list(range(7)))
    assert len(tracer.errors()) == 5


def test_closing_finishes_what_it_gives_up(cluster: FakeCluster, make_face: MakeFace, tracer: NotingTracer) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    face = make_face(cluster.bootstrap_servers)
    for _ in range(3):
        face.fire("t", b"a")
    eventually(lambda: held.waiting)
    face.close(0.05)
    held.release()

    eventually(lambda: tracer.tokens() == [0, 1, 2])
    assert len(tracer.errors()) == 3


@pytest.mark.parametrize("backend", ["memory", "disabled"])
def test_backends_without_kafka_finish_too(tracer: NotingTracer, backend: Any) -> None:
    with Producer(backend=backend) as producer:
        producer.produce("t", "1", "a")
        producer.fire("t", "1", "b")
        producer.as_async().fire("t", "1", "c")
        producer.flush()

        assert tracer.tokens() == [0, 1, 2]
    assert tracer.errors() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_child_finishes_none_of_its_parents_and_all_of_its_own(
    cluster: FakeCluster, tracer: NotingTracer
) -> None:
    with thread_producer(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("t", value=b"known", partition=0)
        producer.fire("t", value=b"parent's", partition=0)
        eventually(lambda: tracer.tokens() == [0])
        pid = os.fork()
        if pid == 0:
            producer.produce("t", value=b"child's", partition=0)
            producer.close()
            os._exit(0 if tracer.tokens() == [0, 2] else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert tracer.tokens() == [0, 1]


# What it costs, and what it cannot do.


def test_open_tokens_take_buffer_memory_until_they_are_finished(cluster: FakeCluster, tracer: NotingTracer) -> None:
    with thread_producer(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("t", value=b"known", partition=0)
        producer.fire("t", value=b"a", partition=0)
        traced = producer.status().buffered_bytes
        telemetry.uninstall()
        producer.fire("t", value=b"a", partition=0)

        assert TOKEN_COST < traced < TOKEN_COST + 200
        assert producer.status().buffered_bytes - traced < 200


def test_record_that_fits_without_a_token_fits_with_one(cluster: FakeCluster, tracer: NotingTracer) -> None:
    with thread_producer(cluster.bootstrap_servers, buffer_memory=2_000, max_request_size=2_000) as producer:
        producer.produce("t", value=b"x" * 1_000)
        producer.produce("t", value=b"x" * 1_000)

    assert tracer.tokens() == [0, 1]


class Broken:
    """Raises, or returns what it must not."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer

    def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
        if self.answer is None:
            raise ValueError("on purpose")
        return self.answer

    def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        raise SystemExit("on purpose")


@pytest.mark.parametrize(
    "answer", [None, 5, "headers", ("headers", 1), (None,), (None, 1, 2), (None, "token"), {"a": b"b"}, Sleep(-1.0)]
)
def test_broken_tracer_costs_no_record_and_is_counted_and_logged_once(
    cluster: FakeCluster, make_face: MakeFace, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    face = make_face(cluster.bootstrap_servers, tracer=Broken(answer))
    for _ in range(5):
        face.produce("t", b"a").result(PATIENCE)
    face.flush()

    eventually(lambda: face.producer.metrics().hook_failures_total == 5)
    assert len(cluster.log("t")) == 5
    assert caplog.text.count("Telemetry failed in the tracer's") == 1


def test_interrupt_that_comes_while_a_refused_call_is_finished_is_the_applications(cluster: FakeCluster) -> None:
    class Interrupted(NotingTracer):
        def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
            raise KeyboardInterrupt

    with thread_producer(cluster.bootstrap_servers, tracer=Interrupted()) as producer:
        with pytest.raises(KeyboardInterrupt):
            producer.fire("t", value=cast("bytes", object()))

        assert producer.metrics().hook_failures_total == 0


def test_observer_that_blocks_holds_up_no_record_and_is_told_of_no_more(
    cluster: FakeCluster, gate: threading.Event
) -> None:
    told: list[BatchOutcome] = []

    def observe(outcome: BatchOutcome) -> None:
        gate.wait()
        told.append(outcome)

    telemetry.observe_batches(observe)
    with thread_producer(cluster.bootstrap_servers, close_timeout_ms=60_000) as producer:
        producer._core.life.statistics._unobserved_batches.most = 10
        for _ in range(50):
            producer.produce("t", value=b"a")
        assert len(cluster.log("t")) == 50
        gate.set()
    telemetry.observe_batches(None)

    assert len(told) == 10


def test_tracer_that_blocks_holds_up_no_record_and_is_asked_no_more(
    cluster: FakeCluster, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(NotingTracer):
        def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
            gate.wait()
            super().finish(token, metadata, error)

    slow = Slow()
    with thread_producer(cluster.bootstrap_servers, tracer=slow, close_timeout_ms=60_000) as producer:
        producer._core.hooks._unfinished.most = 10
        for _ in range(50):
            producer.produce("t", value=b"a")
        assert len(cluster.log("t")) == 50
        assert len(slow.started) < 15
        gate.set()

    assert slow.tokens() == list(range(len(slow.started)))


def test_tracer_whose_start_blocks_holds_up_its_own_call_alone(cluster: FakeCluster, gate: threading.Event) -> None:
    class Slow(NotingTracer):
        def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
            if value == b"slow":
                gate.wait()
            return super().start(topic, key, value, headers)

    slow = Slow()
    with thread_producer(cluster.bootstrap_servers, tracer=slow) as producer:
        caller = threading.Thread(target=lambda: producer.fire("t", value=b"slow"))
        caller.start()
        for _ in range(5):
            producer.produce("t", value=b"quick")
        assert len(cluster.log("t")) == 5
        gate.set()
        caller.join()

    assert slow.tokens() == list(range(6))


def test_tracer_that_sleeps_is_not_asked(cluster: FakeCluster) -> None:
    class Sleepy(NotingTracer):
        def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
            super().start(topic, key, value, headers)
            return Sleep(3600.0)

    sleepy = Sleepy()
    telemetry.install(sleepy)
    try:
        with thread_producer(cluster.bootstrap_servers) as producer:
            for _ in range(5):
                producer.produce("t", value=b"a")
            assert "dekaf-callbacks" not in threads_of_producers()
    finally:
        telemetry.uninstall()

    assert (len(sleepy.started), sleepy.finished) == (1, [])


def test_headers_alone_are_sent_and_nothing_is_finished(cluster: FakeCluster) -> None:
    class Propagating(NotingTracer):
        def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
            return headers.add("traceparent", "00-1")

    propagating = Propagating()
    with thread_producer(cluster.bootstrap_servers, tracer=propagating) as producer:
        producer.produce("t", value=b"a", headers={"a": "b"})

    assert cluster.log("t")[0].headers == (("a", b"b"), ("traceparent", b"00-1"))
    assert propagating.finished == []


def test_without_a_tracer_nothing_is_kept_of_a_record(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("t", value=b"a", partition=0)
        producer.fire("t", value=b"a", partition=0)
        (queue, _) = producer._core._accumulator.topics["t"].partitions

        assert producer._core.tracing is PROCESS
        assert queue.current is not None
        assert queue.current.traces is None
        assert "dekaf-callbacks" not in threads_of_producers()


# Listeners that want to know more, and several of them.


def test_listeners_hear_of_key_headers_partition_and_latency(cluster: FakeCluster, make_face: MakeFace) -> None:
    listener = NotingListener()
    face = make_face(cluster.bootstrap_servers, listener=listener)
    cluster.on(ApiKey.PRODUCE, partition=1).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)

    face.producer.fire("t", b"k", b"a", partition=0, headers={"h": "v"})
    face.fire("t", b"b", partition=1)
    face.flush()
    eventually(lambda: listener.delivered and listener.failed)

    (delivered,), (failed,) = listener.delivered, listener.failed
    assert (delivered.topic, delivered.partition, delivered.key) == ("t", 0, b"k")
    assert delivered.headers == Headers([("h", "v")])
    assert delivered.metadata is not None
    assert 0 < delivered.latency < PATIENCE
    assert (failed.partition, failed.key, failed.metadata) == (1, None, None)
    assert type(failed.error).__name__ == "TopicAuthorizationError"


def test_several_listeners_hear_everything_one_after_the_other(cluster: FakeCluster) -> None:
    class Ear(NotingListener):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            return headers.add("seen", self.name)

        def on_acknowledged(self, metadata: RecordMetadata) -> None:
            heard.append(self.name)

        def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
            heard.append(f"sent {self.name}")

    heard: list[str] = []
    with thread_producer(cluster.bootstrap_servers, listener=[Ear("a"), Ear("b")]) as producer:
        producer.produce("t", value=b"x")

    assert cluster.log("t")[0].headers == (("seen", b"a"), ("seen", b"b"))
    assert sorted(heard) == ["a", "b", "sent a", "sent b"]


def test_listener_that_fails_is_counted(cluster: FakeCluster) -> None:
    class Failing(NotingListener):
        def on_record_delivered(self, event: Any) -> None:
            raise ValueError("on purpose")

    with thread_producer(cluster.bootstrap_servers, listener=Failing()) as producer:
        producer.produce("t", value=b"a")
        producer.flush()
        eventually(lambda: producer.metrics().hook_failures_total == 1)


def test_coroutine_face_shares_the_tracer_of_its_threads(cluster: FakeCluster, tracer: NotingTracer) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        view: AsyncProducer[Any, Any] = AsyncProducer(_core=producer._core)
        view.fire("t", None, b"a")
        producer.flush()

    assert tracer.tokens() == [0]
