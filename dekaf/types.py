"""The values callers give and receive: headers, timestamps, record metadata; reports and snapshots by import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final, TypeAlias, final, overload

from mypy_extensions import i64, mypyc_attr

from dekaf.errors import DekafError, ProduceError
from dekaf.reports import (
    BrokerInfo,
    ClusterDescription,
    ConnectionSecurity,
    DrainReport,
    PartitionInfo,
    ProducerState,
    ProducerStatus,
)

__all__ = (
    "Acks",
    "BrokerInfo",
    "ClusterDescription",
    "ConnectionSecurity",
    "DrainReport",
    "Field",
    "FlushTimeoutError",
    "Headers",
    "HeadersLike",
    "OnDelivery",
    "PartitionInfo",
    "ProduceAllError",
    "ProducerState",
    "ProducerStatus",
    "RecordMetadata",
    "SerializationContext",
    "Timestamp",
    "TopicPartition",
    "timestamp_to_ms",
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MAX_INT64: Final = 2**63 - 1

Timestamp: TypeAlias = datetime | int


class Acks(IntEnum):
    """Who must have a record before it counts as delivered."""

    ALL = -1
    NONE = 0
    LEADER = 1


@final
@mypyc_attr(acyclic=True)
class TopicPartition:
    """One partition of one topic; prints as Kafka does: ``orders-3``."""

    __slots__ = ("_partition", "_topic")

    def __init__(self, topic: str, partition: int) -> None:
        self._topic: str = topic
        self._partition: int = partition

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic

    @property
    def partition(self) -> int:
        """The partition's number, from 0."""
        return self._partition

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TopicPartition):
            return NotImplemented
        return self._partition == other._partition and self._topic == other._topic

    def __hash__(self) -> int:
        return hash((self._topic, self._partition))

    def __str__(self) -> str:
        return f"{self._topic}-{self._partition}"

    def __repr__(self) -> str:
        return f"TopicPartition(topic={self._topic!r}, partition={self._partition})"

    def __reduce__(self) -> tuple[type[TopicPartition], tuple[str, int]]:
        return TopicPartition, (self._topic, self._partition)


@final
@mypyc_attr(acyclic=True)
class RecordMetadata:
    """Where a delivered record landed.

    One is made per delivered record, hence a plain class: compiled, it costs a tenth of a ``NamedTuple``.
    """

    __slots__ = ("_offset", "_partition", "_timestamp_ms", "_topic")

    def __init__(self, topic: str, partition: i64, offset: i64, timestamp_ms: i64) -> None:
        self._topic: str = topic
        self._partition: i64 = partition
        self._offset: i64 = offset
        self._timestamp_ms: i64 = timestamp_ms

    @property
    def topic(self) -> str:
        """The topic the record was written to."""
        return self._topic

    @property
    def partition(self) -> int:
        """The partition the record was written to."""
        return self._partition

    @property
    def offset(self) -> int:
        """The record's offset in its partition; -1 when not known, which is always so with ``Acks.NONE``."""
        return self._offset

    @property
    def has_offset(self) -> bool:
        """Whether the offset is known."""
        return self._offset >= 0

    @property
    def timestamp_ms(self) -> int:
        """The record's timestamp in milliseconds since 1970; the broker's if the topic uses ``LogAppendTime``."""
        return self._timestamp_ms

    @property
    def timestamp(self) -> datetime:
        """The record's timestamp as an aware datetime in UTC."""
        return _EPOCH + timedelta(milliseconds=int(self._timestamp_ms))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordMetadata):
            return NotImplemented
        return (
            self._offset == other._offset
            and self._partition == other._partition
            and self._timestamp_ms == other._timestamp_ms
            and self._topic == other._topic
        )

    def __hash__(self) -> int:
        return hash((self._topic, self._partition, self._offset))

    def __repr__(self) -> str:
        return (
            f"RecordMetadata(topic={self._topic!r}, partition={self._partition}, "
            f"offset={self._offset}, timestamp_ms={self._timestamp_ms})"
        )

    def __reduce__(self) -> tuple[type[RecordMetadata], tuple[str, int, int, int]]:
        return RecordMetadata, (self._topic, self._partition, self._offset, self._timestamp_ms)

    def as_dict(self) -> dict[str, Any]:
        """Return topic, partition, offset, timestamp_ms, and timestamp in ISO 8601, as JSON takes them."""
        return {
            "topic": self._topic,
            "partition": self._partition,
            "offset": self._offset,
            "timestamp_ms": self._timestamp_ms,
            "timestamp": self.timestamp.isoformat(),
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any:
        # Said in full: of a compiled class pydantic could read neither annotations nor fields.
        from dekaf._json_schemas import record_metadata_schema  # noqa: PLC0415 - pydantic's library takes 50 ms

        return record_metadata_schema(RecordMetadata, write=RecordMetadata.as_dict, make=RecordMetadata)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any, /) -> dict[str, Any]:
        from dekaf._json_schemas import record_metadata_description  # noqa: PLC0415 - as above

        return record_metadata_description()

    @property
    def __pydantic_serializer__(self) -> Any:
        from dekaf._json_schemas import serializer_of  # noqa: PLC0415 - as above

        return serializer_of(RecordMetadata)


