from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.test import override_settings

from dekaf import (
    AsyncProducer,
    ConfigurationError,
    Producer,
    ProducerMessage,
    RecordTooLargeError,
    SerializationError,
)
from dekaf.contrib.django import get_async_producer, get_producer, get_registry, produce_context, suppress
from dekaf.contrib.django.producers import discard_producers
from dekaf.producer import RecordedMessage
from dekaf.testing import KafkaFixture

MEMORY: dict[str, object] = {"default": {"backend": "memory"}, "audit": {"backend": "memory", "key": "str"}}


@pytest.fixture(autouse=True)
def in_memory() -> Iterator[None]:
    with override_settings(DEKAF=MEMORY):
        yield


def produced(alias: str = "default") -> list[RecordedMessage]:
    return get_registry().producer(alias).produced.messages


def topics() -> list[str]:
    return [message.topic for message in produced()]


def test_every_way_of_a_thread_has_prefix_and_headers() -> None:
    with produce_context(topic_prefix="acme.", headers={"request": "7", "own": "no"}):
        producer = get_producer()
        producer.produce("orders", "1", "paid")
        producer.produce(ProducerMessage(topic="orders", key="2", value="paid", partition=3, headers={"own": "yes"}))
        producer.fire("orders", "3", "paid", headers={"own": "yes"})
        producer.submit("orders", key="4", value=None).result(1)
        producer.typed(str, str).produce_all([ProducerMessage(topic="orders", key="5", value="paid")])
        producer.for_topic("orders").produce("6", "paid")
        producer.for_topic("orders").produce_all([("7", "paid")])

    assert topics() == ["acme.orders"] * 7
    assert [message.key for message in produced()] == [str(number).encode() for number in range(1, 8)]
    assert [message.headers.get("request") for message in produced()] == [b"7"] * 7
    assert [message.headers.get("own") for message in produced()[:4]] == [b"no", b"yes", b"yes", b"no"]
    assert produced()[1].partition == 3


@pytest.mark.asyncio
async def test_every_way_of_a_coroutine_has_prefix_and_headers() -> None:
    async def messages() -> AsyncIterator[ProducerMessage[str, str]]:
        yield ProducerMessage(topic="orders", key="5", value="paid")

    with produce_context(topic_prefix="acme.", headers={"request": "7"}):
        producer = get_async_producer()
        await producer.produce("orders", "1", "paid")
        producer.fire("orders", "2", "paid")
        await (await producer.submit("orders", "3", "paid"))
        await producer.produce_all([ProducerMessage(topic="orders", key="4", value="paid")])
        await producer.produce_all(messages())
        await producer.for_topic("orders").produce("6", "paid")
        await producer.typed(str, str).produce("orders", "7", "paid")
        producer.as_sync().fire("orders", "8", "paid")

    assert topics() == ["acme.orders"] * 8
    assert [message.headers.get("request") for message in produced()] == [b"7"] * 8


def test_outside_of_blocks_producers_are_what_they_are() -> None:
    with produce_context(topic_prefix="acme."):
        kept = get_producer()
    kept.fire("orders", "1", "paid")

    assert type(get_producer()) is Producer
    assert type(get_async_producer()) is AsyncProducer
    assert topics() == ["orders"]


def test_what_has_nothing_to_do_with_topics_is_the_producers_own() -> None:
    with produce_context(topic_prefix="acme."):
        producer = get_producer()
        producer.fire("orders", "1", "paid")

        assert producer.status().delivered_total == 1
        assert producer.flush().undelivered == 0
        assert "Producer" in repr(producer)
        assert [entry.partition for entry in producer.partitions_for("orders")] == [0]


@pytest.mark.parametrize("call", ["produce", "fire", "submit"])
def test_an_alias_that_requires_a_prefix_refuses_messages_without(call: str) -> None:
    with override_settings(DEKAF_TOPIC_PREFIX_REQUIRED=["default"]):
        producer = get_producer()
        with pytest.raises(ConfigurationError, match=r"'default' must have a prefix.*produce_context"):
            getattr(producer, call)("orders", "1", "paid")
        with pytest.raises(ConfigurationError), produce_context(headers={"request": "7"}):
            producer.produce_all([ProducerMessage(topic="orders", key="1", value="paid")])
        with produce_context(topic_prefix="acme."):
            getattr(producer, call)("orders", "1", "paid")
        get_producer("audit").fire("log", "1", "paid")

        assert topics() == ["acme.orders"]


def test_nothing_is_produced_where_it_is_suppressed_and_it_is_counted() -> None:
    told: list[Any] = []

    with suppress() as suppressed:
        producer = get_producer("audit", str, str)
        metadata = producer.produce("orders", "1", "paid", partition=2)
        producer.fire("orders", "2", "paid", on_delivery=lambda metadata, error: told.append((metadata, error)))
        producer.submit("orders", "3", "paid").result(1)
        results = producer.produce_all([ProducerMessage(topic="orders", key="4", value="paid")] * 2)
        producer.flush()
    producer.produce("orders", "5", "paid")

    assert (metadata.topic, metadata.partition, metadata.offset) == ("orders", 2, -1)
    assert [result.offset for result in results] == [-1, -1]
    assert suppressed.count == 5
    assert [message.key for message in produced("audit")] == [b"5"]


def test_what_is_suppressed_on_purpose_is_no_reason_for_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with suppress() as suppressed:
        get_producer().fire("orders", "1", "paid")
    get_registry().close()

    assert suppressed.count == 1
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.asyncio
async def test_coroutines_are_suppressed_as_well() -> None:
    with suppress() as suppressed:
        producer = get_async_producer("audit", str, str)
        metadata = await producer.produce("orders", "1", "paid")
        producer.fire("orders", "2", "paid")
        await (await producer.submit("orders", "3", "paid"))
        await producer.produce_all([ProducerMessage(topic="orders", key="4", value="paid")])

    assert metadata.offset == -1
    assert suppressed.count == 4
    assert produced("audit") == []


def test_a_message_that_could_not_be_produced_is_refused_where_it_is_suppressed() -> None:
    with suppress() as suppressed:
        with pytest.raises(SerializationError):
            get_producer("audit").fire("orders", 42, "paid")  # its key is a text
        with pytest.raises(RecordTooLargeError):
            get_producer().produce("orders", "1", "x" * 2_000_000)

    assert suppressed.count == 0


def test_other_settings_end_what_was_made_for_a_block() -> None:
    with suppress():
        producer = get_producer()
        producer.fire("orders", "1", "paid")
        discard_producers()
        get_producer().fire("orders", "2", "paid")

    assert topics() == []


def test_doubles_hear_of_the_context_and_of_nothing_that_is_suppressed(kafka: KafkaFixture) -> None:
    with produce_context(topic_prefix="acme."):
        get_producer().fire("orders", "1", "paid")
        with suppress() as suppressed:
            get_producer().fire("orders", "2", "paid")

    assert [message.topic for message in kafka.messages()] == ["acme.orders"]
    assert suppressed.count == 1
