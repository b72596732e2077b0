"""FieldEncoder: keys, or values, become bytes before a record is accepted, so that a failure is raised by the call."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, final

from dekaf.errors import SerializationError, caused_error
from dekaf.serialization import AutoSerializer, BytesSerializer, Serializer, StringSerializer
from dekaf.types import Field, Headers, SerializationContext

CACHED_CONTEXTS: Final = 1024  # topics are few; a caller that makes up names must not fill the memory


class FastLane(Enum):
    """Which values a field's serializer would pass through, so that it need not be called."""

    NONE = "none"
    BYTES = "bytes"
    TEXT = "text"
    BOTH = "both"


@final
class FieldEncoder:
    """Serialize keys, or values, of any topic."""

    def __init__(self, serializer: Serializer[Any], field: Field) -> None:
        self.serializer: Final = serializer
        self._field: Final = field
        lane = _LANES.get(type(serializer), FastLane.NONE)
        self._takes_bytes: Final = lane in (FastLane.BYTES, FastLane.BOTH)
        self._takes_text: Final = lane in (FastLane.TEXT, FastLane.BOTH)
        self._contexts: dict[str, SerializationContext] = {}

    def encode(self, value: object, topic: str, headers: Headers | None) -> bytes | None:
        """Return the bytes of a key or value; None stays None, and no serializer sees it.

        Raises:
            SerializationError: The serializer raised it, or anything else, or returned no bytes.
        """
        if value is None:
            return None
        if self._takes_bytes and isinstance(value, bytes):
            return value
        if self._takes_text and isinstance(value, str):
            try:
                return value.encode()
            except UnicodeEncodeError:
                pass  # the serializer has the better error
        return self._serialize(value, topic, headers)

    def _serialize(self, value: object, topic: str, headers: Headers | None) -> bytes:
        context = self._context(topic) if headers is None else SerializationContext(topic, self._field, headers)
        # Any: compiled code would check the answer's type itself, and its error would not name the serializer.
        serializer: Any = self.serializer
        try:
            data: object = serializer.serialize(value, context)
        except SerializationError:
            raise
        except Exception as error:
            broken = SerializationError(
                f"The {self._field.value}'s serializer {type(self.serializer).__name__} raised "
                f"{type(error).__name__} for a {type(value).__name__}.",
                topic=topic,
                field=self._field.value,
            )
            raise caused_error(broken, error) from error
        if not isinstance(data, bytes):
            raise SerializationError(
                f"The {self._field.value}'s serializer {type(self.serializer).__name__} returned "
                f"{type(data).__name__}, not bytes.",
                topic=topic,
                field=self._field.value,
            )
        return data

    def _context(self, topic: str) -> SerializationContext:
        context = self._contexts.get(topic)
        if context is None:
            if len(self._contexts) >= CACHED_CONTEXTS:
                self._contexts.clear()
            context = self._contexts[topic] = SerializationContext(topic, self._field)
        return context


_LANES: Final[dict[type[Any], FastLane]] = {
    BytesSerializer: FastLane.BYTES,
    StringSerializer: FastLane.TEXT,
    AutoSerializer: FastLane.BOTH,
}
