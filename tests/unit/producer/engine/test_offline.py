"""The backends without Kafka: every call, no network, no thread, and the same checks as with Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from dekaf._log_thread import LOG_THREAD
from dekaf.abc import DeliveryHandle, ProducerListener
from dekaf.errors import (
    BlockingCallError,
    BrokerConnectionError,
    ClusterUnavailableError,
    ConfigurationError,
    DeliveryAbortedError,
    InvalidTopicError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)
from dekaf.health import Health, producer_health
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.registry import ProducerRegistry
from dekaf.types import FlushTimeoutError, Headers, OnDelivery, ProduceAllError, ProducerState, RecordMetadata

Local = Literal["memory", "disabled"]
BACKENDS: tuple[Local, ...] = ("memory", "disabled")
T = 1_700_000_000_000


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Local:
    return "memory" if request.param == "memory" else "disabled"


@pytest.fixture
def producer() -> Iterator[Producer[Any, Any]]:
    with Producer(backend="memory") as producer:
        yield producer


def placed(metadata: RecordMetadata) -> tuple[str, int, int]:
    return metadata.topic, metadata.partition, metadata.offset


# Every call.


def test_all_calls_of_the_thread_face_work(backend: Local) -> None:
    LOG_THREAD.start()  # one per process, which any producer starts
    threads = threading.active_count()
    producer = Producer(backend=backend, key=str, value=str)
    offsets = [0, 1, 2, 3] if backend == "memory" else [-1] * 4

    first = producer.produce("t", "k", "a", timestamp=T)
    second, third = producer.produce_all([ProducerMessage.create("t", "k", value) for value in ("b", "c")])
    handle = producer.submit("t", "k", "d")
    producer.fire("t", "k", "e")
    report = producer.flush(1.0)

    assert [placed(one) for one in (first, second, third, handle.result(1.0))] == [("t", 0, at) for at in offsets]
    assert first.timestamp_ms == T
    assert (report.delivered, report.failed, report.undelivered) == (5, 0, 0)
    assert producer.check().cluster_id == backend
    assert [(one.topic, one.partition, one.leader) for one in producer.partitions_for("u")] == [("u", 0, None)]
    status = producer.status()
    assert (status.state, status.delivered_total, status.topics) == (ProducerState.RUNNING, 5, ("t", "u"))
    assert (status.buffered_records, status.buffered_bytes, status.waiting_for_space) == (0, 0, 0)
    assert threading.active_count() == threads
    assert repr(producer) == f"<Producer {backend} open>"

    assert producer.close().ok
    assert producer.status().state is ProducerState.CLOSED
    with pytest.raises(ProducerClosedError):
        producer.fire("t", "k", "f")


def test_all_calls_of_the_coroutine_face_work(backend: Local) -> None:
    told: list[tuple[RecordMetadata | None, ProduceError | None, threading.Thread]] = []

    async def scenario() -> None:
        async with AsyncProducer(backend=backend, key=str, value=str) as producer:
            first = await producer.produce("t", "k", "a")
            second, third = await producer.produce_all([ProducerMessage.create("t", "k", "b")] * 2)
            fourth = await (await producer.submit("t", "k", "c"))
            producer.fire(
                "t",
                "k",
                "d",
                on_delivery=lambda metadata, error: told.append((metadata, error, threading.current_thread())),
            )
            await producer.flush(1.0)
            await asyncio.sleep(0)

            expected = [0, 1, 2, 3] if backend == "memory" else [-1] * 4
            assert [one.offset for one in (first, second, third, fourth)] == expected
            assert (await producer.check()).cluster_id == backend
            assert len(await producer.partitions_for("t")) == 1
            assert producer.status().delivered_total == 5

    asyncio.run(scenario())

    ((metadata, error, thread),) = told
    assert metadata is not None
    assert (metadata.topic, error, thread) == ("t", None, threading.current_thread())


def test_callbacks_of_threads_run_on_the_callback_thread_in_order(backend: Local) -> None:
    told: list[tuple[int, str]] = []

    def note(number: int) -> OnDelivery:
        return lambda _metadata, _error: told.append((number, threading.current_thread().name.partition(" ")[0]))

    with Producer(backend=backend) as producer:
        for number in range(100):
            producer.fire("t", value=b"a", on_delivery=note(number))

    assert told == [(number, "dekaf-callbacks") for number in range(100)]


def test_views_share_the_memory() -> None:
    producer = Producer(backend="memory")
    view = producer.typed(str, dict)
    coroutines = producer.as_async()
    topic = producer.for_topic("orders")

    view.produce("t", "k", {"a": 1})
    topic.produce(b"k", b"v")
    asyncio.run(coroutines.produce("t", "k", "c"))

    assert [message.value for message in producer.produced.messages] == [b'{"a":1}', b"v", b"c"]
    assert view.produced is producer.produced
    assert [message.value for message in producer.produced.to_topic("orders")] == [b"v"]
    producer.close()
    assert len(producer.produced) == 3


@pytest.mark.parametrize("start", ["lazy", "background", "eager"])
def test_each_way_of_starting_just_starts(backend: Local, start: Literal["lazy", "background", "eager"]) -> None:
    with Producer(backend=backend, start=start) as producer:
        assert producer.status().state is (ProducerState.IDLE if start == "lazy" else ProducerState.RUNNING)
        producer.produce("t", value=b"a")


def test_it_says_once_that_nothing_is_sent(backend: Local, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "dekaf"), Producer(backend=backend) as producer:
        for _ in range(3):
            producer.fire("t", value=b"a")

    fate = "kept in memory" if backend == "memory" else "dropped"
    assert [record.getMessage() for record in caplog.records] == [
        f"backend={backend!r}: messages are {fate}, and nothing is sent to Kafka"
    ]


# What is kept.


def test_messages_are_kept_as_they_would_be_sent(producer: Producer[Any, Any]) -> None:
    producer.produce("t", "42", {"state": "placed"}, headers={"a": "1", "b": None}, partition=7, timestamp=T)
    producer.produce("t", "42", None, timestamp=T + 1)

    first, second = producer.produced.messages
    assert (first.topic, first.partition, first.offset, first.timestamp_ms) == ("t", 7, 0, T)
    assert (first.key, first.value, first.headers) == (b"42", b'{"state":"placed"}', Headers([("a", "1"), ("b", None)]))
    assert (second.partition, second.offset, second.value, second.headers) == (0, 0, None, Headers())


@pytest.mark.parametrize("options", [{"backend": "disabled"}, {"bootstrap_servers": "localhost:9092"}])
def test_other_backends_have_no_memory(options: dict[str, Any]) -> None:
    with Producer(**options) as producer, pytest.raises(ConfigurationError, match="backend='memory' does"):
        _ = producer.produced


# The same checks as with Kafka.


@pytest.mark.parametrize(
    ("arguments", "options", "kind"),
    [
        (("t", 1, "v"), {}, SerializationError),
        (("t", "k", 1), {}, SerializationError),
        (("t", "k", "v"), {"headers": {"a": 1}}, TypeError),
        (("t", "k", "v"), {"partition": -1}, ValueError),
        (("t", "k", "v"), {"partition": "1"}, TypeError),
        (("t", "k", "v"), {"timestamp": -1}, ValueError),
        (("t", "k", "x" * 2_000_000), {}, RecordTooLargeError),
        (("not a topic", "k", "v"), {}, InvalidTopicError),
        ((7, "k", "v"), {}, TypeError),
        (("t", "k"), {}, TypeError),
    ],
)
def test_wrong_calls_raise_and_leave_nothing(
    arguments: tuple[Any, ...], options: dict[str, Any], kind: type[Exception]
) -> None:
    with Producer(backend="memory", key=str, value=str) as producer:
        with pytest.raises(kind):
            producer.produce(*arguments, **options)
        with pytest.raises(kind):
            producer.fire(*arguments, **options)

        assert len(producer.produced) == 0
        assert producer.status().buffered_bytes == 0


def test_blocking_calls_on_a_loop_are_refused(backend: Local) -> None:
    one = Producer(backend=backend)

    async def scenario() -> None:
        with pytest.raises(BlockingCallError):
            one.produce("t", value=b"a")
        one.fire("t", value=b"b")

    with one:
        asyncio.run(scenario())
        assert one.status().delivered_total == 1


class Picky:
    """A partitioner that likes one key, sees one partition, and breaks for others."""

    def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
        if key == b"exit":
            raise SystemExit
        if key is None:
            return None
        return partition_count - 1 if key == b"good" else 99


def test_partitioner_is_asked_and_checked() -> None:
    with Producer(backend="memory", partitioner=Picky, key=str) as producer:
        assert producer.produce("t", "good", b"a").partition == 0
        assert producer.produce("t", value=b"a").partition == 0
        assert producer.produce("t", "bad", b"a", partition=3).partition == 3
        with pytest.raises(ProduceError, match="returned 99"):
            producer.produce("t", "bad", b"a")
        with pytest.raises(ProduceAllError):
            producer.produce_all([ProducerMessage.create("t", "bad", b"a")])
        assert producer.status().failed_total == 2
        assert producer.status().buffered_bytes == 0


def test_partitioner_that_ends_the_program_leaves_nobody_waiting() -> None:
    heard: list[ProduceError | None] = []
    with Producer(backend="memory", partitioner=Picky, key=str) as producer:
        with pytest.raises(SystemExit):
            producer.fire("t", "exit", b"a", on_delivery=lambda _, error: heard.append(error))
        assert producer.produce("t", "good", b"b").offset == 0

    (error,) = heard
    assert isinstance(error, ProduceError)
    assert isinstance(error.__cause__, SystemExit)


def test_records_that_others_left_are_settled_although_the_partitioner_interrupts() -> None:
    class Interrupting:
        def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
            if topic == "exit":
                other = threading.Thread(target=lambda: handles.append(one.submit("t", value=b"a")))
                other.start()
                other.join()
                raise SystemExit
            return None

    one = Producer(backend="memory", partitioner=Interrupting())
    handles: list[DeliveryHandle] = []
    with one:
        with pytest.raises(SystemExit):
            one.fire("exit", value=b"a")

        assert handles[0].result(0.0).offset == 0


# Threads, finalizers, forks, owners.


def test_many_threads_are_served_in_their_own_order(backend: Local) -> None:
    one = Producer(backend=backend)
    told: list[tuple[int, int]] = []

    def note(thread: int, number: int) -> OnDelivery:
        return lambda _metadata, _error: told.append((thread, number))

    def fire_all(thread: int) -> None:
        for number in range(500):
            one.fire("t", value=b"%d %d" % (thread, number), on_delivery=note(thread, number))

    with one:
        threads = [threading.Thread(target=fire_all, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.flush(5.0).delivered == 4_000
        assert one.status().buffered_bytes == 0
        if backend == "memory":
            kept = [tuple(map(int, (message.value or b"").split())) for message in one.produced.messages]
            assert [message.offset for message in one.produced.messages] == list(range(4_000))
            for number in range(8):
                assert [place for place in kept if place[0] == number] == [(number, at) for at in range(500)]
    for number in range(8):
        assert [place for place in told if place[0] == number] == [(number, at) for at in range(500)]


def test_partitioner_may_produce(backend: Local) -> None:
    class Chatty:
        def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
            if topic == "t":
                one.fire("log", value=b"asked")
            return None

    one = Producer(backend=backend, partitioner=Chatty())
    with one:
        one.produce("t", "k", b"a")
        one.flush(1.0)

        assert one.status().topics == ("log", "t")
        assert one.status().delivered_total == 2


def test_forked_child_begins_with_an_empty_memory(producer: Producer[Any, Any]) -> None:
    producer.fire("t", value=b"parent")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks where there are threads
        pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        try:
            is_empty = len(producer.produced) == 0
            metadata = producer.produce("t", value=b"child")
            values = [message.value for message in producer.produced.messages]
            os._exit(0 if is_empty and metadata.offset == 0 and values == [b"child"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert [message.value for message in producer.produced.messages] == [b"parent"]


def test_registry_takes_backends_by_alias() -> None:
    with ProducerRegistry({"default": {"backend": "memory"}, "audit": {"BACKEND": "disabled"}}) as registry:
        registry.producer("default", str, str).produce("t", "k", "v")
        registry.producer("audit", str, str).produce("t", "k", "v")
        asyncio.run(registry.async_producer("default", str, str).produce("t", "k", "w"))

        assert [message.value for message in registry.producer("default").produced.messages] == [b"v", b"w"]


def test_producer_that_is_dropped_warns(backend: Local) -> None:
    producers = [Producer(backend=backend)]
    producers[0].fire("t", value=b"a")

    with pytest.warns(ResourceWarning, match="without close"):
        producers.clear()


def test_close_on_a_loop_ends_it_at_once(backend: Local) -> None:
    producer = Producer(backend=backend)

    async def scenario() -> None:
        producer.fire("t", value=b"a")
        producer.close()

    asyncio.run(scenario())

    assert producer.status().state is ProducerState.CLOSED
    assert producer.status().delivered_total == 1


def test_listener_hears_of_everything_but_batches(backend: Local) -> None:
    class Ear(ProducerListener):
        def __init__(self) -> None:
            self.heard: list[object] = []

        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            self.heard.append(topic)
            return headers.add("h", "1")

        def on_acknowledged(self, metadata: RecordMetadata) -> None:
            self.heard.append(metadata.timestamp_ms)

        def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
            self.heard.append((topic, partition))

        def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
            raise AssertionError("there is no connection")

    ear = Ear()
    with Producer(backend=backend, listener=ear, partitioner=Picky, key=str) as producer:
        producer.fire("t", "good", b"a", timestamp=T)
        producer.fire("t", "bad", b"a", timestamp=T)

    assert ear.heard[0] == "t"
    assert set(map(str, ear.heard)) == {"t", str(T), "('t', None)"}
    if backend == "memory":
        assert [message.headers for message in producer.produced.messages] == [Headers([("h", "1")])]


# Kafka that a test has away.


def test_calls_that_wait_end_at_once_and_others_are_delivered_in_the_end(producer: Producer[Any, Any]) -> None:
    told: list[int] = []
    producer.produce("t", value=b"before")
    with producer.produced.unavailable():
        with pytest.raises(ClusterUnavailableError, match="as the test wants it") as caught:
            producer.produce("t", value=b"refused")
        with pytest.raises(ProduceAllError):
            producer.produce_all([ProducerMessage.create("t", None, b"refused")])
        with pytest.raises(BrokerConnectionError, match="The test has Kafka away"):
            producer.check()
        with pytest.raises(ClusterUnavailableError):
            producer.partitions_for("t")
        producer.fire(
            "t", value=b"first", on_delivery=lambda metadata, _: told.append(metadata.offset if metadata else -1)
        )
        handle = producer.submit("t", value=b"second")
        status = producer.status()
        with pytest.raises(FlushTimeoutError):
            producer.flush(0.01)

        assert (caught.value.is_retriable, caught.value.may_be_persisted) == (True, False)
        assert status.unavailable_for is not None
        assert (status.buffered_records, producer_health(producer).health) == (2, Health.DEGRADED)
        assert not handle.done()

    assert handle.result(1.0).offset == 2
    assert producer.flush(1.0).delivered == 2
    assert [message.value for message in producer.produced.messages] == [b"before", b"first", b"second"]
    assert producer.status().unavailable_for is None
    assert producer.check().cluster_id == "memory"
    producer.close()
    assert told == [1]


def test_kafka_may_be_away_before_the_producer_starts(producer: Producer[Any, Any]) -> None:
    with producer.produced.unavailable():
        with producer.produced.unavailable(), pytest.raises(ClusterUnavailableError):
            producer.produce("t", value=b"refused")
        with pytest.raises(ClusterUnavailableError):
            producer.produce("t", value=b"still refused")

    assert producer.produce("t", value=b"a").offset == 0


def test_coroutines_hear_that_kafka_is_away() -> None:
    async def scenario() -> None:
        async with AsyncProducer(backend="memory") as producer:
            with producer.produced.unavailable():
                with pytest.raises(ClusterUnavailableError):
                    await producer.produce("t", value=b"refused")
                future = await producer.submit("t", value=b"a")
                assert not future.done()
            assert (await future).offset == 0

    asyncio.run(scenario())


def test_what_was_held_back_is_given_up_when_the_producer_closes_meanwhile() -> None:
    producer = Producer(backend="memory", close_timeout_ms=10)
    with producer.produced.unavailable():
        handle = producer.submit("t", value=b"a")
        report = producer.close()

    with pytest.raises(DeliveryAbortedError):
        handle.result(1.0)
    assert (report.undelivered, report.failed) == (1, 0)
    assert producer.produced.messages == []


def test_order_is_kept_over_an_outage(producer: Producer[Any, Any]) -> None:
    for number in range(3):
        with producer.produced.unavailable():
            producer.fire("t", value=b"%d away" % number)
        producer.fire("t", value=b"%d there" % number)

    values = [message.value for message in producer.produced.messages]
    assert values == [b"%d %s" % (number, what) for number in range(3) for what in (b"away", b"there")]
