"""Views of a producer that write to one topic; they own nothing, so there is nothing to close."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from typing import Any, Generic, Literal, final, overload

from typing_extensions import TypeVar

from dekaf.abc import AsyncKafkaProducer, DeliveryHandle, KafkaProducer
from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer._core.arguments import MISSING, check_value
from dekaf.types import DrainReport, HeadersLike, OnDelivery, RecordMetadata, Timestamp

__all__ = ("AsyncTopicProducer", "TopicProducer")

K_contra = TypeVar("K_contra", contravariant=True, default=Any)
V_contra = TypeVar("V_contra", contravariant=True, default=Any)


@final
class TopicProducer(Generic[K_contra, V_contra]):
    """What `Producer.for_topic` returns: the same calls without the topic.

    Args:
        producer: The producer, or a double of one.
        topic: The topic everything goes to.
    """

    def __init__(self, producer: KafkaProducer[K_contra, V_contra], topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def __repr__(self) -> str:
        return f"<TopicProducer {self._topic} of {self._producer!r}>"

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic

    @overload
    def produce(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    @overload
    def produce(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    def produce(  # noqa: PLR0913 # a message's own fields
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Produce one message and wait for its acknowledgement; as `Producer.produce`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            timeout: Seconds to wait; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then, and the call
                raises; in place of `produce_timeout_ms`.

        Returns:
            Where the message landed.

        Raises:
            ProduceError: It was not delivered, or (`may_be_persisted`) not certainly; the subclass says why.
            DeliveryTimeoutError: `timeout` ended first. The message stays accepted.
            ProducerClosedError: The producer was closed.
            BlockingCallError: This thread runs an event loop, or is the callback thread.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        return self._producer.produce(
            self._topic,
            key,
            value,
            headers=headers,
            partition=partition,
            timestamp=timestamp,
            timeout=timeout,
            deadline=deadline,
        )

    @overload
    def fire(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    @overload
    def fire(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    def fire(  # noqa: PLR0913 # a message's own fields
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message without waiting for the broker; as `Producer.fire`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None, on the producer's callback
                thread, in order per partition; without it, a failure is logged and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        self._producer.fire(
            self._topic,
            key,
            value,
            headers=headers,
            partition=partition,
            timestamp=timestamp,
            on_delivery=on_delivery,
            deadline=deadline,
        )

    @overload
    def submit(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle: ...
    @overload
    def submit(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle: ...
    def submit(
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle:
        """Hand over one message and return a handle on its outcome; as `Producer.submit`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            A handle whose `result(timeout)` returns where the message landed, or raises why it did not.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        return self._producer.submit(
            self._topic, key, value, headers=headers, partition=partition, timestamp=timestamp, deadline=deadline
        )

    @overload
    def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: Literal[False] = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata]: ...
    @overload
    def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: Literal[True],
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    @overload
    def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: bool,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: bool = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Produce many messages and wait for all of them; as `Producer.produce_all`.

        Args:
            pairs: A tuple of key and value for each message, in the order in which they are to be sent. Messages
                with headers go through the producer's own `produce_all`.
            return_exceptions: Put the errors of failed messages into the results instead of raising.
            timeout: Seconds to wait in all; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which what was not sent is withdrawn, and the call ends; in place of
                `produce_timeout_ms`.

        Returns:
            One result per message, in the same order.

        Raises:
            ProduceAllError: Some messages failed; its `results` has one outcome per message.
            TypeError: Something in `pairs` is not a tuple of two. What came before it stays accepted.
        """
        return self._producer.produce_all(
            _messages(self._topic, pairs),
            return_exceptions=return_exceptions,
            timeout=timeout,
            deadline=deadline,
        )

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Wait until everything the producer has accepted, for any topic, has an outcome; see `Producer.flush`."""
        return self._producer.flush(timeout)


