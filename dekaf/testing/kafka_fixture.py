"""KafkaFixture: what the ``kafka`` fixture of the pytest plugin is."""

from __future__ import annotations

import json
import struct
import threading
import time
import uuid
from collections import Counter
from typing import Any, Final, NamedTuple, Self, Unpack

import pydantic_core
from typing_extensions import TypeVar

from dekaf.errors import BrokerConnectionError, ProduceError, ProducerClosedError
from dekaf.producer import AsyncProducer, Producer, ProducerConfig, ProducerOptions
from dekaf.producer._core.core import ProducerCore
from dekaf.producer.produced import MemoryPlace, ProducedMessages, RecordedMessage
from dekaf.registry import Override, override_everywhere
from dekaf.serialization import Serializer
from dekaf.types import Headers, HeadersLike

__all__ = ("KafkaFixture",)

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)

_NUMBERS: Final = (struct.Struct(">i"), struct.Struct(">q"))  # what the serializers of int write besides text
_DOUBLE: Final = struct.Struct(">d")
_SHOWN: Final = 20  # messages in a failed assertion
_FOR_CALLBACKS: Final = 1.0  # seconds for callbacks that still run when a test is over


class _Double(NamedTuple):
    config: ProducerConfig | None  # kept, so that no other one gets its id
    owner: AsyncProducer[Any, Any]


class _Anything:
    """A key, value or count that the assertion says nothing about; None means Kafka's null."""

    def __repr__(self) -> str:
        return "anything"


_ANYTHING: Final = _Anything()


