"""Keys and values on their way to bytes."""

from __future__ import annotations

from typing import Any

import pytest

from dekaf.errors import SerializationError
from dekaf.producer._core.field_encoder import FieldEncoder
from dekaf.serialization import AutoSerializer, BytesSerializer, IntegerSerializer, StringSerializer
from dekaf.types import Field, Headers, SerializationContext


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
