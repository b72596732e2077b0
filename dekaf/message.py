"""ProducerMessage: one message to produce, checked when it is made."""

from __future__ import annotations

from typing import Any, Generic, Never, TypeVar, final, overload

from dekaf.types import Headers, HeadersLike, Timestamp, timestamp_to_ms

__all__ = ("ProducerMessage",)

K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)
K = TypeVar("K")
V = TypeVar("V")


@final
class ProducerMessage(Generic[K_co, V_co]):
    """One immutable message; its parts may be given by keyword, or with `create` by position.

    Args:
        topic: the topic's name.
        value: what to write. ``None`` writes a tombstone, so it has no default.
        key: decides the partition; ``None`` lets the partitioner choose.
        headers: a mapping, ``(name, value)`` pairs or `Headers`; copied.
        partition: writes to this partition instead of the partitioner's choice.
        timestamp: an aware datetime or milliseconds since 1970; the time of the call when left out.

    Raises:
        ValueError: the topic is empty, the partition cannot exist, or the timestamp is naive, a bool or negative.
        TypeError: an argument has the wrong type.

    Example:
        >>> ProducerMessage(topic="orders", key="42", value="paid", headers={"trace-id": "4bf92f35"})
        ProducerMessage(topic='orders', partition=None, timestamp=None, headers=Headers(trace-id: 8 bytes))
    """

    __slots__ = ("_headers", "_key", "_partition", "_timestamp", "_timestamp_ms", "_topic", "_value")

    def __init__(
        self,
        *,
        topic: str,
        value: V_co | None,
        key: K_co | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
    ) -> None:
        self._topic: str = _topic_of(topic)
        self._key: K_co | None = key
        self._value: V_co | None = value
        self._headers: Headers = Headers.of(headers)
        self._partition: int | None = _partition_of(partition)
        self._timestamp: Timestamp | None = timestamp
        self._timestamp_ms: int | None = None if timestamp is None else timestamp_to_ms(timestamp)

    @overload
    @staticmethod
    def create(
        topic: str,
        key: None,
        value: V | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
    ) -> ProducerMessage[Never, V]: ...
    @overload
    @staticmethod
    def create(
        topic: str,
        key: K | None,
        value: V | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
    ) -> ProducerMessage[K, V]: ...
    @staticmethod
    def create(
        topic: object,
        key: object,
        value: object,
        *,
        headers: HeadersLike | None = None,
        partition: object = None,
        timestamp: Timestamp | None = None,
    ) -> ProducerMessage[Any, Any]:
        """Return a message from topic, key and value by position; see the class for each of them."""
        return _new(topic, key, value, headers, partition, timestamp)

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic

    @property
    def key(self) -> K_co | None:
        """The key, not serialized."""
        return self._key

    @property
    def value(self) -> V_co | None:
        """The value, not serialized; None is a tombstone."""
        return self._value

    @property
    def headers(self) -> Headers:
        """The headers; empty if none were given."""
        return self._headers

    @property
    def partition(self) -> int | None:
        """The partition asked for; None leaves the choice to the partitioner."""
        return self._partition

    @property
    def timestamp(self) -> Timestamp | None:
        """The timestamp as it was given."""
        return self._timestamp

    @property
    def timestamp_ms(self) -> int | None:
        """The timestamp in milliseconds since 1970; None if none was given."""
        return self._timestamp_ms

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProducerMessage):
            return NotImplemented
        return (
            self._topic == other._topic
            and self._partition == other._partition
            and self._timestamp_ms == other._timestamp_ms
            and self._headers == other._headers
            and bool(self._key == other._key)
            and bool(self._value == other._value)
        )

    def __hash__(self) -> int:
        # Key and value stay out: a dict, a list or a model as value must not make the message unhashable.
        return hash((self._topic, self._partition, self._timestamp_ms, self._headers))

    def __repr__(self) -> str:
        # Key and value stay out: representations end up in logs.
        return (
            f"ProducerMessage(topic={self._topic!r}, partition={self._partition!r}, "
            f"timestamp={self._timestamp!r}, headers={self._headers!r})"
        )

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _new, (self._topic, self._key, self._value, self._headers, self._partition, self._timestamp)


def _new(
    topic: object,
    key: object,
    value: object,
    headers: HeadersLike | None,
    partition: object,
    timestamp: Timestamp | None,
) -> ProducerMessage[Any, Any]:
    return ProducerMessage(
        topic=_topic_of(topic),
        key=key,
        value=value,
        headers=headers,
        partition=_partition_of(partition),
        timestamp=timestamp,
    )


def _topic_of(topic: object) -> str:
    if not isinstance(topic, str):
        raise TypeError(f"topic must be str, not {type(topic).__name__}")
    if not topic:
        raise ValueError("topic must not be empty")
    return topic


def _partition_of(partition: object) -> int | None:
    if partition is None:
        return None
    if isinstance(partition, bool) or not isinstance(partition, int):
        raise TypeError(f"partition must be int or None, not {type(partition).__name__}")
    if not 0 <= partition < 2**31:
        raise ValueError(f"partition must be between 0 and {2**31 - 1}, not {partition}")
    return partition
