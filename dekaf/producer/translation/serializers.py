"""Serializers of kafka-python and aiokafka, as ours."""

from __future__ import annotations

import inspect
from typing import Any, Final, final

from dekaf.serialization import SerializationContext

__all__ = ("AdaptedSerializer", "serializer")


@final
class AdaptedSerializer:
    """A function of the value, or an object whose ``serialize`` takes topic, maybe headers, and value.

    None does not reach it, as it does there: here it is Kafka's null.

    Args:
        theirs: The function, or the object.
    """

    def __init__(self, theirs: Any) -> None:
        self._theirs: Final = theirs
        self._takes: Final = _parameters_of(theirs)

    def __repr__(self) -> str:
        return f"<AdaptedSerializer of {type(self._theirs).__name__}>"

    def serialize(self, value: Any, context: SerializationContext, /) -> bytes:
        """Return the bytes of a value."""
        if self._takes == 0:
            made: bytes = self._theirs(value)
        elif self._takes == 2:
            made = self._theirs.serialize(context.topic, value)
        else:
            made = self._theirs.serialize(context.topic, list(context.headers), value)
        return made


def _parameters_of(theirs: Any) -> int:
    """Return how many arguments its ``serialize`` takes; 0 if it is a function."""
    method = getattr(theirs, "serialize", None)
    return len(inspect.signature(method).parameters) if callable(method) else 0


def serializer(value: Any) -> object:
    """Return a serializer of ours that does what theirs does."""
    if not callable(value) and not callable(getattr(value, "serialize", None)):
        raise ValueError("must be a function of the value, or an object with a method serialize")  # noqa: TRY004 - a check
    return AdaptedSerializer(value)