@final
class Headers(Sequence[tuple[str, bytes | None]]):
    """The headers of a message: an immutable sequence of ``(name, value)`` in which a name may occur repeatedly.

    Example:
        >>> headers = Headers.create().add("trace-id", "4bf92f35").add("attempt", b"1")
        >>> headers.get("trace-id")
        b'4bf92f35'

    Headers came with KIP-82: https://cwiki.apache.org/confluence/display/KAFKA/KIP-82+-+Add+Record+Headers
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str | bytes | None]] = ()) -> None:
        given: Iterable[object] = pairs  # compiled code would refuse a wrong element in its own words
        self._pairs: tuple[tuple[str, bytes | None], ...] = tuple([_checked_pair(pair) for pair in given])

    @staticmethod
    def create() -> Headers:
        """Return headers without any entry, to ``add`` to."""
        return _NO_HEADERS

    @staticmethod
    def of(headers: HeadersLike | None) -> Headers:
        """Return the headers that a mapping, pairs or headers stand for; a str value is encoded as UTF-8.

        Raises:
            TypeError: it is none of these, or a name or value has the wrong type.
            ValueError: an entry is not a pair, or a text cannot be encoded as UTF-8.
        """
        if headers is None:
            return _NO_HEADERS
        if isinstance(headers, Headers):
            return headers
        given: object = headers  # whatever the annotation says, callers pass anything
        if isinstance(given, dict):  # before Mapping: that look-up costs more than the rest
            return _headers_of(tuple([_header(name, value) for name, value in given.items()]))
        if isinstance(given, list | tuple):
            return Headers(given)
        if isinstance(given, Mapping):
            return Headers(given.items())
        if isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray | memoryview):
            return Headers(given)
        raise TypeError(f"headers must be a mapping, (name, value) pairs or Headers, not {type(headers).__name__}")

    def add(self, name: str, value: str | bytes | None) -> Headers:
        """Return new headers with this entry at the end; earlier entries of the same name stay."""
        return _headers_of((*self._pairs, _header(name, value)))

    def get(self, name: str) -> bytes | None:
        """Return the last value of this name; None if there is none, or if it is null."""
        for known, value in reversed(self._pairs):
            if known == name:
                return value
        return None

    def get_all(self, name: str) -> tuple[bytes | None, ...]:
        """Return all values of this name, in order."""
        return tuple([value for known, value in self._pairs if known == name])

    @property
    def pairs(self) -> tuple[tuple[str, bytes | None], ...]:
        """The entries as a plain tuple."""
        return self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[tuple[str, bytes | None]]:
        return iter(self._pairs)

    @overload
    def __getitem__(self, index: int) -> tuple[str, bytes | None]: ...
    @overload
    def __getitem__(self, index: slice) -> Headers: ...
    def __getitem__(self, index: int | slice) -> tuple[str, bytes | None] | Headers:
        if isinstance(index, slice):
            return Headers(self._pairs[index])
        return self._pairs[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        # Values are left out: headers carry tokens, and representations end up in logs.
        shown = [f"{name}: {'null' if value is None else f'{len(value)} bytes'}" for name, value in self._pairs]
        return f"Headers({', '.join(shown)})"

    def __reduce__(self) -> tuple[type[Headers], tuple[tuple[tuple[str, bytes | None], ...]]]:
        return Headers, (self._pairs,)


HeadersLike: TypeAlias = Headers | Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]


def _headers_of(pairs: tuple[tuple[str, bytes | None], ...]) -> Headers:
    """Return headers of entries that are checked already."""
    headers = Headers()
    headers._pairs = pairs  # noqa: SLF001 - the second constructor of the class above
    return headers


def _checked_pair(pair: object) -> tuple[str, bytes | None]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError("headers must be (name, value) pairs")
    return _header(pair[0], pair[1])


def _header(name: object, value: object) -> tuple[str, bytes | None]:
    """Check one entry, and encode its value."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a header must be str, not {type(name).__name__}")
    if not name.isascii():
        _utf8(name, None)
    if value is None or isinstance(value, bytes):
        return name, value
    if isinstance(value, str):
        return name, _utf8(value, name)
    raise TypeError(f"header {name!r} must be str, bytes or None, not {type(value).__name__}")


