"""The face for threads: views, many messages at once, ends. What is on the wire is told in scenarios."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import (
    InvalidTopicError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.producer.sync_producer import close_all_blocking
from dekaf.types import ProduceAllError, ProducerState, RecordMetadata


@pytest.fixture
def producer() -> Iterator[Producer[str, str]]:
    with Producer(backend="memory", key=str, value=str) as producer:
        yield producer


def message(value: Any, topic: str = "t") -> ProducerMessage[Any, Any]:
    return ProducerMessage.create(topic, "k", value)


# Many at once.


def test_results_stand_in_the_order_of_the_messages(producer: Producer[str, str]) -> None:
    results = producer.produce_all(message(f"{number}") for number in range(500))

    assert [result.offset for result in results] == list(range(500))
    assert [one.value for one in producer.produced.messages] == [b"%d" % number for number in range(500)]


def test_no_messages_have_no_results(producer: Producer[str, str]) -> None:
    assert producer.produce_all([]) == []


def test_failures_are_raised_together_with_every_result_in_its_place(producer: Producer[str, str]) -> None:
    with pytest.raises(ProduceAllError) as caught:
        producer.produce_all([message("a"), message(7), message("x" * 2_000_000), message("b")])

    kinds = [type(result) for result in caught.value.results]
    assert kinds == [RecordMetadata, SerializationError, RecordTooLargeError, RecordMetadata]
    assert [one.value for one in producer.produced.messages] == [b"a", b"b"]


def test_failures_can_be_returned_in_their_place(producer: Producer[str, str]) -> None:
    results = producer.produce_all([message(7), message("b")], return_exceptions=True)

    assert isinstance(results[0], ProduceError)
    assert isinstance(results[1], RecordMetadata)


def test_messages_before_one_that_is_none_stay_accepted(producer: Producer[str, str]) -> None:
    wrong: Any = "orders"

    with pytest.raises(TypeError, match="takes ProducerMessage, not str"):
        producer.produce_all([message("a"), wrong, message("b")])

    producer.flush()
    assert [one.value for one in producer.produced.messages] == [b"a"]


# Views.


def test_views_differ_in_types_and_share_everything_else(producer: Producer[str, str]) -> None:
    numbers = producer.typed(bytes, int)
    numbers.produce("t", b"\1", 258)
    producer.produce("t", "k", "v")

    assert [(one.key, one.value) for one in producer.produced.messages] == [(b"\1", b"\0" * 6 + b"\1\2"), (b"k", b"v")]
    assert numbers.status().delivered_total == producer.status().delivered_total == 2
    assert producer.as_sync() is producer


def test_closing_a_view_closes_nothing(producer: Producer[str, str]) -> None:
    with producer.typed(str, str) as view:
        view.produce("t", "k", "a")
    report = view.close()

    assert (report.delivered, report.failed, report.undelivered) == (0, 0, 0)
    assert producer.produce("t", "k", "b").offset == 1


def test_view_for_coroutines_comes_back_as_the_same_producer(producer: Producer[str, str]) -> None:
    async def scenario() -> RecordMetadata:
        return await producer.as_async().produce("t", "k", "a")

    assert asyncio.run(scenario()).offset == 0
    coroutines = producer.as_async()
    assert isinstance(coroutines, AsyncProducer)
    assert coroutines.as_sync().produce("t", "k", "b").offset == 1


def test_topic_of_a_view_is_checked_when_it_is_made(producer: Producer[str, str]) -> None:
    with pytest.raises(InvalidTopicError):
        producer.for_topic("or ders")


# Making and ending one.


def test_finished_configuration_is_taken_as_it_is() -> None:
    config = ProducerConfig(backend="memory", key="str", value="str")

    producer: Producer[str, str] = Producer.from_config(config)
    with producer:
        producer.produce("t", "k", "v")

        assert [(one.key, one.value) for one in producer.produced.messages] == [(b"k", b"v")]


def test_end_of_the_block_closes_and_a_closed_producer_refuses_by_name() -> None:
    with Producer(backend="memory") as producer:
        producer.produce("t", value=b"a")

    assert producer.status().state is ProducerState.CLOSED
    assert repr(producer) == "<Producer memory closed>"
    for call in (producer.produce, producer.fire, producer.submit):
        with pytest.raises(ProducerClosedError, match="closed"):
            call("t", value=b"b")
    assert producer.close().delivered == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_producer_is_not_copied_and_the_remedy_is_named(producer: Producer[str, str], copied: Any) -> None:
    with pytest.raises(TypeError, match="make one per process"):
        copied(producer)


def test_several_are_closed_side_by_side_and_report_in_their_order() -> None:
    producers = [Producer(backend="memory") for _ in range(3)]
    for number, producer in enumerate(producers):
        for _ in range(number):
            producer.fire("t", value=b"a")

    reports = close_all_blocking([*producers, producers[2].typed(bytes, bytes)])

    assert [report.delivered for report in reports] == [0, 1, 2, 2]
    assert {producer.status().state for producer in producers} == {ProducerState.CLOSED}


def test_those_that_nobody_else_closes_are_waited_for_even_on_the_thread_of_a_loop() -> None:
    async def scenario() -> list[bool]:
        producer = Producer(backend="memory")
        producer.fire("t", value=b"a")
        return [report.pending for report in close_all_blocking([producer])]

    assert asyncio.run(scenario()) == [False]
