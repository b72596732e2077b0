"""The face for coroutines: views, many messages at once, cancelled tasks, ends; the wire is told in scenarios."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dekaf.errors import InvalidTopicError, ProduceError, ProducerClosedError, RecordTooLargeError, SerializationError
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.producer.async_producer import close_all
from dekaf.types import ProduceAllError, ProducerState, RecordMetadata

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def producer() -> AsyncIterator[AsyncProducer[str, str]]:
    async with AsyncProducer(backend="memory", key=str, value=str) as producer:
        yield producer


def message(value: Any, topic: str = "t") -> ProducerMessage[Any, Any]:
    return ProducerMessage.create(topic, "k", value)


# Many at once.


async def test_results_stand_in_the_order_of_the_messages_whatever_brings_these(
    producer: AsyncProducer[str, str],
) -> None:
    async def arriving() -> AsyncIterator[ProducerMessage[str, str]]:
        for number in range(300, 500):
            await asyncio.sleep(0)
            yield message(f"{number}")

    first = await producer.produce_all(message(f"{number}") for number in range(300))
    second = await producer.produce_all(arriving())

    assert [result.offset for result in [*first, *second]] == list(range(500))
    assert [one.value for one in producer.produced.messages] == [b"%d" % number for number in range(500)]


async def test_no_messages_have_no_results(producer: AsyncProducer[str, str]) -> None:
    assert await producer.produce_all([]) == []


async def test_failures_are_raised_together_with_every_result_in_its_place(producer: AsyncProducer[str, str]) -> None:
    with pytest.raises(ProduceAllError) as caught:
        await producer.produce_all([message("a"), message(7), message("x" * 2_000_000), message("b")])

    kinds = [type(result) for result in caught.value.results]
    assert kinds == [RecordMetadata, SerializationError, RecordTooLargeError, RecordMetadata]


async def test_failures_can_be_returned_in_their_place(producer: AsyncProducer[str, str]) -> None:
    results = await producer.produce_all([message(7), message("b")], return_exceptions=True)

    assert isinstance(results[0], ProduceError)
    assert isinstance(results[1], RecordMetadata)


async def test_messages_before_one_that_is_none_stay_accepted(producer: AsyncProducer[str, str]) -> None:
    wrong: Any = "orders"

    with pytest.raises(TypeError, match="takes ProducerMessage, not str"):
        await producer.produce_all([message("a"), wrong, message("b")])

    await producer.flush()
    assert [one.value for one in producer.produced.messages] == [b"a"]


# Tasks that go away.


async def test_cancelled_task_leaves_its_message_accepted(producer: AsyncProducer[str, str]) -> None:
    task = asyncio.create_task(producer.produce("t", "k", "a"))
    await asyncio.sleep(0)
    task.cancel()

    await producer.flush()

    assert [one.value for one in producer.produced.messages] == [b"a"]


async def test_submitted_future_that_nobody_awaits_is_no_trouble(producer: AsyncProducer[str, str]) -> None:
    abandoned = await producer.submit("t", "k", "a")
    assert isinstance(abandoned, asyncio.Future)
    abandoned.cancel()

    assert (await (await producer.submit("t", "k", "b"))).offset == 1


# Views.


async def test_views_differ_in_types_and_share_everything_else(producer: AsyncProducer[str, str]) -> None:
    numbers = producer.typed(bytes, int)
    await numbers.produce("t", b"\1", 258)
    await producer.produce("t", "k", "v")

    assert [(one.key, one.value) for one in producer.produced.messages] == [(b"\1", b"\0" * 6 + b"\1\2"), (b"k", b"v")]
    assert numbers.status().delivered_total == producer.status().delivered_total == 2
    assert producer.as_async() is producer


async def test_closing_a_view_closes_nothing(producer: AsyncProducer[str, str]) -> None:
    async with producer.typed(str, str) as view:
        await view.produce("t", "k", "a")
    report = await view.close()

    assert (report.delivered, report.failed, report.undelivered) == (0, 0, 0)
    assert (await producer.produce("t", "k", "b")).offset == 1


async def test_view_for_threads_is_the_same_producer(producer: AsyncProducer[str, str]) -> None:
    threads = producer.as_sync()
    assert isinstance(threads, Producer)

    metadata = await asyncio.to_thread(threads.produce, "t", "k", "a")

    assert metadata.offset == 0
    assert (await producer.produce("t", "k", "b")).offset == 1


async def test_topic_of_a_view_is_checked_when_it_is_made(producer: AsyncProducer[str, str]) -> None:
    with pytest.raises(InvalidTopicError):
        producer.for_topic("or ders")


# Making and ending one.


async def test_finished_configuration_is_taken_as_it_is() -> None:
    config = ProducerConfig(backend="memory", key="str", value="str")
    producer: AsyncProducer[str, str] = AsyncProducer.from_config(config)

    async with producer:
        await producer.produce("t", "k", "v")

        assert [(one.key, one.value) for one in producer.produced.messages] == [(b"k", b"v")]


async def test_end_of_the_block_closes_and_a_closed_producer_refuses_by_name() -> None:
    async with AsyncProducer(backend="memory") as producer:
        await producer.produce("t", value=b"a")

    assert producer.status().state is ProducerState.CLOSED
    assert repr(producer) == "<AsyncProducer memory closed>"
    for call in (producer.produce, producer.submit):
        with pytest.raises(ProducerClosedError, match="closed"):
            await call("t", value=b"b")
    with pytest.raises(ProducerClosedError, match="closed"):
        producer.fire("t", value=b"b")
    assert (await producer.close()).delivered == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_producer_is_not_copied_and_the_remedy_is_named(producer: AsyncProducer[str, str], copied: Any) -> None:
    with pytest.raises(TypeError, match="make one per process"):
        copied(producer)


async def test_several_are_closed_side_by_side_and_report_in_their_order() -> None:
    producers: list[AsyncProducer[Any, Any]] = [AsyncProducer(backend="memory") for _ in range(3)]
    for number, producer in enumerate(producers):
        for _ in range(number):
            producer.fire("t", value=b"a")

    reports = await close_all(producers)

    assert [report.delivered for report in reports] == [0, 1, 2]
    assert {producer.status().state for producer in producers} == {ProducerState.CLOSED}
