"""KafkaFixture: what the ``kafka`` fixture of the pytest plugin is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Self, Unpack

from typing_extensions import TypeVar

from dekaf.errors import BlockingCallError, BrokerConnectionError, ProduceError, ProducerClosedError
from dekaf.producer import AsyncProducer, Producer, ProducerConfig, ProducerOptions
from dekaf.producer._core.core import ProducerCore
from dekaf.producer.produced import MemoryPlace, ProducedMessages, RecordedMessage
from dekaf.real_kafka import GUARD
from dekaf.registry import Override, override_everywhere
from dekaf.serialization import Serializer
from dekaf.testing.expectation import Expectation, HeadersExpected, like, listing, shortfall
from dekaf.testing.matching import UNSAID
from dekaf.testing.topic_messages import TopicMessages

__all__ = ("KafkaFixture",)

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)

_FOR_CALLBACKS: Final = 1.0  # seconds for callbacks that still run when a test is over


class _Double(NamedTuple):
    config: ProducerConfig | None  # kept, so that no other one gets its id
    owner: AsyncProducer[Any, Any]


class KafkaFixture:
    """Producers with ``backend="memory"`` in the place of all producers, and assertions about what went into them.

    It is what the ``kafka`` fixture of the pytest plugin is, and a context manager for everything else: while it lasts,
    whoever asks a registry for a producer gets one that keeps messages here. Each is configured as its alias is, so
    that it refuses what production refuses.

    Example:
        def test_paying_an_order_tells_the_world(kafka: KafkaFixture, client: Client) -> None:
            client.post("/orders/42/pay")

            kafka.assert_produced("orders", key="42", value=including(state="paid"), headers={"source": "shop"})
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
            core.begin_flush(0.0).report()  # failures that a test ordered are no news when it ends
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

    def unavailable(self) -> AbstractContextManager[None]:
        """Let Kafka be away while the context lasts; see `dekaf.ProducedMessages.unavailable`."""
        return self.produced.unavailable()

    def clear(self) -> None:
        """Forget all messages and everything ordered, for a test of several steps; offsets begin at 0 again."""
        self.produced.clear()

    # Looking.

    def messages(self, topic: str | None = None) -> list[RecordedMessage]:
        """Return what was produced, to one topic or to all, in order."""
        return self.produced.messages if topic is None else self.produced.to_topic(topic)

    def topic(self, topic: str) -> TopicMessages:
        """Return what was produced to a topic: a sequence of messages, with `one()` for the only one."""
        return TopicMessages(topic, self.messages())

    # Assertions.

    def assert_produced(  # noqa: PLR0913 - what a message consists of
        self,
        topic: str,
        *,
        key: object = UNSAID,
        value: object = UNSAID,
        headers: HeadersExpected | None = None,
        where: Callable[[RecordedMessage], object] | None = None,
        alias: str | None = None,
        count: int | None = None,
    ) -> list[RecordedMessage]:
        """Check that messages like this were produced, and return them.

        Args:
            topic: The topic.
            key: Bytes as they are, a str as UTF-8, None for no key; a number or a UUID in any form that a serializer
                writes; a function that is given the key as text.
            value: The same for the value, None for a tombstone; a dict, a dataclass or a pydantic model is compared as
                the JSON it stands for, with `ANY` and functions in any field; `including` names some fields; a
                function is given the value read as JSON.
            headers: Headers that must be there, beside any others.
            where: A function that is given the whole message.
            alias: Whose producer it was.
            count: How many messages; at least one if left out.

        Raises:
            AssertionError: There are none, or not as many; the text shows the nearest message, in what it differs, and
                what else was produced.
        """
        __tracebackhide__ = True
        expected = like(topic, key=key, value=value, headers=headers, where=where, alias=alias)
        return self._checked(expected, self.messages(), count)

    def assert_nothing_produced(self, topic: str | None = None) -> None:
        """Check that no message was produced, to one topic or at all.

        Raises:
            AssertionError: There is one; the text shows what was produced.
        """
        __tracebackhide__ = True
        messages = self.messages()
        found = sum(topic is None or message.topic == topic for message in messages)
        if found:
            where = "" if topic is None else f" to {topic!r}"
            first = f"expected no message{where}, but there {'is 1' if found == 1 else f'are {found}'}."
            raise AssertionError("\n".join([first, *listing(messages, topic)]))

    def assert_in_order(self, *expected: Expectation) -> list[RecordedMessage]:
        """Check that messages were produced in this order, to whatever topics, with any others in between.

        Args:
            expected: What `like` returns.

        Returns:
            The messages, one for each expectation.

        Raises:
            AssertionError: One did not come after the one before it.

        Example:
            >>> kafka.assert_in_order(like("orders", key="42"), like("payments", value=including(order="42")))
        """
        __tracebackhide__ = True
        messages = self.messages()
        found: list[RecordedMessage] = []
        left = iter(messages)
        for step, one in enumerate(expected, start=1):
            message = next((message for message in left if one.is_met_by(message)), None)
            if message is None:
                after = f" after {expected[step - 2]}" if step > 1 else ""
                text = f"expected, as number {step} of {len(expected)}, a message to {one}{after}, but there is none."
                raise AssertionError("\n".join([text, *listing(messages, None), *GUARD.hints()]))
            found.append(message)
        return found

    # Waiting for what comes late.

    def wait_for(  # noqa: PLR0913 - what a message consists of
        self,
        topic: str,
        *,
        key: object = UNSAID,
        value: object = UNSAID,
        headers: HeadersExpected | None = None,
        where: Callable[[RecordedMessage], object] | None = None,
        alias: str | None = None,
        count: int | None = None,
        timeout: float = 5.0,
    ) -> list[RecordedMessage]:
        """Wait until messages like this were produced, by a thread, a task or a server that is still at it.

        Args:
            topic: This and the others as for `assert_produced`; it is over as soon as there are ``count``.
            timeout: Seconds.

        Raises:
            AssertionError: There were not as many in time; or, in the end, more.
            BlockingCallError: This thread runs an event loop, which would stand still: await `await_for`.
        """
        __tracebackhide__ = True
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - as everywhere: it raises nothing
            raise BlockingCallError("wait_for() would stop the event loop of this thread: await kafka.await_for(...).")
        expected = like(topic, key=key, value=value, headers=headers, where=where, alias=alias)
        self._wait(expected, count, timeout)
        return self._checked(expected, self.messages(), count, within=f" within {timeout:g} s")

    async def await_for(  # noqa: PLR0913 - what a message consists of
        self,
        topic: str,
        *,
        key: object = UNSAID,
        value: object = UNSAID,
        headers: HeadersExpected | None = None,
        where: Callable[[RecordedMessage], object] | None = None,
        alias: str | None = None,
        count: int | None = None,
        timeout: float = 5.0,
    ) -> list[RecordedMessage]:
        """Wait without stopping the event loop; otherwise as `wait_for`."""
        __tracebackhide__ = True
        expected = like(topic, key=key, value=value, headers=headers, where=where, alias=alias)
        await asyncio.to_thread(self._wait, expected, count, timeout)
        return self._checked(expected, self.messages(), count, within=f" within {timeout:g} s")

    def _wait(self, expected: Expectation, count: int | None, timeout: float) -> None:
        def are_enough(messages: list[RecordedMessage]) -> bool:
            return sum(map(expected.is_met_by, messages)) >= (1 if count is None else count)

        self.produced.wait_until(are_enough, timeout)

    def _checked(
        self, expected: Expectation, messages: list[RecordedMessage], count: int | None, *, within: str = ""
    ) -> list[RecordedMessage]:
        __tracebackhide__ = True
        found = [message for message in messages if expected.is_met_by(message)]
        if (count is None and found) or count == len(found):
            return found
        raise AssertionError(shortfall(expected, messages, count, within))
