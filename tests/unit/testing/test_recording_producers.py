from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from dekaf.abc import AsyncKafkaProducer, AsyncKafkaTopicProducer, DeliveryHandle, KafkaProducer, KafkaTopicProducer
from dekaf.errors import (
    BlockingCallError,
    BufferExhaustedError,
    NotEnoughReplicasError,
    ProduceError,
    ProducerClosedError,
    SerializationError,
)
from dekaf.message import ProducerMessage
from dekaf.testing import Recording, RecordingAsyncProducer, RecordingProducer
from dekaf.types import ProduceAllError, RecordMetadata

T = TypeVar("T")


@dataclass
class Order:
    number: int


def run(coroutine: Coroutine[object, object, T]) -> T:
    return asyncio.run(coroutine)


def message(key: str = "42", number: int = 1) -> ProducerMessage[str, Order]:
    return ProducerMessage(topic="orders", key=key, value=Order(number), headers={"a": "1"}, timestamp=5, partition=2)


@pytest.fixture
def producer() -> RecordingProducer[str, Order]:
    return RecordingProducer(key=str, value=Order)


@pytest.fixture
def async_producer() -> RecordingAsyncProducer[str, Order]:
    return RecordingAsyncProducer(key=str, value=Order)


# Types: mypy proves on these lines that the doubles are what services ask for.


def test_doubles_satisfy_the_interfaces(
    producer: RecordingProducer[str, Order], async_producer: RecordingAsyncProducer[str, Order]
) -> None:
    for_threads: KafkaProducer[str, Order] = producer
    for_coroutines: AsyncKafkaProducer[str, Order] = async_producer
    of_a_topic: KafkaTopicProducer[str, Order] = producer.for_topic("orders")
    of_a_topic_async: AsyncKafkaTopicProducer[str, Order] = async_producer.for_topic("orders")
    other_face: AsyncKafkaProducer[str, Order] = producer.as_async()
    handle: DeliveryHandle = for_threads.submit("orders", "42", Order(1))

    assert handle.result().offset == 0
    assert run(for_coroutines.produce("orders", "42", Order(1))).offset == 0
    assert of_a_topic.produce("42", Order(2)).offset == 1
    assert run(of_a_topic_async.produce(value=Order(2))).offset == 1
    assert run(other_face.produce("orders", value=None)).offset == 2


# Three ways to call.


def test_all_ways_to_call_record_the_same(producer: RecordingProducer[str, Order]) -> None:
    producer.produce(message())
    producer.produce("orders", "42", Order(1), headers={"a": "1"}, timestamp=5, partition=2)
    producer.produce("orders", value=Order(1), key="42", headers=[("a", b"1")], timestamp=5, partition=2)

    recorded = [
        (one.topic, one.partition, one.key, one.value, one.headers.pairs, one.timestamp_ms) for one in producer.messages
    ]
    assert recorded == [("orders", 2, b"42", b'{"number":1}', (("a", b"1"),), 5)] * 3
    assert [one.offset for one in producer.messages] == [0, 1, 2]


def test_all_ways_to_await_record_the_same(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    async def produce() -> None:
        await async_producer.produce(message())
        await async_producer.produce("orders", "42", Order(1), headers={"a": "1"}, timestamp=5, partition=2)
        await async_producer.produce("orders", value=Order(1), key="42", headers={"a": "1"}, timestamp=5, partition=2)

    run(produce())

    assert {(one.key, one.value, one.partition) for one in async_producer.messages} == {(b"42", b'{"number":1}', 2)}
    assert len(async_producer.messages) == 3


def test_metadata_says_where_the_message_landed(producer: RecordingProducer[str, Order]) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)

    metadata = producer.produce("orders", "42", Order(1), partition=3, timestamp=when)

    assert metadata == RecordMetadata("orders", 3, 0, int(when.timestamp() * 1000))


def test_tombstone_and_null_key_reach_no_serializer(producer: RecordingProducer[str, Order]) -> None:
    producer.produce("orders", None, None)

    assert (producer.messages[0].key, producer.messages[0].value) == (None, None)


