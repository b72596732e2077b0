from __future__ import annotations

from typing import Any

import pytest

from dekaf.producer.translation.serializers import AdaptedSerializer, serializer
from dekaf.types import Field, Headers, SerializationContext

CONTEXT = SerializationContext("orders", Field.VALUE, Headers.create().add("a", b"1"))


class Former:
    def serialize(self, topic: str, value: str) -> bytes:
        return f"{topic}:{value}".encode()


class Today:
    def serialize(self, topic: str, headers: list[tuple[str, bytes | None]], data: str) -> bytes:
        return f"{topic}:{headers}:{data}".encode()


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (str.encode, b"paid"),
        (Former(), b"orders:paid"),
        (Today(), b"orders:[('a', b'1')]:paid"),
    ],
)
def test_each_form_is_called_as_it_was(theirs: Any, expected: bytes) -> None:
    adapted = serializer(theirs)

    assert isinstance(adapted, AdaptedSerializer)
    assert adapted.serialize("paid", CONTEXT) == expected


def test_the_repr_does_not_show_the_function() -> None:
    assert repr(serializer(str.encode)) == "<AdaptedSerializer of method_descriptor>"


@pytest.mark.parametrize("theirs", ["json", 5, object()])
def test_what_serializes_nothing_is_refused(theirs: Any) -> None:
    with pytest.raises(ValueError, match="must be a function of the value"):
        serializer(theirs)
