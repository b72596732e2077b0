"""ProducerMessage: checked when made, immutable, silent about its content."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from dekaf.message import ProducerMessage
from dekaf.types import Headers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_message() -> ProducerMessage[str, dict[str, int]]:
    return ProducerMessage(
        topic="orders", key="k3y", value={"s3cret": 1}, headers={"trace-id": "abc"}, partition=3, timestamp=NOON
    )


def test_a_message_keeps_its_parts() -> None:
    message = a_message()

    assert (message.topic, message.key, message.value, message.partition) == ("orders", "k3y", {"s3cret": 1}, 3)
    assert message.headers == Headers.create().add("trace-id", "abc")
    assert message.timestamp == NOON
    assert message.timestamp_ms == 1_767_268_800_000


def test_only_topic_and_value_are_needed() -> None:
    message: ProducerMessage[str, str] = ProducerMessage(topic="orders", value=None)

    assert (message.key, message.value, message.partition) == (None, None, None)
    assert (message.timestamp, message.timestamp_ms) == (None, None)
    assert message.headers == Headers.create()


def test_create_takes_topic_key_and_value_by_position() -> None:
    created = ProducerMessage.create(
        "orders", "k3y", {"s3cret": 1}, headers=[("trace-id", b"abc")], partition=3, timestamp=NOON
    )

    assert created == a_message()


def test_arguments_of_the_class_are_keywords() -> None:
    make: Any = ProducerMessage

    with pytest.raises(TypeError):
        make("orders", "k", "v")
    with pytest.raises(TypeError):
        make(topic="orders", key="k")


@pytest.mark.parametrize("name", ["topic", "key", "value", "headers", "partition", "timestamp"])
def test_a_message_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(a_message(), name, None)


def test_a_message_shows_neither_key_nor_value() -> None:
    shown = repr(a_message())

    assert shown.startswith("ProducerMessage(topic='orders', partition=3")
    assert "k3y" not in shown
    assert "s3cret" not in shown
    assert "abc" not in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": "others"},
        {"key": "other"},
        {"value": {}},
        {"headers": None},
        {"partition": None},
        {"timestamp": None},
    ],
)
def test_messages_differ_in_any_part(changes: dict[str, Any]) -> None:
    parts: dict[str, Any] = {
        "topic": "orders",
        "key": "k3y",
        "value": {"s3cret": 1},
        "headers": {"trace-id": "abc"},
        "partition": 3,
        "timestamp": NOON,
    }

    assert ProducerMessage(**parts) == a_message()
    assert ProducerMessage(**{**parts, **changes}) != a_message()


def test_equal_messages_have_equal_hashes_whatever_the_value_is() -> None:
    assert hash(a_message()) == hash(a_message())
    assert a_message() != "orders"


def test_the_same_moment_is_the_same_timestamp() -> None:
    assert ProducerMessage.create("orders", "k", "v", timestamp=NOON) == ProducerMessage.create(
        "orders", "k", "v", timestamp=1_767_268_800_000
    )


def test_a_message_survives_pickle_and_copy() -> None:
    message = a_message()

    for again in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert again == message
        assert again.timestamp == NOON


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"topic": ""}, ValueError, "topic"),
        ({"topic": None}, TypeError, "topic|str"),
        ({"topic": b"orders"}, TypeError, "topic|str"),
        ({"partition": -1}, ValueError, "partition must be between 0 and 2147483647, not -1"),
        ({"partition": 2**31}, ValueError, "partition must be between 0 and 2147483647, not 2147483648"),
        ({"partition": True}, TypeError, "partition"),
        ({"partition": "3"}, TypeError, "partition|int"),
        ({"partition": 1.0}, TypeError, "partition|int"),
        ({"timestamp": -1}, ValueError, "timestamp"),
        ({"timestamp": True}, ValueError, "timestamp"),
        ({"timestamp": datetime(2026, 1, 1)}, ValueError, "timestamp"),
        ({"timestamp": "now"}, TypeError, "timestamp|datetime"),
        ({"headers": {"a": 1}}, TypeError, "'a'"),
        ({"headers": 1}, TypeError, "headers|Headers"),
    ],
)
def test_a_wrong_part_is_refused_at_once_and_named(changes: dict[str, Any], kind: type[Exception], says: str) -> None:
    parts: dict[str, Any] = {"topic": "orders", "key": "k", "value": "v"}

    with pytest.raises(kind, match=says):
        ProducerMessage(**{**parts, **changes})