@pytest.mark.parametrize("call", ["produce", "fire", "submit"])
def test_value_must_be_written_out(producer: RecordingProducer[str, Order], call: str) -> None:
    with pytest.raises(TypeError, match="value=None for a tombstone"):
        getattr(producer, call)("orders", "42")


def test_message_stands_alone(producer: RecordingProducer[str, Order]) -> None:
    with pytest.raises(TypeError, match="belong into the message"):
        producer.produce(message(), partition=1)  # type: ignore[call-overload]  # the mistake under test


def test_topic_must_be_a_name(producer: RecordingProducer[str, Order]) -> None:
    with pytest.raises(TypeError, match="topic must be a str"):
        producer.produce(b"orders", "42", Order(1))  # type: ignore[call-overload]  # the mistake under test


# Faults that production would show.


def test_value_of_the_wrong_type_fails_as_in_production(producer: RecordingProducer[str, Order]) -> None:
    with pytest.raises(SerializationError) as caught:
        producer.produce("orders", "42", "no order")  # type: ignore[call-overload]  # the mistake under test

    assert (caught.value.topic, caught.value.field) == ("orders", "value")
    assert producer.messages == []


def test_blocking_call_on_an_event_loop_fails_as_in_production(producer: RecordingProducer[str, Order]) -> None:
    async def handler() -> None:
        with pytest.raises(BlockingCallError):
            producer.produce("orders", "42", Order(1))
        with pytest.raises(BlockingCallError):
            producer.produce_all([message()])
        with pytest.raises(BlockingCallError):
            producer.flush()
        producer.fire("orders", "42", Order(1))

    run(handler())

    assert len(producer.messages) == 1


def test_blocking_calls_on_an_event_loop_can_be_allowed() -> None:
    producer: RecordingProducer[str, str] = RecordingProducer(key=str, value=str, allow_blocking_in_loop=True)

    async def cell_of_a_notebook() -> None:
        producer.produce("orders", "42", "paid")
        producer.typed(bytes, bytes).produce("orders", b"43", b"paid")

    run(cell_of_a_notebook())

    assert [one.key for one in producer.messages] == [b"42", b"43"]


# Scripted failures.


def test_scripted_failure_is_raised(
    producer: RecordingProducer[str, Order], async_producer: RecordingAsyncProducer[str, Order]
) -> None:
    producer.fail_next("orders", NotEnoughReplicasError)
    async_producer.fail_next("orders", NotEnoughReplicasError)

    with pytest.raises(NotEnoughReplicasError):
        producer.produce("orders", "42", Order(1))
    with pytest.raises(NotEnoughReplicasError):
        run(async_producer.produce("orders", "42", Order(1)))


def test_scripted_failure_is_the_outcome_of_a_handle(producer: RecordingProducer[str, Order]) -> None:
    producer.fail_next("orders", NotEnoughReplicasError)

    handle = producer.submit("orders", "42", Order(1))

    assert handle.done()
    with pytest.raises(NotEnoughReplicasError):
        handle.result(0)