def _utf8(text: str, name: str | None) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # raised below, outside of this block, because the original error holds the text
    what = "the name of a header" if name is None else f"header {name!r}"
    raise ValueError(f"{what} cannot be encoded as UTF-8: it contains a lone surrogate")


_NO_HEADERS: Final = Headers()


class Field(StrEnum):
    """Which part of a message a serializer works on."""

    KEY = "key"
    VALUE = "value"


@final
class SerializationContext:
    """What a serializer is told besides the object: the topic, the field and the message's headers.

    Shared by all messages of a topic and field that have no headers; hence read-only.
    """

    __slots__ = ("_field", "_headers", "_topic")

    def __init__(self, topic: str, field: Field, headers: Headers = _NO_HEADERS) -> None:
        self._topic: str = topic
        self._field: Field = field
        self._headers: Headers = headers

    @property
    def topic(self) -> str:
        """The topic the message goes to."""
        return self._topic

    @property
    def field(self) -> Field:
        """Whether the key or the value is to be serialized."""
        return self._field

    @property
    def headers(self) -> Headers:
        """The message's headers."""
        return self._headers

    def __repr__(self) -> str:
        return f"SerializationContext(topic={self._topic!r}, field={self._field.value!r}, headers={self._headers!r})"


def timestamp_to_ms(value: Timestamp) -> int:
    """Return a timestamp as milliseconds since 1970, rounded down.

    Args:
        value: an aware datetime, or an int that already is milliseconds since 1970.

    Raises:
        ValueError: the timestamp is naive, a bool, negative or too large for Kafka's int64.
        TypeError: it is neither a datetime nor an int.
    """
    if isinstance(value, bool):
        # A ValueError, because a bool is an int by type.
        raise ValueError("timestamp must be an aware datetime or milliseconds, not bool")  # noqa: TRY004 - see above
    if isinstance(value, int):  # before datetime, whose class has to be looked up
        milliseconds = int(value)
    elif isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("timestamp must be an aware datetime, for instance datetime.now(UTC); this one is naive")
        milliseconds = (value - _EPOCH) // _MILLISECOND
    else:
        raise TypeError(f"timestamp must be an aware datetime or milliseconds as int, not {type(value).__name__}")
    if milliseconds < 0:
        raise ValueError("timestamp must not lie before 1970")
    if milliseconds > _MAX_INT64:
        raise ValueError("timestamp must fit into 64 bits: give milliseconds since 1970")
    return milliseconds


OnDelivery: TypeAlias = Callable[[RecordMetadata | None, ProduceError | None], object]


@mypyc_attr(native_class=False)
class FlushTimeoutError(DekafError, TimeoutError):
    """The flush did not finish in time; ``report`` says how far it came. Nothing is lost: sending goes on."""

    def __init__(self, message: str, report: DrainReport) -> None:
        super().__init__(message)
        self.message = message
        self.report = report

    def __str__(self) -> str:
        return f"{self.message}: {self.report}"

    def __reduce__(self) -> tuple[type[FlushTimeoutError], tuple[str, DrainReport]]:
        return type(self), (self.message, self.report)


@mypyc_attr(native_class=False)
class ProduceAllError(DekafError, ExceptionGroup[ProduceError]):
    """Some messages of ``produce_all`` failed; an exception group of their errors.

    Args:
        message: how many failed.
        failures: the errors; at least one.
        results: one `RecordMetadata` or `ProduceError` per message, in the order of the messages.
    """

    def __init__(
        self, message: str, failures: Sequence[ProduceError], *, results: Sequence[RecordMetadata | ProduceError]
    ) -> None:
        super().__init__(message, failures)
        self.results: tuple[RecordMetadata | ProduceError, ...] = tuple(results)

    @classmethod
    def of(cls, results: Sequence[RecordMetadata | ProduceError]) -> ProduceAllError:
        """Return the group of all errors among the results."""
        failures = [result for result in results if isinstance(result, ProduceError)]
        message = f"{len(failures)} of {len(results)} messages failed; .results has one outcome per message"
        return cls(message, failures, results=results)

    def derive(self, failures: Sequence[ProduceError], /) -> ProduceAllError:  # type: ignore[override]  # holds nothing else
        """Return a part of the group, as ``except*`` needs it; the results stay complete."""
        return ProduceAllError(self.message, failures, results=self.results)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _restore_produce_all_error, (self.message, self.exceptions, self.results)


def _restore_produce_all_error(
    message: str, failures: Sequence[ProduceError], results: Sequence[RecordMetadata | ProduceError]
) -> ProduceAllError:
    return ProduceAllError(message, failures, results=results)
