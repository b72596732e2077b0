from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest

from dekaf.errors import NotEnoughReplicasError
from dekaf.serialization import IntegerSerializer
from dekaf.testing import KafkaFixture


@dataclass
class Order:
    number: int
    state: str = "paid"


class Event(pydantic.BaseModel):
    order_number: int = pydantic.Field(alias="orderNumber")


@pytest.fixture
def fixture() -> KafkaFixture:
    return KafkaFixture()


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
        "expected at least 1 message to 'orders' with key '9' with value {'a': 9} with headers (('trace', b'y'),), "
        "but there are none.\n"
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
