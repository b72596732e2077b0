"""Faces of producers that look at the context of each call: its prefix of topics, its headers, whether it produces."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator
from typing import Any, Final, final

from dekaf.contrib.django.context import ProduceContext, Suppressed, current_context, merged
from dekaf.errors import ConfigurationError
from dekaf.message import ProducerMessage
from dekaf.process_lock import ProcessLock
from dekaf.producer import AsyncTopicProducer, Producer, TopicProducer
from dekaf.registry import ProducerRegistry, disabled_producer
from dekaf.types import Headers

__all__ = ("ContextualAsyncProducer", "ContextualLookups", "ContextualProducer", "Requirement")


@final
class ContextualLookups:
    """Looks up producers where a context holds, or an alias requires one.

    Args:
        registry: The producers of the process.
        required: Aliases whose messages have to have a prefix.
    """

    def __init__(self, registry: ProducerRegistry, required: Collection[str]) -> None:
        self._registry: Final = registry
        self._required: Final = frozenset(required)
        self._lock: Final = ProcessLock()  # guards what follows
        self._disabled: Final[dict[str, Producer[Any, Any]]] = {}

    def producer(self, alias: str, key: Any, value: Any) -> ContextualProducer:
        """Return the producer for threads of an alias."""
        return ContextualProducer(
            self._registry.producer(alias, key, value),
            lambda: self._disabled_producer(alias).typed(key, value),
            Requirement(alias, is_required=alias in self._required),
        )

    def async_producer(self, alias: str, key: Any, value: Any) -> ContextualAsyncProducer:
        """Return the producer for coroutines of an alias."""
        return ContextualAsyncProducer(
            self._registry.async_producer(alias, key, value),
            lambda: self._disabled_producer(alias).typed(key, value).as_async(),
            Requirement(alias, is_required=alias in self._required),
        )

    def close(self) -> None:
        """End the producers that produced nothing."""
        with self._lock:
            for producer in self._disabled.values():
                producer.close(0)
            self._disabled.clear()

    def _disabled_producer(self, alias: str) -> Producer[Any, Any]:
        with self._lock:
            producer = self._disabled.get(alias)
            if producer is None:
                is_configured = alias in self._registry.aliases
                producer = disabled_producer(alias, self._registry.config(alias) if is_configured else None)
                self._disabled[alias] = producer
            return producer


@final
class Requirement:
    """Whether messages of an alias may go to topics without a prefix.

    Args:
        alias: The alias, for the error.
        is_required: Whether each message has to have one.
    """

    def __init__(self, alias: str, *, is_required: bool) -> None:
        self._alias: Final = alias
        self._is_required: Final = is_required

    def context(self) -> ProduceContext:
        """Return what holds for a call.

        Raises:
            ConfigurationError: A prefix is required, and there is none.
        """
        context = current_context() or ProduceContext()
        if self._is_required and context.topic_prefix is None:
            raise ConfigurationError(
                f"Topics of the alias {self._alias!r} must have a prefix (DEKAF_TOPIC_PREFIX_REQUIRED), and there is "
                "none: write `with produce_context(topic_prefix=...):` around it, in a middleware or a task."
            )
        return context


class _Contextual:
    """What both faces have in common.

    Args:
        producer: The producer, or a double of one.
        disabled: Returns one that takes everything and produces nothing.
        requirement: Of its alias.
    """

    def __init__(self, producer: Any, disabled: Callable[[], Any], requirement: Requirement) -> None:
        self._producer: Final = producer
        self._disabled: Final = disabled
        self._requirement: Final = requirement

    def __getattr__(self, name: str) -> Any:
        """Return what has nothing to do with topics: `status`, `flush`, `check`, `start`, `close`."""
        return getattr(self._producer, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._producer!r}>"

    def fire(self, topic: Any, *arguments: Any, **options: Any) -> None:
        """Hand over one message; as the producer's own."""
        context = self._requirement.context()
        self._one(context, "fire", topic, arguments, options)
        _count(context.suppressed)

    def _one(
        self, context: ProduceContext, call: str, topic: Any, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if isinstance(topic, ProducerMessage):
            topic = _moved(topic, context)
        else:
            topic = _prefixed(topic, context)
            if context.headers:
                options["headers"] = merged(context.headers, Headers.of(options.get("headers")))
        return getattr(self._target(context), call)(topic, *arguments, **options)

    def _target(self, context: ProduceContext) -> Any:
        return self._producer if context.suppressed is None else self._disabled()

    def typed(self, key: Any = None, value: Any = None) -> Any:
        """Return a view with types; as the producer's own."""
        return type(self)(
            self._producer.typed(key, value), lambda: self._disabled().typed(key, value), self._requirement
        )

    def as_sync(self) -> Any:
        """Return the face for threads."""
        return ContextualProducer(self._producer.as_sync(), lambda: self._disabled().as_sync(), self._requirement)

    def as_async(self) -> Any:
        """Return the face for coroutines."""
        return ContextualAsyncProducer(
            self._producer.as_async(), lambda: self._disabled().as_async(), self._requirement
        )


@final
class ContextualProducer(_Contextual):
    """Stands for a `Producer`."""

    def produce(self, topic: Any, *arguments: Any, **options: Any) -> Any:
        """Produce one message; as `Producer.produce`."""
        return self._counted("produce", topic, arguments, options)

    def submit(self, topic: Any, *arguments: Any, **options: Any) -> Any:
        """Hand over one message; as `Producer.submit`."""
        return self._counted("submit", topic, arguments, options)

    def _counted(self, call: str, topic: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        context = self._requirement.context()
        answer = self._one(context, call, topic, arguments, options)
        _count(context.suppressed)
        return answer

    def produce_all(self, messages: Iterable[Any], **options: Any) -> Any:
        """Produce many messages; as `Producer.produce_all`."""
        context = self._requirement.context()
        return self._target(context).produce_all(_all_moved(messages, context), **options)

    def partitions_for(self, topic: str, *, timeout: float | None = None) -> Any:
        """Return a topic's partitions; as `Producer.partitions_for`."""
        return self._producer.partitions_for(_prefixed(topic, self._requirement.context()), timeout=timeout)

    def for_topic(self, topic: str) -> TopicProducer[Any, Any]:
        """Return a view that writes to one topic."""
        return TopicProducer(self, topic)


@final
class ContextualAsyncProducer(_Contextual):
    """Stands for an `AsyncProducer`."""

    async def produce(self, topic: Any, *arguments: Any, **options: Any) -> Any:
        """Produce one message; as `AsyncProducer.produce`."""
        return await self._counted("produce", topic, arguments, options)

    async def submit(self, topic: Any, *arguments: Any, **options: Any) -> Any:
        """Hand over one message; as `AsyncProducer.submit`."""
        return await self._counted("submit", topic, arguments, options)

    async def _counted(self, call: str, topic: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        context = self._requirement.context()
        answer = await self._one(context, call, topic, arguments, options)
        _count(context.suppressed)
        return answer

    async def produce_all(self, messages: Iterable[Any] | AsyncIterable[Any], **options: Any) -> Any:
        """Produce many messages; as `AsyncProducer.produce_all`."""
        context = self._requirement.context()
        moved = (
            _all_moved_async(messages, context)
            if isinstance(messages, AsyncIterable)
            else _all_moved(messages, context)
        )
        return await self._target(context).produce_all(moved, **options)

    async def partitions_for(self, topic: str, *, timeout: float | None = None) -> Any:
        """Return a topic's partitions; as `AsyncProducer.partitions_for`."""
        return await self._producer.partitions_for(_prefixed(topic, self._requirement.context()), timeout=timeout)

    def for_topic(self, topic: str) -> AsyncTopicProducer[Any, Any]:
        """Return a view that writes to one topic."""
        return AsyncTopicProducer(self, topic)


def _prefixed(topic: Any, context: ProduceContext) -> Any:
    if context.topic_prefix is None or not isinstance(topic, str):  # the producer says what is wrong with it
        return topic
    return f"{context.topic_prefix}{topic}"


def _moved(message: Any, context: ProduceContext) -> Any:
    """Return a message to its topic with the prefix, with the context's headers; what is none, as it is."""
    if not isinstance(message, ProducerMessage):  # the producer refuses it
        return message
    return ProducerMessage(
        topic=_prefixed(message.topic, context),
        key=message.key,
        value=message.value,
        headers=merged(context.headers, message.headers),
        partition=message.partition,
        timestamp=message.timestamp,
    )


def _all_moved(messages: Iterable[Any], context: ProduceContext) -> Iterator[Any]:
    for message in messages:
        yield _moved(message, context)
        _count(context.suppressed)


async def _all_moved_async(messages: AsyncIterable[Any], context: ProduceContext) -> AsyncIterator[Any]:
    async for message in messages:
        yield _moved(message, context)
        _count(context.suppressed)


def _count(suppressed: Suppressed | None) -> None:
    if suppressed is not None:
        suppressed.add()
