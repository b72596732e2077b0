from __future__ import annotations

import asyncio
import gc
import logging
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest

from dekaf.abc import AsyncKafkaProducer, KafkaProducer, ProducerListener
from dekaf.errors import (
    BlockingCallError,
    BrokerConnectionError,
    ConfigurationError,
    InvalidTopicError,
    NotEnoughReplicasError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)
from dekaf.real_kafka import GUARD
from dekaf.registry import ProducerRegistry
from dekaf.serialization import IntegerSerializer
from dekaf.testing import ANY, KafkaFixture, including, like
from dekaf.types import Headers, ProducerState


@dataclass
class Order:
    number: int
    state: str = "paid"


class Event(pydantic.BaseModel):
    order_number: int = pydantic.Field(alias="orderNumber")


@pytest.fixture
def fixture() -> Iterator[KafkaFixture]:
    with KafkaFixture() as fixture:
        yield fixture


NUMBER = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (str, "paid", "paid"),
        (str, "paid", b"paid"),
        (bytes, b"\xff", b"\xff"),
        (bytes, b"\xff", bytearray(b"\xff")),
        (None, None, None),
        (None, 7, 7),
        (int, 7, 7),
        (IntegerSerializer(), -7, -7),
        (float, 1.5, 1.5),
        (dict, {"a": 1.5}, {"a": 1.5}),
        (uuid.UUID, NUMBER, NUMBER),
        (Order, Order(1), Order(1)),
        (Order, Order(1), {"state": "paid", "number": 1}),
        (Event, Event(orderNumber=3), Event(orderNumber=3)),
        (Event, Event(orderNumber=3), {"orderNumber": 3}),
        (list, [True, None], [True, None]),
    ],
)
def test_values_are_compared_by_what_they_stand_for(
    fixture: KafkaFixture, kind: Any, value: Any, expected: object
) -> None:
    fixture.producer(value=kind).produce("orders", None, value)

    fixture.assert_produced("orders", value=expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("paid", "open"),
        ("paid", {"paid": 1}),
        ("", None),
        (None, ""),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, '{"a": 1}'),
        ("1", True),
        (7, 2**70),
    ],
)
def test_other_values_are_told_apart(fixture: KafkaFixture, value: object, expected: object) -> None:
    fixture.producer().produce("orders", None, value)

    with pytest.raises(AssertionError):
        fixture.assert_produced("orders", value=expected)


def test_key_value_and_headers_must_be_in_one_message(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, str)
    producer.produce("orders", "1", "paid", headers={"trace": "a", "source": "shop"})
    producer.produce("orders", "2", "open", headers=[("trace", b"b"), ("trace", b"c")])

    assert [found.offset for found in fixture.assert_produced("orders", key="1", value="paid")] == [0]
    assert [found.offset for found in fixture.assert_produced("orders", headers={"trace": "c"})] == [1]
    with pytest.raises(AssertionError):
        fixture.assert_produced("orders", key="1", value="open")
    with pytest.raises(AssertionError):
        fixture.assert_produced("orders", key="1", headers={"trace": "a", "source": "else"})


def test_count_is_exact(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, str)
    for _ in range(2):
        producer.produce("orders", "1", "paid")

    assert len(fixture.assert_produced("orders")) == 2
    fixture.assert_produced("orders", key="1", count=2)
    fixture.assert_produced("orders", key="2", count=0)
    with pytest.raises(AssertionError, match="expected 1 message to 'orders' with key '1', but there are 2"):
        fixture.assert_produced("orders", key="1", count=1)


def test_failure_shows_what_was_produced(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, dict[str, int])
    producer.produce("orders", "1", {"a": 1}, headers={"trace": "x"})
    producer.produce("orders", "2", None)
    producer.produce("audit", "3", {"a": 3})

    with pytest.raises(AssertionError) as caught:
        fixture.assert_produced("orders", key="9", value={"a": 9}, headers={"trace": "y"})

    assert str(caught.value) == (
        "expected at least 1 message to 'orders' with key '9' with value {'a': 9} with headers {'trace': 'y'}, "
        "but there are none.\n"
        "Nearest: orders-0 at offset 0\n"
        "  key: expected '9', was b'1'\n"
        "  value.a: expected 9, was 1\n"
        "  headers.trace: expected 'y', was b'x'\n"
        "Produced to orders: 2\n"
        "  orders-0 key=b'1' value=b'{\"a\":1}' headers={'trace': b'x'}\n"
        "  orders-0 key=b'2' value=None\n"
        "Other topics: audit (1)"
    )


