"""A call's arguments on their way to bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import InvalidTopicError, ProducerClosedError, SerializationError
from dekaf.message import ProducerMessage
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.record_entry import MISSING, FieldEncoder, RecordEntry, only_message, partition_number
from dekaf.producer.config import ProducerConfig
from dekaf.serialization import AutoSerializer, BytesSerializer, IntegerSerializer, StringSerializer
from dekaf.types import Field, Headers, SerializationContext


@pytest.fixture
def core() -> Iterator[ProducerCore]:
    core = ProducerCore(ProducerConfig(bootstrap_servers="127.0.0.1:1", max_block_ms=60_000))
    yield core
    core.close(0.0)


@pytest.fixture
def entry(core: ProducerCore) -> RecordEntry:
    return RecordEntry(core, StringSerializer(), BytesSerializer())


def append(entry: RecordEntry, topic: object = "t", key: object = "k", value: object = b"v", **others: Any) -> object:
    return entry.append(
        topic,
        key,
        value,
        others.get("headers"),
        others.get("partition"),
        others.get("timestamp"),
        None,
        None,
    )


def parked(core: ProducerCore, topic: str = "t") -> Any:
    return core._accumulator.topics[topic].parked[-1]


# Encoding.


class Recording:
    """A serializer that notes what it was asked."""

    def __init__(self, answer: Any = b"bytes") -> None:
        self.asked: list[tuple[object, SerializationContext]] = []
        self._answer = answer

    def serialize(self, value: object, context: SerializationContext, /) -> bytes:
        self.asked.append((value, context))
        if isinstance(self._answer, BaseException):
            raise self._answer
        answer: bytes = self._answer
        return answer


@pytest.mark.parametrize("serializer", [StringSerializer(), BytesSerializer(), AutoSerializer(), Recording()])
def test_none_reaches_no_serializer(serializer: Any) -> None:
    assert FieldEncoder(serializer, Field.VALUE).encode(None, "t", None) is None
    assert not isinstance(serializer, Recording) or serializer.asked == []


@pytest.mark.parametrize(
    ("serializer", "value", "expected"),
    [
        (StringSerializer(), "ключ", "ключ".encode()),
        (BytesSerializer(), b"raw", b"raw"),
        (BytesSerializer(), bytearray(b"raw"), b"raw"),
        (AutoSerializer(), "text", b"text"),
        (AutoSerializer(), b"raw", b"raw"),
        (AutoSerializer(), 7, b"7"),
        (IntegerSerializer(), 7, b"\0\0\0\7"),
    ],
)
def test_value_becomes_the_serializers_bytes(serializer: Any, value: object, expected: bytes) -> None:
    assert FieldEncoder(serializer, Field.VALUE).encode(value, "t", None) == expected


def test_serializer_learns_topic_field_and_headers() -> None:
    serializer = Recording()
    headers = Headers.of({"a": "b"})
    encoder = FieldEncoder(serializer, Field.KEY)
    encoder.encode("x", "t", None)
    encoder.encode("x", "t", None)
    encoder.encode("x", "u", headers)

    contexts = [context for _, context in serializer.asked]
    assert contexts[0] is contexts[1]
    assert [(one.topic, one.field) for one in contexts[1:]] == [("t", Field.KEY), ("u", Field.KEY)]
    assert contexts[2].headers is headers


def test_made_up_topics_do_not_fill_the_memory() -> None:
    encoder = FieldEncoder(Recording(), Field.KEY)
    for number in range(5_000):
        encoder.encode("x", f"topic-{number}", None)

    assert len(encoder._contexts) <= 1_024


@pytest.mark.parametrize("answer", [ValueError("secret"), "text", bytearray(b"x"), None])
def test_serializer_that_fails_is_named_and_the_value_is_not(answer: object) -> None:
    encoder = FieldEncoder(Recording(answer), Field.VALUE)
    with pytest.raises(SerializationError) as caught:
        encoder.encode("my secret value", "t", None)

    assert (caught.value.topic, caught.value.field) == ("t", "value")
    assert "Recording" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is (answer if isinstance(answer, ValueError) else None)


def test_wrong_type_is_refused_by_the_serializer_itself() -> None:
    with pytest.raises(SerializationError):
        FieldEncoder(StringSerializer(), Field.KEY).encode(7, "t", None)
    with pytest.raises(SerializationError):
        FieldEncoder(StringSerializer(), Field.KEY).encode("\ud800", "t", None)


# Offering.


def test_record_is_accepted_as_bytes(core: ProducerCore, entry: RecordEntry) -> None:
    assert append(entry, headers=[("h", "1"), ("h", None)], partition=3, timestamp=1234) is None

    record = parked(core)
    assert (record.key, record.value, record.partition, record.timestamp) == (b"k", b"v", 3, 1234)
    assert record.headers == bytes.fromhex("04" + "0268" + "0231" + "0268" + "01")


def test_timestamp_is_the_wall_clock_unless_given(core: ProducerCore, entry: RecordEntry) -> None:
    before = dt.datetime.now(dt.UTC)
    append(entry)
    after = dt.datetime.now(dt.UTC)

    assert int(before.timestamp() * 1000) <= parked(core).timestamp <= int(after.timestamp() * 1000)
    append(entry, timestamp=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert parked(core).timestamp == 1_704_067_200_000


def test_empty_headers_are_none(core: ProducerCore, entry: RecordEntry) -> None:
    append(entry, headers={})

    assert parked(core).headers is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"topic": 7}, TypeError),
        ({"topic": None}, TypeError),
        ({"topic": ""}, InvalidTopicError),
        ({"topic": ".."}, InvalidTopicError),
        ({"topic": "a b"}, InvalidTopicError),
        ({"topic": "a" * 250}, InvalidTopicError),
        ({"value": MISSING}, TypeError),
        ({"key": 7}, SerializationError),
        ({"partition": -1}, ValueError),
        ({"partition": 2**31}, ValueError),
        ({"partition": True}, TypeError),
        ({"partition": "0"}, TypeError),
        ({"timestamp": -1}, ValueError),
        ({"timestamp": dt.datetime(2024, 1, 1)}, ValueError),  # naive on purpose
        ({"headers": 7}, TypeError),
    ],
)
def test_nonsense_is_refused_before_anything_is_accepted(
    core: ProducerCore, entry: RecordEntry, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        append(entry, **arguments)

    assert core.buffered_records() == 0
    assert core.status().buffered_bytes == 0


def test_closed_producer_accepts_nothing(core: ProducerCore, entry: RecordEntry) -> None:
    core.close(0.0)
    with pytest.raises(ProducerClosedError):
        append(entry)


def test_partition_number_is_an_int_in_range() -> None:
    assert partition_number(0) == 0
    assert partition_number(2**31 - 1) == 2**31 - 1


def test_message_comes_alone() -> None:
    message = ProducerMessage.create("t", "k", "v")

    assert only_message(message, None, MISSING) is message
    with pytest.raises(TypeError, match="belong into the message"):
        only_message(message, None, "value")