@final
class AsyncTopicProducer(Generic[K_contra, V_contra]):
    """What `AsyncProducer.for_topic` returns: the same calls without the topic.

    Args:
        producer: The producer, or a double of one.
        topic: The topic everything goes to.
    """

    def __init__(self, producer: AsyncKafkaProducer[K_contra, V_contra], topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def __repr__(self) -> str:
        return f"<AsyncTopicProducer {self._topic} of {self._producer!r}>"

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic

    @overload
    async def produce(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    @overload
    async def produce(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    async def produce(  # noqa: PLR0913 # a message's own fields
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Produce one message and await its acknowledgement; as `AsyncProducer.produce`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            timeout: Seconds to wait; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then, and the call
                raises; in place of `produce_timeout_ms`.

        Returns:
            Where the message landed.

        Raises:
            ProduceError: It was not delivered, or (`may_be_persisted`) not certainly; the subclass says why.
            DeliveryTimeoutError: `timeout` ended first. The message stays accepted.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        return await self._producer.produce(
            self._topic,
            key,
            value,
            headers=headers,
            partition=partition,
            timestamp=timestamp,
            timeout=timeout,
            deadline=deadline,
        )

    @overload
    def fire(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    @overload
    def fire(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    def fire(  # noqa: PLR0913 # a message's own fields
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message without waiting for anything; as `AsyncProducer.fire`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None, in order per partition, on the
                event loop of this call; without it, a failure is logged and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There is no space, or others wait for it already.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        self._producer.fire(
            self._topic,
            key,
            value,
            headers=headers,
            partition=partition,
            timestamp=timestamp,
            on_delivery=on_delivery,
            deadline=deadline,
        )

    @overload
    async def submit(
        self,
        key: K_contra | None,
        value: V_contra | None,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]: ...
    @overload
    async def submit(
        self,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]: ...
    async def submit(
        self,
        key: K_contra | None = None,
        value: V_contra | None = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Wait for space only, and return an awaitable of the outcome; as `AsyncProducer.submit`.

        Args:
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            An awaitable that returns where the message landed, or raises why it did not.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        check_value(value)
        return await self._producer.submit(
            self._topic, key, value, headers=headers, partition=partition, timestamp=timestamp, deadline=deadline
        )

    @overload
    async def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]]
        | AsyncIterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: Literal[False] = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata]: ...
    @overload
    async def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]]
        | AsyncIterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: Literal[True],
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    @overload
    async def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]]
        | AsyncIterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: bool,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    async def produce_all(
        self,
        pairs: Iterable[tuple[K_contra | None, V_contra | None]]
        | AsyncIterable[tuple[K_contra | None, V_contra | None]],
        *,
        return_exceptions: bool = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Produce many messages and wait for all of them; as `AsyncProducer.produce_all`.

        Args:
            pairs: A tuple of key and value for each message, in the order in which they are to be sent; an async
                iterator will do, too. Messages with headers go through the producer's own `produce_all`.
            return_exceptions: Put the errors of failed messages into the results instead of raising.
            timeout: Seconds to wait in all; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which what was not sent is withdrawn, and the call ends; in place of
                `produce_timeout_ms`.

        Returns:
            One result per message, in the same order.

        Raises:
            ProduceAllError: Some messages failed; its `results` has one outcome per message.
            TypeError: Something in `pairs` is not a tuple of two. What came before it stays accepted.
        """
        messages = (
            _AwaitedMessages(self._topic, aiter(pairs))
            if isinstance(pairs, AsyncIterable)
            else _messages(self._topic, pairs)
        )
        return await self._producer.produce_all(
            messages, return_exceptions=return_exceptions, timeout=timeout, deadline=deadline
        )

    async def flush(self, timeout: float | None = None) -> DrainReport:
        """Wait until everything the producer has accepted, for any topic, has an outcome."""
        return await self._producer.flush(timeout)


@final
class _AwaitedMessages:
    """Messages to a topic, made of the pairs of an async iterator as they come."""

    def __init__(self, topic: str, pairs: AsyncIterator[object]) -> None:
        self._topic = topic
        self._pairs = pairs

    def __aiter__(self) -> _AwaitedMessages:
        return self

    async def __anext__(self) -> ProducerMessage[Any, Any]:
        return _message(self._topic, await anext(self._pairs))


def _messages(topic: str, pairs: Iterable[object]) -> Iterator[ProducerMessage[Any, Any]]:
    """Yield messages to a topic, made of pairs as they are asked for; a comprehension is a list in machine code."""
    for pair in pairs:
        yield _message(topic, pair)


def _message(topic: str, pair: object) -> ProducerMessage[Any, Any]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(f"produce_all of a topic takes tuples of key and value, not {type(pair).__name__}")
    return ProducerMessage(topic=topic, key=pair[0], value=pair[1])
