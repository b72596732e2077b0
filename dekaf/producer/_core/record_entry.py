"""One face's way in: turn a call's arguments into the bytes of a record, and offer it to the core.

Both faces stand on this; only the waiting for space, and for the outcome, is theirs.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, final

from mypy_extensions import i64

from dekaf._record.builder import encode_headers
from dekaf.errors import SerializationError, caused_error
from dekaf.message import ProducerMessage
from dekaf.producer._buffer.buffer_memory import Reservation
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._waiting.mailbox import OutcomeRoute
from dekaf.serialization import AutoSerializer, BytesSerializer, Serializer, StringSerializer
from dekaf.types import Field, Headers, HeadersLike, SerializationContext, Timestamp, timestamp_to_ms

MISSING: Final = object()  # a value that was not given; None is Kafka's null, a tombstone
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
        """Return the bytes of a key or value; None stays None, and no serializer sees it."""
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
        serializer: Any = self.serializer  # Any: compiled code would check the answer's type itself, and name nobody
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


@final
class WaitingRecord:
    """A record for which there was no space: its bytes, so that nothing is serialized twice."""

    def __init__(  # noqa: PLR0913 # a record's own fields
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
    ) -> None:
        self.topic: Final = topic
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers
        self.partition: Final = partition
        self.timestamp: Final = timestamp
        self.recipient: Final = recipient
        self.route: Final = route

    def size(self, core: ProducerCore) -> i64:
        """Return how much space it needs, at the most."""
        return core.space_for(self.topic, self.key, self.value, self.headers, self.route)


@final
class RecordEntry:
    """A face's serializers in front of the core."""

    def __init__(self, core: ProducerCore, key: Serializer[Any], value: Serializer[Any]) -> None:
        self.core: Final = core
        self.key: Final = FieldEncoder(key, Field.KEY)
        self.value: Final = FieldEncoder(value, Field.VALUE)
        self._callback_type: object = None  # the last callback's: to ask for each would be a fifth of `fire`

    def append(  # noqa: PLR0913 # a call's own arguments: an object for them would cost as much as all the rest
        self,
        topic: object,
        key: object,
        value: object,
        headers: HeadersLike | None,
        partition: object,
        timestamp: Timestamp | None,
        recipient: object | None,
        route: OutcomeRoute | None,
    ) -> WaitingRecord | None:
        """Check, serialize and append one record; return it if there was no space."""
        core = self.core
        now = core.clock_ms()
        if not isinstance(topic, str):
            raise no_topic_error(topic)
        if value is MISSING:
            raise TypeError("value is missing; write value=None for a tombstone")
        where: i64 = -1
        if partition is not None:
            where = partition_number(partition)
        at: i64 = now
        if timestamp is not None:
            at = timestamp_to_ms(timestamp)
        given: Headers | None = None
        header_bytes: bytes | None = None
        if headers is not None or core.on_send is not None:
            given = self._headers_to_send(topic, headers)
            if given is not None and len(given) > 0:
                header_bytes = encode_headers(given.pairs)
        key_bytes = self.key.encode(key, topic, given)
        value_bytes = self.value.encode(value, topic, given)
        if core.append(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route, None):
            return None
        return WaitingRecord(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route)

    def check_callback(self, on_delivery: object) -> None:
        """Raise TypeError for what nobody could call; whether anybody could is a matter of its type alone."""
        if type(on_delivery) is not self._callback_type:
            check_callback(on_delivery)
            self._callback_type = type(on_delivery)

    def _headers_to_send(self, topic: str, headers: HeadersLike | None) -> Headers | None:
        given = None if headers is None else Headers.of(headers)
        on_send = self.core.on_send
        return given if on_send is None else on_send(topic, given)

    def append_again(self, record: WaitingRecord, reservation: Reservation) -> bool:
        """Append a record for which space was set aside; False if that went with the engine that granted it."""
        return self.core.append(
            record.topic,
            record.key,
            record.value,
            record.headers,
            record.partition,
            record.timestamp,
            record.recipient,
            record.route,
            reservation,
        )


def no_topic_error(topic: object) -> TypeError:
    """Return what a call raises whose first argument is neither a topic's name nor a message."""
    return TypeError(f"topic must be a str or a ProducerMessage, not {type(topic).__name__}")


def no_message_error(message: object) -> TypeError:
    """Return what `produce_all` raises for something else than a message."""
    return TypeError(f"produce_all takes ProducerMessage, not {type(message).__name__}")


def check_callback(on_delivery: object) -> None:
    """Raise TypeError for what nobody could call once the outcome is there."""
    if not callable(on_delivery):
        raise TypeError(f"on_delivery must be a function of (metadata, error), not {type(on_delivery).__name__}")


def partition_number(partition: object) -> i64:
    """Return an explicit partition's number; TypeError or ValueError if it cannot be one."""
    if isinstance(partition, bool) or not isinstance(partition, int):
        raise TypeError(f"partition must be an int, not {type(partition).__name__}")
    if not 0 <= partition < 2**31:
        raise ValueError(f"partition must be between 0 and {2**31 - 1}, not {partition}")
    return partition


def only_message(message: ProducerMessage[Any, Any], *others: object) -> ProducerMessage[Any, Any]:
    """Return the message; TypeError if the call gave anything beside it that belongs into it."""
    if any(other is not None and other is not MISSING for other in others):
        raise TypeError("with a ProducerMessage, key, value, headers, partition and timestamp belong into the message")
    return message


_LANES: Final[dict[type[Any], FastLane]] = {
    BytesSerializer: FastLane.BYTES,
    StringSerializer: FastLane.TEXT,
    AutoSerializer: FastLane.BOTH,
}
