"""What a producer without Kafka keeps to be looked at: the latest messages, as many as fit, and no secrets on show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.producer import Producer
from dekaf.producer.produced import MESSAGE_COST, ProducedMessages, RecordedMessage
from dekaf.types import Headers


@pytest.fixture
def producer() -> Iterator[Producer[Any, Any]]:
    with Producer(backend="memory") as producer:
        yield producer


def message(number: int, topic: str = "t") -> RecordedMessage:
    return RecordedMessage(
        topic=topic, partition=0, key=None, value=b"%d" % number, headers=Headers(), timestamp_ms=0, offset=number
    )


def test_messages_are_found_by_topic_in_their_order() -> None:
    produced = ProducedMessages(1_000_000)
    for number in range(6):
        produced.keep(message(number, topic="even" if number % 2 == 0 else "odd"), 10)

    assert [one.offset for one in produced.messages] == [0, 1, 2, 3, 4, 5]
    assert [one.offset for one in produced.to_topic("odd")] == [1, 3, 5]
    assert len(produced) == 6


def test_message_larger_than_all_the_space_is_kept_alone() -> None:
    produced = ProducedMessages(1_000)

    produced.keep(message(0), 10)
    produced.keep(message(1), 5_000)

    assert [one.offset for one in produced.messages] == [1]
    assert produced.dropped == 1


def test_what_is_returned_does_not_change_with_later_messages() -> None:
    produced = ProducedMessages(1_000_000)
    produced.keep(message(0), 10)

    before = produced.messages
    produced.keep(message(1), 10)
    produced.clear()

    assert len(before) == 1
    assert (len(produced), produced.dropped) == (0, 0)


def test_oldest_messages_go_when_the_memory_is_full() -> None:
    with Producer(backend="memory", buffer_memory=20 * (MESSAGE_COST + 1_010), key=bytes, value=bytes) as producer:
        for number in range(100):
            producer.fire("t", None, b"%04d" % number + b"x" * 996)

        kept = [int((message.value or b"")[:4]) for message in producer.produced.messages]
        assert kept == list(range(100 - len(kept), 100))
        assert 18 <= len(kept) <= 20
        assert producer.produced.dropped == 100 - len(kept)
        assert [message.offset for message in producer.produced.messages] == kept


def test_memory_can_be_cleared(producer: Producer[Any, Any]) -> None:
    producer.fire("t", value=b"a")
    producer.produced.clear()
    producer.fire("t", value=b"b")

    assert [(message.value, message.offset) for message in producer.produced.messages] == [(b"b", 0)]


def test_memory_without_bounds_keeps_everything() -> None:
    produced = ProducedMessages(None)

    for number in range(100):
        produced.keep(message(number), 10_000_000)

    assert (len(produced), produced.dropped) == (100, 0)


def test_value_is_read_as_json(producer: Producer[Any, Any]) -> None:
    producer.fire("t", value={"a": [1, None]})
    producer.fire("t", value=None)
    producer.fire("t", value=b"{")

    first, second, third = producer.produced.messages
    assert first.json() == {"a": [1, None]}
    assert second.json() is None
    with pytest.raises(ValueError, match="Expecting"):
        third.json()


def test_waiting_ends_with_the_message_waited_for_or_in_time(producer: Producer[Any, Any]) -> None:
    late = threading.Timer(0.05, producer.fire, ("t",), {"value": b"a"})
    late.start()

    assert producer.produced.wait_until(bool, 10.0)
    assert not producer.produced.wait_until(lambda messages: len(messages) > 1, 0.01)
    late.join()


def test_memory_does_not_show_values(producer: Producer[Any, Any]) -> None:
    producer.fire("t", value=b"secret")

    assert repr(producer.produced) == "<ProducedMessages: 1>"
