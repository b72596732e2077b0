"""What a test orders to fail: taken in turn, refused when no producer raises it, and told as in production."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    BufferExhaustedError,
    ClusterUnavailableError,
    ConfigurationError,
    DekafError,
    DeliveryTimeoutError,
    InvalidTopicError,
    NotEnoughReplicasError,
    OutOfResourcesError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
    TopicAuthorizationError,
)
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.types import FlushTimeoutError, ProduceAllError, RecordMetadata

AT_THE_CALL = [
    BufferExhaustedError,
    InvalidTopicError,
    OutOfResourcesError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
]


@pytest.fixture
def producer() -> Iterator[Producer[str, str]]:
    with Producer(backend="memory", key=str, value=str) as producer:
        yield producer


def outcome(producer: Producer[str, str], topic: str = "t") -> RecordMetadata | DekafError:
    try:
        return producer.produce(topic, "k", "v")
    except DekafError as error:
        return error


def test_orders_are_served_in_turn(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError)
    producer.produced.fail_next("t", RecordTooLargeError)
    producer.produced.fail_next("t", DeliveryTimeoutError, times=2)

    kinds = [type(outcome(producer)) for _ in range(5)]

    assert kinds == [
        NotEnoughReplicasError,
        RecordTooLargeError,
        DeliveryTimeoutError,
        DeliveryTimeoutError,
        RecordMetadata,
    ]
    assert [message.offset for message in producer.produced.messages] == [0]


def test_orders_concern_their_topic_or_any(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("audit", NotEnoughReplicasError)
    assert isinstance(outcome(producer), RecordMetadata)
    assert isinstance(outcome(producer, "audit"), NotEnoughReplicasError)

    producer.produced.fail_next(None, NotEnoughReplicasError)
    assert isinstance(outcome(producer, "whatever"), NotEnoughReplicasError)


@pytest.mark.parametrize(
    ("kind", "code", "is_retriable", "may_be_persisted"),
    [
        (NotEnoughReplicasError, 19, True, False),
        (TopicAuthorizationError, 29, False, False),
        (DeliveryTimeoutError, None, True, True),
        (ClusterUnavailableError, None, True, False),
        (BufferExhaustedError, None, True, False),
        (ProduceError, None, False, False),
    ],
)
def test_class_stands_for_kafkas_own_error(
    producer: Producer[str, str],
    kind: type[ProduceError],
    code: int | None,
    *,
    is_retriable: bool,
    may_be_persisted: bool,
) -> None:
    producer.produced.fail_next("t", kind)

    error = outcome(producer)

    assert isinstance(error, ProduceError)
    assert (type(error), error.topic, error.code) == (kind, "t", code)
    assert (error.is_retriable, error.may_be_persisted) == (is_retriable, may_be_persisted)


def test_each_message_gets_its_own_copy_of_an_error(producer: Producer[str, str]) -> None:
    given = DeliveryTimeoutError("slow", is_retriable=True, may_be_persisted=True)
    producer.produced.fail_next(None, given, times=2)

    first, second = outcome(producer), outcome(producer, "u")

    assert isinstance(first, DeliveryTimeoutError)
    assert isinstance(second, DeliveryTimeoutError)
    assert (first.topic, first.partition, second.topic, given.topic) == ("t", 0, "u", None)
    assert first.may_be_persisted


# As in production: at the call, or as the outcome.


@pytest.mark.parametrize("kind", AT_THE_CALL)
def test_what_is_not_accepted_is_raised_by_every_call(
    producer: Producer[str, str], kind: type[ProduceError | ProducerClosedError]
) -> None:
    producer.produced.fail_next("t", kind, times=4)

    for call in (producer.produce, producer.fire, producer.submit):
        with pytest.raises(kind):
            call("t", "k", "v")
    with pytest.raises(kind):
        asyncio.run(producer.as_async().produce("t", "k", "v"))

    assert producer.produced.messages == []
    assert producer.status().failed_total == 0


def test_what_was_accepted_fails_as_the_outcome_of_each_call(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError, times=4)
    told: list[ProduceError | None] = []

    handle = producer.submit("t", "k", "v")
    producer.fire("t", "k", "v", on_delivery=lambda _, error: told.append(error))
    results = producer.produce_all([ProducerMessage.create("t", "k", "v")] * 3, return_exceptions=True)

    with pytest.raises(NotEnoughReplicasError):
        handle.result(1.0)
    assert [type(result) for result in results] == [NotEnoughReplicasError, NotEnoughReplicasError, RecordMetadata]
    producer.close()
    assert [type(error) for error in told] == [NotEnoughReplicasError]


def test_failures_among_many_are_raised_together(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", BufferExhaustedError)

    with pytest.raises(ProduceAllError) as caught:
        producer.produce_all([ProducerMessage.create("t", "k", "v")] * 2)

    assert [type(result) for result in caught.value.results] == [BufferExhaustedError, RecordMetadata]


def test_failure_of_a_future_is_awaited() -> None:
    async def scenario() -> None:
        async with AsyncProducer(backend="memory", key=str, value=str) as producer:
            producer.produced.fail_next("t", NotEnoughReplicasError)
            future = await producer.submit("t", "k", "v")
            with pytest.raises(NotEnoughReplicasError):
                await future

    asyncio.run(scenario())


def test_failure_nobody_hears_of_is_logged_and_counted(
    producer: Producer[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError)

    with caplog.at_level(logging.ERROR, "dekaf"):
        producer.fire("t", "k", "v")

    assert "1 record(s) for topic t were not delivered" in caplog.text
    status = producer.status()
    assert (status.unobserved_failures_total, status.failed_total, status.delivered_total) == (1, 1, 0)
    report = producer.flush(1.0)
    assert (report.failed, [type(error) for error in report.failures]) == (1, [NotEnoughReplicasError])


def test_threads_share_the_orders(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError, times=50)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: outcome(producer), range(400)))

    assert sum(isinstance(one, NotEnoughReplicasError) for one in outcomes) == 50
    assert [message.offset for message in producer.produced.messages] == list(range(350))


# Readiness.


@pytest.mark.parametrize("given", [BrokerConnectionError, AuthenticationError("wrong password")])
def test_check_fails_as_while_kafka_is_away(
    producer: Producer[str, str], given: BrokerConnectionError | type[BrokerConnectionError]
) -> None:
    producer.produced.fail_next_check(given, times=2)

    with pytest.raises(BrokerConnectionError) as caught:
        producer.check()
    with pytest.raises(BrokerConnectionError):
        producer.typed(bytes, bytes).check()

    assert isinstance(caught.value.__cause__, BrokerConnectionError)
    assert producer.check().cluster_id == "memory"


# What no producer raises.


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ValueError("x"), "ProduceError, one of its children, or ProducerClosedError. It was given ValueError"),
        (BrokerConnectionError, "for check() there is fail_next_check"),
        (AuthenticationError("x"), "for check() there is fail_next_check"),
        (ConfigurationError("x"), "It was given ConfigurationError"),
        (FlushTimeoutError, "It was given FlushTimeoutError"),
        (ProduceAllError, "It was given ProduceAllError"),
        (KeyError, "It was given KeyError"),
        ("NotEnoughReplicasError", "It was given str"),
    ],
)
def test_what_produce_does_not_raise_is_refused_at_once(producer: Producer[str, str], error: Any, hint: str) -> None:
    with pytest.raises(TypeError) as caught:
        producer.produced.fail_next("t", error)

    assert hint in str(caught.value)
    assert isinstance(outcome(producer), RecordMetadata)


def test_what_check_does_not_raise_is_refused_at_once(producer: Producer[str, str]) -> None:
    with pytest.raises(TypeError, match="for messages there is fail_next"):
        producer.produced.fail_next_check(NotEnoughReplicasError)  # type: ignore[arg-type] # the mistake under test


@pytest.mark.parametrize(("times", "kind"), [(0, ValueError), (-1, ValueError), (True, TypeError), ("2", TypeError)])
def test_number_must_be_one(producer: Producer[str, str], times: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="times must be"):
        producer.produced.fail_next("t", NotEnoughReplicasError, times=times)


def test_topic_must_be_a_name(producer: Producer[str, str]) -> None:
    with pytest.raises(TypeError, match="topic must be a str"):
        producer.produced.fail_next(b"t", NotEnoughReplicasError)  # type: ignore[arg-type] # the mistake under test


def test_clearing_forgets_all_orders(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError)
    producer.produced.fail_next_check()

    producer.produced.clear()

    assert isinstance(outcome(producer), RecordMetadata)
    assert producer.check().brokers == ()


def test_closed_producer_says_so_before_anything_ordered(producer: Producer[str, str]) -> None:
    producer.produced.fail_next("t", NotEnoughReplicasError)
    producer.close()

    assert isinstance(outcome(producer), ProducerClosedError)