def test_failure_shows_at_most_twenty_messages(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, str)
    for number in range(25):
        producer.produce("orders", str(number), "v")

    with pytest.raises(AssertionError, match=r"(?s)Produced to orders: 25.*key=b'19'.*\.\.\. and 5 more$"):
        fixture.assert_produced("orders", key="none")


def test_failure_says_if_there_was_nothing_at_all(fixture: KafkaFixture) -> None:
    with pytest.raises(AssertionError, match=r"(?m)'orders', but there are none\.$\nNothing was produced\.$"):
        fixture.assert_produced("orders")


def test_failure_says_if_only_other_topics_were_written_to(fixture: KafkaFixture) -> None:
    fixture.producer(str, str).produce("audit", "1", "v")

    with pytest.raises(AssertionError, match=r"(?s)Produced to orders: nothing.*Other topics: audit \(1\)$"):
        fixture.assert_produced("orders")


def test_nothing_can_be_expected(fixture: KafkaFixture) -> None:
    fixture.assert_nothing_produced()
    fixture.producer(str, str).produce("audit", "1", "v")

    fixture.assert_nothing_produced("orders")
    with pytest.raises(AssertionError, match="expected no message, but there is 1"):
        fixture.assert_nothing_produced()
    with pytest.raises(AssertionError, match="expected no message to 'audit', but there is 1"):
        fixture.assert_nothing_produced("audit")


def test_all_doubles_of_a_fixture_are_seen(fixture: KafkaFixture) -> None:
    fixture.producer(str, str).produce("orders", "1", "a")
    asyncio.run(fixture.async_producer(str, str).produce("orders", "2", "b"))

    assert [found.key for found in fixture.messages("orders")] == [b"1", b"2"]
    assert fixture.messages("audit") == []
    assert len(fixture.messages()) == 2


def test_failures_can_be_scripted_and_everything_cleared(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, str)
    fixture.fail_next("orders", NotEnoughReplicasError)

    with pytest.raises(NotEnoughReplicasError):
        producer.produce("orders", "1", "a")
    producer.produce("orders", "1", "a")
    fixture.clear()

    fixture.assert_nothing_produced()


# Assertions that read.


def test_the_nearest_message_is_told_field_by_field(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, dict)
    producer.produce("orders", "41", {"status": "paid", "total": 840})
    producer.produce("orders", "42", {"status": "placed", "total": 840, "lines": [{"item": "decaf"}]})

    with pytest.raises(AssertionError) as caught:
        fixture.assert_produced("orders", key="42", value=including(status="paid", total=840, at=ANY))

    assert (
        "Nearest: orders-0 at offset 1\n"
        "  value.status: expected 'paid', was 'placed'\n"
        "  value.at: expected ANY, is missing\n"
        "Produced to orders: 2\n" in str(caught.value)
    )


def test_messages_that_match_are_not_the_nearest_where_more_are_expected(fixture: KafkaFixture) -> None:
    for status in ("paid", "placed"):
        fixture.producer(str, dict).produce("orders", "42", {"status": status})

    with pytest.raises(AssertionError, match=r"2 messages .* but there is 1\.\nNearest: orders-0 at offset 1\n"):
        fixture.assert_produced("orders", value=including(status="paid"), count=2)
    with pytest.raises(AssertionError) as caught:
        fixture.assert_produced("orders", key="42", count=1)
    assert "Nearest" not in str(caught.value)


def test_a_message_can_be_asked_as_a_whole(fixture: KafkaFixture) -> None:
    fixture.producer(str, dict).produce("orders", "42", {"total": 840})

    fixture.assert_produced("orders", where=lambda message: message.json()["total"] > 800)
    with pytest.raises(AssertionError, match=r"(?s)what where= asks for.*  where: says no"):
        fixture.assert_produced("orders", where=lambda message: message.json()["total"] > 900)