def test_scripted_failure_is_the_outcome_of_a_future(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    async_producer.fail_next("orders", NotEnoughReplicasError)

    async def submit() -> None:
        future = await async_producer.submit("orders", "42", Order(1))
        with pytest.raises(NotEnoughReplicasError):
            await future
        assert (await (await async_producer.submit(message()))).offset == 0

    run(submit())


def test_full_buffer_is_raised_by_fire_itself(producer: RecordingProducer[str, Order]) -> None:
    producer.fail_next("orders", BufferExhaustedError)

    with pytest.raises(BufferExhaustedError):
        producer.fire("orders", "42", Order(1))


def test_results_stand_in_the_order_of_the_messages(producer: RecordingProducer[str, Order]) -> None:
    producer.fail_next("orders", NotEnoughReplicasError)

    results = producer.produce_all([message("1"), message("2")], return_exceptions=True)

    assert isinstance(results[0], NotEnoughReplicasError)
    assert isinstance(results[1], RecordMetadata)


def test_failures_among_many_are_raised_together(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    async_producer.fail_next("orders", BufferExhaustedError)

    async def messages() -> AsyncIterator[ProducerMessage[str, Order]]:
        yield message("1")
        yield message("2")

    with pytest.raises(ProduceAllError) as caught:
        run(async_producer.produce_all(messages()))

    assert [type(result) for result in caught.value.results] == [BufferExhaustedError, RecordMetadata]
    assert run(async_producer.produce_all([message("3")]))[0].offset == 1


def test_only_messages_can_be_produced_by_the_dozen(producer: RecordingProducer[str, Order]) -> None:
    with pytest.raises(TypeError, match="produce_all takes ProducerMessage, not str"):
        producer.produce_all(["42"])  # type: ignore[list-item]  # the mistake under test


# Callbacks.


def test_callback_is_told_once_before_fire_returns(producer: RecordingProducer[str, Order]) -> None:
    told: list[tuple[RecordMetadata | None, ProduceError | None]] = []
    producer.fail_next("orders", NotEnoughReplicasError)

    for _ in range(2):
        producer.fire("orders", "42", Order(1), on_delivery=lambda *outcome: told.append(outcome))

    assert [(metadata and metadata.offset, type(error)) for metadata, error in told] == [
        (None, NotEnoughReplicasError),
        (0, type(None)),
    ]
    assert producer.status().unobserved_failures_total == 0


def test_unheard_failure_is_counted(producer: RecordingProducer[str, Order]) -> None:
    producer.fail_next("orders", NotEnoughReplicasError)

    producer.fire("orders", "42", Order(1))

    assert producer.status().unobserved_failures_total == 1


def test_callback_runs_on_the_loop_after_fire_returned(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    told: list[RecordMetadata | None] = []

    async def fire() -> int:
        async_producer.fire("orders", "42", Order(1), on_delivery=lambda metadata, _: told.append(metadata))
        at_return = len(told)
        await asyncio.sleep(0)
        return at_return

    assert run(fire()) == 0
    assert [metadata.offset for metadata in told if metadata] == [0]


def test_callback_runs_at_once_where_there_is_no_loop(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    told: list[RecordMetadata | None] = []

    async_producer.fire("orders", "42", Order(1), on_delivery=lambda metadata, _: told.append(metadata))

    assert len(told) == 1


def test_exception_of_a_callback_is_logged_and_contained(
    producer: RecordingProducer[str, Order], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_metadata: RecordMetadata | None, _error: ProduceError | None) -> None:
        raise RuntimeError("in the callback")

    with caplog.at_level(logging.ERROR, "dekaf.testing.recording"):
        producer.fire("orders", "42", Order(1), on_delivery=broken)

    assert "An on_delivery callback raised" in caplog.text


@pytest.mark.parametrize("make", [RecordingProducer, RecordingAsyncProducer])
def test_callback_that_cannot_be_called_is_refused_as_by_a_producer(
    make: type[RecordingProducer[Any, Any]] | type[RecordingAsyncProducer[Any, Any]],
) -> None:
    producer = make()

    with pytest.raises(TypeError, match="on_delivery must be a function"):
        producer.fire("orders", "42", "paid", on_delivery="callback")  # type: ignore[call-overload]  # on purpose

    assert producer.messages == []


# Views.


def test_views_share_one_recording(producer: RecordingProducer[str, Order]) -> None:
    producer.produce("orders", "1", Order(1))
    producer.typed(bytes, bytes).produce("orders", b"2", b"raw")
    producer.for_topic("orders").fire("3", Order(3))
    run(producer.as_async().produce("orders", "4", Order(4)))
    run(producer.as_async().typed(str, str).as_sync().as_async().for_topic("orders").produce("5", "five"))
    producer.as_sync().produce("orders", "6", Order(6))

    assert [one.key for one in producer.messages] == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert [one.offset for one in producer.messages] == list(range(6))


def test_doubles_can_share_a_recording() -> None:
    recording = Recording(partition_count=4)
    orders: RecordingProducer[str, Order] = RecordingProducer(key=str, value=Order, recording=recording)
    audit: RecordingAsyncProducer[str, str] = RecordingAsyncProducer(key=str, value=str, recording=recording)

    orders.produce("orders", "42", Order(1))
    run(audit.produce("audit", "42", "paid"))

    assert [one.topic for one in recording.messages] == ["orders", "audit"]
    assert recording.messages[0].partition == recording.messages[1].partition
    assert len(orders.partitions_for("orders")) == len(run(audit.partitions_for("orders"))) == 4


# The end.


def test_closed_double_takes_nothing(producer: RecordingProducer[str, Order]) -> None:
    view = producer.typed(str, str)
    with producer:
        producer.produce("orders", "42", Order(1))

    with pytest.raises(ProducerClosedError):
        producer.produce("orders", "42", Order(1))
    with pytest.raises(ProducerClosedError):
        view.fire("orders", "42", "paid")
    assert len(producer.messages) == 1


def test_closed_double_takes_nothing_on_a_loop(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    async def use() -> None:
        async with async_producer:
            await async_producer.produce("orders", "42", Order(1))
        with pytest.raises(ProducerClosedError):
            await async_producer.produce("orders", "42", Order(1))

    run(use())


def test_closing_a_view_does_nothing(producer: RecordingProducer[str, Order]) -> None:
    with producer.typed(str, str):
        pass
    run(producer.as_async().close())

    assert producer.produce("orders", "42", Order(1)).offset == 0


def test_flush_and_close_report(async_producer: RecordingAsyncProducer[str, Order]) -> None:
    async_producer.fail_next("orders", NotEnoughReplicasError)
    async_producer.fire(message())
    async_producer.fire(message())

    report = run(async_producer.flush(1))

    assert (report.delivered, report.failed) == (1, 1)
    assert run(async_producer.close()).ok


def test_calls_about_the_cluster_are_answered_without_one(
    producer: RecordingProducer[str, Order], async_producer: RecordingAsyncProducer[str, Order]
) -> None:
    producer.start()
    run(async_producer.start())

    assert producer.check(1).brokers == ()
    assert run(async_producer.check(1)).brokers == ()
    assert [info.partition for info in producer.partitions_for("orders")] == [0]


def test_representation_shows_no_content(producer: RecordingProducer[str, Order]) -> None:
    producer.produce("orders", "42", Order(1))

    assert repr(producer) == "<RecordingProducer 1 messages>"


@pytest.mark.parametrize("deadline", [0, 121, "5"])
def test_deadline_that_a_producer_refuses_is_refused(deadline: Any) -> None:
    producer: Any = RecordingProducer(key=str, value=str)
    message = ProducerMessage.create("t", "k", "v")
    calls: list[Callable[[], object]] = [
        lambda: producer.produce("t", "k", "v", deadline=deadline),
        lambda: producer.produce_all([message], deadline=deadline),
        lambda: producer.fire("t", "k", "v", deadline=deadline),
        lambda: producer.submit("t", "k", "v", deadline=deadline),
        lambda: producer.as_async().fire("t", "k", "v", deadline=deadline),
        lambda: asyncio.run(producer.as_async().produce("t", "k", "v", deadline=deadline)),
        lambda: asyncio.run(producer.as_async().produce_all([message], deadline=deadline)),
        lambda: asyncio.run(producer.as_async().submit("t", "k", "v", deadline=deadline)),
    ]

    for call in calls:
        with pytest.raises((TypeError, ValueError), match="deadline"):
            call()
    assert producer.messages == []


def test_deadline_makes_no_difference_to_what_is_recorded() -> None:
    producer = RecordingProducer(key=str, value=str)
    producer.produce("t", "k", "v", deadline=5.0)
    producer.fire("t", "k", "v", deadline=5.0)

    assert len(producer.messages) == 2