class KafkaFixture:
    """Producers with ``backend="memory"`` in the place of all producers, and assertions about what went into them.

    It is what the ``kafka`` fixture of the pytest plugin is, and a context manager for everything else: while it lasts,
    whoever asks a registry for a producer gets one that keeps messages here. Each is configured as its alias is, so
    that it refuses what production refuses.

    Example:
        def test_paying_an_order_tells_the_world(kafka: KafkaFixture, client: Client) -> None:
            client.post("/orders/42/pay")

            kafka.assert_produced("orders", key="42", value={"state": "paid"}, headers={"source": "shop"})
    """

    def __init__(self) -> None:
        self.produced: Final = ProducedMessages(None)
        self._lock: Final = threading.RLock()  # guards what follows
        self._cores: Final[list[ProducerCore]] = []
        self._doubles: Final[dict[tuple[str, int], _Double]] = {}
        self._override: Override[KafkaFixture] | None = None

    def __enter__(self) -> Self:
        self._override = override_everywhere(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._override is not None:
            self._override.end()
        self._close()

    # Doubles.

    def producer(
        self,
        key: type[K] | Serializer[K] | str | None = None,
        value: type[V] | Serializer[V] | str | None = None,
        **options: Unpack[ProducerOptions],
    ) -> Producer[K, V]:
        """Return a producer to be handed in; what it produces is seen by the assertions.

        Args:
            key: The type of keys, or a serializer.
            value: The same for values.
            options: Those of `ProducerConfig`; it needs none.
        """
        return Producer(key=key, value=value, _core=self._core(self._config(options), None))

    def async_producer(
        self,
        key: type[K] | Serializer[K] | str | None = None,
        value: type[V] | Serializer[V] | str | None = None,
        **options: Unpack[ProducerOptions],
    ) -> AsyncProducer[K, V]:
        """Return a producer for coroutines to be handed in; otherwise as `producer`."""
        return AsyncProducer(key=key, value=value, _core=self._core(self._config(options), None))

    def double_for(self, alias: str, config: ProducerConfig | None) -> AsyncProducer[Any, Any]:
        """Return the producer that stands in for an alias of a registry, which asks for it.

        Args:
            alias: Whose; it is noted with the messages.
            config: How the alias is configured; None where nothing is.
        """
        with self._lock:
            double = self._doubles.get((alias, id(config)))
            if double is None:
                core = self._core(ProducerConfig(backend="memory") if config is None else config, alias)
                double = _Double(config, AsyncProducer(_core=core))
                self._doubles[alias, id(config)] = double
        return double.owner.typed()  # the owner is closed by the fixture alone

    def _config(self, options: ProducerOptions) -> ProducerConfig:
        options["backend"] = "memory"  # now, for nothing else needs no servers
        return ProducerConfig(**options)

    def _core(self, config: ProducerConfig, alias: str | None) -> ProducerCore:
        core = ProducerCore(config.with_options(backend="memory"), MemoryPlace(self.produced, alias))
        with self._lock:
            self._cores.append(core)
        return core

    def _close(self) -> None:
        with self._lock:
            cores = self._cores.copy()
            self._cores.clear()
            self._doubles.clear()
        for core in cores:
            core.flush_report(time.monotonic())  # failures that a test ordered are no news when it ends
            core.close(_FOR_CALLBACKS)

    def fail_next(
        self,
        topic: str | None,
        error: ProduceError | ProducerClosedError | type[ProduceError | ProducerClosedError],
        *,
        times: int = 1,
    ) -> None:
        """Let the next messages to a topic fail; see `dekaf.ProducedMessages.fail_next`."""
        self.produced.fail_next(topic, error, times=times)

    def fail_next_check(
        self, error: BrokerConnectionError | type[BrokerConnectionError] = BrokerConnectionError, *, times: int = 1
    ) -> None:
        """Let the next calls of ``check`` fail; see `dekaf.ProducedMessages.fail_next_check`."""
        self.produced.fail_next_check(error, times=times)

    def clear(self) -> None:
        """Forget all messages and everything ordered, for a test of several steps; offsets begin at 0 again."""
        self.produced.clear()

    # Assertions.

    def messages(self, topic: str | None = None) -> list[RecordedMessage]:
        """Return what was produced, to one topic or to all, in order."""
        return self.produced.messages if topic is None else self.produced.to_topic(topic)

    def assert_produced(
        self,
        topic: str,
        *,
        key: Any = _ANYTHING,
        value: Any = _ANYTHING,
        headers: HeadersLike | None = None,
        count: int | None = None,
    ) -> list[RecordedMessage]:
        """Check that messages like this were produced, and return them.

        Args:
            topic: the topic.
            key: bytes as they are, a str as UTF-8, None for no key; a number or a UUID in any form that a serializer
                writes; anything else, such as a dict, a dataclass or a pydantic model, as the JSON it stands for.
            value: the same for the value; None for a tombstone.
            headers: headers that must be there, beside any others.
            count: how many messages; at least one if left out.

        Raises:
            AssertionError: there are none, or not as many; the message shows what was produced.
        """
        __tracebackhide__ = True
        wanted = Headers.of(headers)
        found = [
            message
            for message in self.messages(topic)
            if _is_like(message.key, key) and _is_like(message.value, value) and _has(message.headers, wanted)
        ]
        if (count is None and found) or count == len(found):
            return found
        expected = {"key": key, "value": value, "headers": wanted.pairs or _ANYTHING}
        described = " with ".join(
            [repr(topic), *[f"{name} {given!r}" for name, given in expected.items() if given is not _ANYTHING]]
        )
        number = "at least 1 message" if count is None else f"{count} message{'' if count == 1 else 's'}"
        raise AssertionError(f"expected {number} to {described}, but there {_are(len(found))}.\n{self._seen(topic)}")

    def assert_nothing_produced(self, topic: str | None = None) -> None:
        """Check that no message was produced, to one topic or at all.

        Raises:
            AssertionError: there is one; the message shows what was produced.
        """
        __tracebackhide__ = True
        found = self.messages(topic)
        if found:
            where = "" if topic is None else f" to {topic!r}"
            raise AssertionError(f"expected no message{where}, but there {_are(len(found))}.\n{self._seen(topic)}")

    def _seen(self, topic: str | None) -> str:
        messages = self.messages()
        if not messages:
            return "Nothing was produced."
        shown = self.messages(topic)
        lines = [f"Produced to {topic or 'all topics'}: {len(shown) or 'nothing'}"]
        lines += [f"  {_line(message)}" for message in shown[:_SHOWN]]
        if len(shown) > _SHOWN:
            lines.append(f"  ... and {len(shown) - _SHOWN} more")
        others = Counter(message.topic for message in messages if message.topic != topic)
        if topic is not None and others:
            lines.append("Other topics: " + ", ".join(f"{name} ({count})" for name, count in sorted(others.items())))
        return "\n".join(lines)


def _is_like(actual: bytes | None, expected: object) -> bool:
    if expected is _ANYTHING:
        return True
    if actual is None or expected is None:
        return actual is None and expected is None
    if isinstance(expected, bytes | bytearray | memoryview):
        return actual == bytes(expected)
    if isinstance(expected, str):
        return actual == expected.encode()
    return actual in _binary_forms(expected) or _is_same_json(actual, expected)


def _binary_forms(expected: object) -> list[bytes]:
    """Return what serializers other than JSON write for a value."""
    if isinstance(expected, uuid.UUID):
        return [str(expected).encode()]
    if isinstance(expected, float):
        return [_DOUBLE.pack(expected)]
    if not isinstance(expected, int) or isinstance(expected, bool):
        return []
    forms = [str(expected).encode()]
    for number in _NUMBERS:
        try:
            forms.append(number.pack(expected))
        except struct.error:  # it does not fit
            continue
    return forms


def _is_same_json(actual: bytes, expected: object) -> bool:
    try:
        produced: object = json.loads(actual)
    except ValueError:
        return False
    wanted: object = json.loads(pydantic_core.to_json(expected, by_alias=True, inf_nan_mode="null"))
    # As text, for in Python 1 equals True.
    return json.dumps(produced, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _has(actual: Headers, wanted: Headers) -> bool:
    return all(pair in actual.pairs for pair in wanted.pairs)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count or 'none'}"


def _line(message: RecordedMessage) -> str:
    headers = f" headers={dict(message.headers.pairs)}" if message.headers else ""
    return f"{message.topic}-{message.partition} key={message.key!r} value={message.value!r}{headers}"