def test_an_alias_can_be_expected(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as registry:
        registry.producer("audit").fire("orders", "1", "a")

    fixture.assert_produced("orders", alias="audit")
    with pytest.raises(AssertionError, match=r"(?s)alias: expected 'default', was 'audit'.*alias='audit'"):
        fixture.assert_produced("orders", alias="default")


def test_the_only_message_to_a_topic_is_there_to_be_looked_at(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, dict)
    producer.produce("orders", "42", {"total": 840})

    assert fixture.topic("orders").one().json() == {"total": 840}
    with pytest.raises(AssertionError, match="expected exactly 1 message to 'audit', but there are none"):
        fixture.topic("audit").one()
    producer.produce("orders", "43", {"total": 1})
    with pytest.raises(AssertionError, match=r"(?s)but there are 2\..*key=b'42'.*key=b'43'"):
        fixture.topic("orders").one()

    orders = fixture.topic("orders")
    assert (len(orders), orders[0].key, [one.key for one in orders[1:]], [one.offset for one in orders]) == (
        2,
        b"42",
        [b"43"],
        [0, 1],
    )
    assert repr(orders) == "<TopicMessages orders: 2>"


def test_order_of_messages_to_several_topics(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, dict)
    for topic, status in (("orders", "placed"), ("audit", "seen"), ("payments", "paid"), ("orders", "shipped")):
        producer.produce(topic, "42", {"status": status})
    placed, shipped = (like("orders", value=including(status=status)) for status in ("placed", "shipped"))

    found = fixture.assert_in_order(placed, like("payments", key="42"), shipped)

    assert [message.topic for message in found] == ["orders", "payments", "orders"]
    with pytest.raises(AssertionError, match=r"as number 2 of 2, a message to 'orders' .*'placed'\) after 'orders' .*"):
        fixture.assert_in_order(shipped, placed)
    with pytest.raises(AssertionError, match="as number 2 of 2"):
        fixture.assert_in_order(placed, placed)  # one message counts once


def test_hints_stand_at_the_end_of_what_misses_a_message(
    fixture: KafkaFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints = [lambda: "Look into the mirror.", lambda: None]
    monkeypatch.setattr(GUARD, "_environments", [(bool, hint) for hint in hints])

    with pytest.raises(AssertionError, match=r"Nothing was produced\.\nLook into the mirror\.$"):
        fixture.assert_produced("orders")
    with pytest.raises(AssertionError, match=r"Look into the mirror\.$"):
        fixture.topic("orders").one()
    fixture.producer().fire("orders", "1", "a")
    with pytest.raises(AssertionError) as caught:
        fixture.assert_produced("orders", count=0)
    assert "mirror" not in str(caught.value)


# What comes late.


def test_late_messages_are_waited_for(fixture: KafkaFixture) -> None:
    producer = fixture.producer(str, str)
    late = threading.Timer(0.05, lambda: [producer.fire("orders", key, "paid") for key in "123"])
    late.start()

    found = fixture.wait_for("orders", value="paid", count=3, timeout=10.0)

    late.join()
    assert [message.key for message in found] == [b"1", b"2", b"3"]
    with pytest.raises(AssertionError, match=r"with key '9' within 0\.01 s, but there are none\.\nNearest:"):
        fixture.wait_for("orders", key="9", timeout=0.01)


def test_late_messages_of_a_task_are_awaited(fixture: KafkaFixture) -> None:
    async def scenario() -> None:
        producer = fixture.async_producer(str, str)
        with pytest.raises(BlockingCallError, match=r"await kafka\.await_for"):
            fixture.wait_for("orders")
        task = asyncio.get_running_loop().call_later(0.05, producer.fire, "orders", "1", "paid")
        await fixture.await_for("orders", key="1", timeout=10.0)
        with pytest.raises(AssertionError, match=r"within 0\.01 s"):
            await fixture.await_for("orders", key="2", timeout=0.01)
        task.cancel()

    asyncio.run(scenario())


# In the place of registries' producers.

BY_ALIAS: dict[str, dict[str, object]] = {
    "default": {"bootstrap_servers": "127.0.0.1:1", "value": "json"},
    "audit": {"bootstrap_servers": "127.0.0.1:1", "max_request_size": 1_000, "buffer_memory": 100_000},
}


def test_memory_spans_all_aliases_of_all_registries_and_notes_them(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as first, ProducerRegistry(BY_ALIAS) as second:
        first.producer().produce("orders", b"1", "a")
        asyncio.run(second.async_producer("audit").produce("orders", b"2", b"b"))
        fixture.producer().produce("orders", b"3", b"c")

    assert [(found.alias, found.offset, found.value) for found in fixture.messages("orders")] == [
        ("default", 0, b'"a"'),
        ("audit", 1, b"b"),
        (None, 2, b"c"),
    ]


def test_each_alias_refuses_what_it_refuses_in_production(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as registry:
        audit = registry.producer("audit", str, bytes)
        with pytest.raises(RecordTooLargeError):
            audit.produce("audit-log", "1", b"x" * 2_000)
        with pytest.raises(InvalidTopicError):
            audit.fire("audit log", "1", b"x")
        with pytest.raises(SerializationError):
            registry.producer("default", str, int).fire("orders", "1", "x")  # type: ignore[call-overload] # on purpose
        with pytest.raises(ConfigurationError, match="no alias 'adit'"):
            registry.producer("adit")

    fixture.assert_nothing_produced()


def test_memory_keeps_more_than_a_producers_buffer(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as registry:
        for _ in range(300):
            registry.producer("audit").fire("audit-log", b"1", b"x" * 900)

    assert len(fixture.messages("audit-log")) == 300
    assert fixture.produced.dropped == 0


def test_listeners_and_partitioners_of_an_alias_are_asked(fixture: KafkaFixture) -> None:
    class Traced(ProducerListener):
        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            return headers.add("trace", topic)

    with ProducerRegistry({"bootstrap_servers": "127.0.0.1:1", "listener": Traced()}) as registry:
        registry.producer().fire("orders", "1", "a")

    fixture.assert_produced("orders", headers={"trace": "orders"})


def test_closing_what_a_registry_gives_does_nothing_and_what_the_fixture_gives_all(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as registry, registry.producer() as view:
        view.close()
        view.fire("orders", b"1", "a")
    mine, other = fixture.producer(), fixture.producer()
    mine.typed(str, str).close()
    mine.fire("orders", "2", "b")

    mine.close()

    with pytest.raises(ProducerClosedError):
        mine.fire("orders", "3", "c")
    other.fire("orders", "4", "d")
    assert len(fixture.messages("orders")) == 3


def test_fixtures_producers_end_with_it_and_nothing_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), KafkaFixture() as kafka, ProducerRegistry(BY_ALIAS) as registry:
        kept = registry.producer()
        kafka.fail_next("orders", NotEnoughReplicasError)
        with pytest.raises(NotEnoughReplicasError):
            kept.produce("orders", b"1", "a")

    with pytest.raises(ProducerClosedError):
        kept.fire("orders", b"1", "a")
    assert caplog.records == []


def test_fixture_that_was_never_entered_leaves_no_warning() -> None:
    KafkaFixture().producer().produce("orders", "1", "a")
    gc.collect()


def test_options_of_a_producer_can_be_given(fixture: KafkaFixture) -> None:
    with pytest.raises(RecordTooLargeError):
        fixture.producer(str, str, max_request_size=100).produce("orders", "1", "x" * 200)


def test_one_alias_can_have_the_fixture_while_others_are_real() -> None:
    kafka = KafkaFixture()
    with ProducerRegistry(BY_ALIAS) as registry, registry.override("audit", kafka):
        registry.producer("audit").fire("audit-log", "1", "a")
        assert registry.producer("default").status().state is ProducerState.IDLE

    assert [message.alias for message in kafka.messages()] == ["audit"]


def test_readiness_can_be_made_to_fail(fixture: KafkaFixture) -> None:
    with ProducerRegistry(BY_ALIAS) as registry:
        fixture.fail_next_check()
        with pytest.raises(BrokerConnectionError):
            registry.producer().check()


def test_doubles_count_what_a_service_measures(fixture: KafkaFixture) -> None:
    def delivered(producer: KafkaProducer[str, str] | AsyncKafkaProducer[str, str]) -> tuple[int, dict[str, int]]:
        (orders,) = producer.metrics().topics
        return orders.records_delivered_total, dict(orders.records_failed_total)

    for_threads, for_coroutines = fixture.producer(str, str), fixture.async_producer(str, str)
    for_threads.produce("orders", "1", "paid")
    asyncio.run(for_coroutines.produce("orders", "2", "paid"))
    fixture.fail_next("orders", NotEnoughReplicasError)
    with pytest.raises(NotEnoughReplicasError):
        for_threads.produce("orders", "3", "paid")

    assert delivered(for_threads) == (1, {"NOT_ENOUGH_REPLICAS": 1})
    assert delivered(for_coroutines) == (1, {})
