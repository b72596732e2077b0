"""The interfaces that services, producers, views and test doubles share.

A service asks for one of these protocols and never learns which producer it was given:

    class OrderService:
        def __init__(self, producer: AsyncKafkaProducer[str, Order]) -> None: ...

None of them has ``close``: an injected producer is not the service's to close.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload, runtime_checkable

from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.metrics import ProducerMetrics
from dekaf.types import DrainReport, Headers, HeadersLike, OnDelivery, ProducerStatus, RecordMetadata, Timestamp

__all__ = (
    "AsyncKafkaProducer",
    "AsyncKafkaTopicProducer",
    "DeliveryHandle",
    "KafkaProducer",
    "KafkaTopicProducer",
    "OnUndelivered",
    "Partitioner",
    "ProducerListener",
    "RecordEvent",
    "RecordTracer",
    "Sleep",
)

K_contra = TypeVar("K_contra", contravariant=True)
V_contra = TypeVar("V_contra", contravariant=True)

# Called once by every way of closing that gives messages up, with exactly those: serialized, in order per partition,
# with the partition they were bound for unless it was never decided. Those whose request was under way may be in the
# log all the same (their own errors say so in `may_be_persisted`), so a caller who produces them again may produce them
# twice. It runs on the producer's callback thread, and closing waits for it up to `close_timeout_ms`.
OnUndelivered: TypeAlias = Callable[[Sequence[ProducerMessage[bytes, bytes]]], object]


@runtime_checkable
class DeliveryHandle(Protocol):
    """A record that was accepted and whose outcome will be known later."""

    def result(self, timeout: float | None = None) -> RecordMetadata:
        """Wait at most ``timeout`` seconds (None: as long as it takes) and return where the record landed.

        Raises:
            ProduceError: the record failed.
            DeliveryTimeoutError: the timeout ended first; the record stays accepted.
        """
        ...

    def done(self) -> bool:
        """Return whether the outcome is known."""
        ...

    def add_done_callback(self, callback: Callable[[DeliveryHandle], object], /) -> None:
        """Call ``callback(handle)`` once the outcome is known."""
        ...

    def as_concurrent(self) -> concurrent.futures.Future[RecordMetadata]:
        """Return a standard future of the same outcome, for code that expects one."""
        ...


class KafkaProducer(Protocol[K_contra, V_contra]):
    """A producer for threads: calls that wait block."""

    @overload
    def produce(
        self,
        message: ProducerMessage[K_contra, V_contra],
        /,
        *,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    @overload
    def produce(
        self,
        topic: str,
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
        topic: str,
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
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Write one message and wait for the brokers' acknowledgement.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            timeout: Seconds to wait, a float; what was accepted stays accepted. Default:
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
        raise NotImplementedError

    @overload
    def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: Literal[False] = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata]: ...
    @overload
    def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: Literal[True],
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    @overload
    def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: bool,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: bool = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Write many messages and wait for all of them.

        Args:
            messages: An iterable of `ProducerMessage`, in the order in which they are to be sent; an
                iterator is consumed as space becomes free.
            return_exceptions: Put the errors of failed messages into the results instead of raising; default: False.
            timeout: Seconds to wait in all, a float; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which what was not sent is withdrawn, and the call ends; in place of
                `produce_timeout_ms`.

        Returns:
            One result per message, in the same order.

        Raises:
            ProduceAllError: Some messages failed; its `results` has one outcome per message.
            BlockingCallError: This thread runs an event loop, or is the callback thread.
            TypeError: Something in `messages` is not a `ProducerMessage`. What came before it stays accepted.
        """
        raise NotImplementedError

    @overload
    def fire(
        self,
        message: ProducerMessage[K_contra, V_contra],
        /,
        *,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    @overload
    def fire(
        self,
        topic: str,
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
        topic: str,
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
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message without waiting for the brokers.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None; default: a failure is logged
                and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

    @overload
    def submit(
        self, message: ProducerMessage[K_contra, V_contra], /, *, deadline: float | None = None
    ) -> DeliveryHandle: ...
    @overload
    def submit(
        self,
        topic: str,
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
        topic: str,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle: ...
    def submit(  # noqa: PLR0913 # a message's own fields
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle:
        """Hand over one message and return a handle on its outcome.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            A `DeliveryHandle`, whose `result` returns the `RecordMetadata` or raises the `ProduceError`.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Send everything accepted before this call and wait at most ``timeout`` seconds for the outcomes.

        Raises:
            FlushTimeoutError: the time was over first; its ``report`` says how far it came.
        """
        ...

    def status(self) -> ProducerStatus:
        """Return a snapshot of the producer's state and counters; never blocks."""
        ...

    def metrics(self) -> ProducerMetrics:
        """Return what is counted and measured, by topic and by broker; never blocks."""
        ...


class AsyncKafkaProducer(Protocol[K_contra, V_contra]):
    """A producer for coroutines; it may be awaited from any number of event loops and threads."""

    @overload
    async def produce(
        self,
        message: ProducerMessage[K_contra, V_contra],
        /,
        *,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata: ...
    @overload
    async def produce(
        self,
        topic: str,
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
        topic: str,
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
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Write one message and await the brokers' acknowledgement.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            timeout: Seconds to wait, a float; what was accepted stays accepted. Default:
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
        raise NotImplementedError

    @overload
    async def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]] | AsyncIterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: Literal[False] = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata]: ...
    @overload
    async def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]] | AsyncIterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: Literal[True],
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    @overload
    async def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]] | AsyncIterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: bool,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata | ProduceError]: ...
    async def produce_all(
        self,
        messages: Iterable[ProducerMessage[K_contra, V_contra]] | AsyncIterable[ProducerMessage[K_contra, V_contra]],
        *,
        return_exceptions: bool = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Write many messages and await all of them.

        Args:
            messages: An iterable of `ProducerMessage`, in the order in which they are to be sent; an
                asynchronous one will do, too.
            return_exceptions: Put the errors of failed messages into the results instead of raising; default: False.
            timeout: Seconds to wait in all, a float; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which what was not sent is withdrawn, and the call ends; in place of
                `produce_timeout_ms`.

        Returns:
            One result per message, in the same order.

        Raises:
            ProduceAllError: Some messages failed; its `results` has one outcome per message.
            TypeError: Something in `messages` is not a `ProducerMessage`. What came before it stays accepted.
        """
        raise NotImplementedError

    @overload
    def fire(
        self,
        message: ProducerMessage[K_contra, V_contra],
        /,
        *,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None: ...
    @overload
    def fire(
        self,
        topic: str,
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
        topic: str,
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
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message without waiting for anything, not even for space; not a coroutine.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None; default: a failure is logged
                and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There is no space, or others wait for it already.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

    @overload
    async def submit(
        self, message: ProducerMessage[K_contra, V_contra], /, *, deadline: float | None = None
    ) -> Awaitable[RecordMetadata]: ...
    @overload
    async def submit(
        self,
        topic: str,
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
        topic: str,
        *,
        value: V_contra | None,
        key: K_contra | None = None,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]: ...
    async def submit(  # noqa: PLR0913 # a message's own fields
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: K_contra | None = None,
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Wait for space in the buffer only, and return an awaitable of the outcome.

        Args:
            topic: The topic's name; or a whole `ProducerMessage`, in place of everything down to `timestamp`.
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            An awaitable of the `RecordMetadata`; awaiting it raises the `ProduceError` of a message that failed.

        Raises:
            BufferExhaustedError: There was no space in the buffer within `max_block_ms`.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

    async def flush(self, timeout: float | None = None) -> DrainReport:
        """Send everything accepted before this call and wait at most ``timeout`` seconds for the outcomes.

        Raises:
            FlushTimeoutError: the time was over first; its ``report`` says how far it came.
        """
        ...

    def status(self) -> ProducerStatus:
        """Return a snapshot of the producer's state and counters; never blocks."""
        ...

    def metrics(self) -> ProducerMetrics:
        """Return what is counted and measured, by topic and by broker; never blocks."""
        ...


class KafkaTopicProducer(Protocol[K_contra, V_contra]):
    """A thread producer's view of one topic: what ``for_topic`` returns."""

    @property
    def topic(self) -> str:
        """The topic every message goes to."""
        ...

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Write one message to the topic and wait for the brokers' acknowledgement.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            timeout: Seconds to wait, a float; what was accepted stays accepted. Default:
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
        raise NotImplementedError

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message to the topic without waiting for the brokers.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None; default: a failure is logged
                and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryHandle:
        """Hand over one message to the topic and return a handle on its outcome.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            A `DeliveryHandle`, whose `result` returns the `RecordMetadata` or raises the `ProduceError`.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

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
        """Produce many messages and wait for all of them.

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
        raise NotImplementedError

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Send everything accepted before this call and wait at most ``timeout`` seconds for the outcomes.

        Raises:
            FlushTimeoutError: the time was over first; its ``report`` says how far it came.
        """
        ...


class AsyncKafkaTopicProducer(Protocol[K_contra, V_contra]):
    """A coroutine producer's view of one topic: what ``for_topic`` returns."""

    @property
    def topic(self) -> str:
        """The topic every message goes to."""
        ...

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Write one message to the topic and await the brokers' acknowledgement.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            timeout: Seconds to wait, a float; what was accepted stays accepted. Default:
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
        raise NotImplementedError

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Hand over one message to the topic without waiting for anything, not even for space; not a coroutine.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None; default: a failure is logged
                and counted in `status()`.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There is no space, or others wait for it already.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

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
        value: V_contra | None = ...,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Wait for space in the buffer only, and return an awaitable of the outcome of a message to the topic.

        Args:
            key: Of the producer's type of keys. It decides the partition; default: None, the partitioner decides.
            value: Of the producer's type of values, or None: Kafka's null, a tombstone. Required.
            headers: `Headers`, a mapping, or pairs of name (str) and value (str, bytes or None); default: none.
            partition: The number of the partition to write to; default: the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970 as int; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            An awaitable of the `RecordMetadata`; awaiting it raises the `ProduceError` of a message that failed.

        Raises:
            BufferExhaustedError: There was no space in the buffer within `max_block_ms`.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        raise NotImplementedError

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
        """Produce many messages and wait for all of them.

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
        raise NotImplementedError

    async def flush(self, timeout: float | None = None) -> DrainReport:
        """Send everything accepted before this call and wait at most ``timeout`` seconds for the outcomes.

        Raises:
            FlushTimeoutError: the time was over first; its ``report`` says how far it came.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """What became of one record, for `ProducerListener.on_record_delivered` and `on_record_failed`.

    Args:
        topic: Where it was to go.
        partition: Which one was chosen; None if that was never decided.
        key: Serialized.
        headers: As they were sent.
        latency: Seconds from the call until the outcome was known.
        metadata: Where it landed; None if it failed.
        error: Why it failed; None if it was delivered.
    """

    topic: str
    partition: int | None
    key: bytes | None
    headers: Headers
    latency: float
    metadata: RecordMetadata | None = None
    error: BaseException | None = None


class ProducerListener:
    """Hooks for tracing and metrics: derive from it, and override what you need.

    A hook that is not overridden costs nothing. Every record that was accepted is told of once, by `on_acknowledged` or
    `on_error`, in order per partition, through whichever face and call it came; a record that a call refuses by raising
    was never accepted, and its caller knows already. `on_send` runs on the thread of the call. The others run on the
    producer's callback thread, after the `on_delivery` callbacks of threads for the same records, so no socket waits
    for them; `flush` does not wait for them either, and `close` only while it has time.

    `on_record_delivered` and `on_record_failed` tell more of a record, which is kept until its outcome is known if one
    of them is overridden: it takes 256 bytes of `buffer_memory`, and those of key and headers once more.

    Hooks must be quick: what they do not keep up with piles up in memory. An exception in one is contained, and logged
    at most every ten seconds per topic. From any hook `fire`, `submit` and `status` are legal; a hook that produces
    should leave out the messages it produces itself, or it will never be done. On the callback thread, calls that wait,
    such as `produce`, raise BlockingCallError at once.
    """

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        """Called before a message is serialized and accepted; return headers to send instead of these.

        Serializers see what is returned. The message may still be refused: when it is too large, for one.
        """

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        """Called once for every record delivered."""

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        """Called once for every accepted record that failed; `partition` is None if it was never decided."""

    def on_record_delivered(self, event: RecordEvent) -> None:
        """Called once for every record delivered, with its key, headers and latency."""

    def on_record_failed(self, event: RecordEvent) -> None:
        """Called once for every accepted record that failed, with its key, headers and latency."""

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        """Called for every batch handed to a connection, retries included."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """What `RecordTracer.start` returns while no record is of interest to it.

    Args:
        seconds: For how long it is not to be asked; records cost nothing meanwhile.
    """

    seconds: float


@runtime_checkable
class RecordTracer(Protocol):
    """Joins each record's call to its outcome; no base class is needed.

    One that is installed for the process sees the records of all its producers, also of those made before; a producer's
    own is asked instead. Whatever it raises is contained, and costs no record: it is counted in `metrics()`, and logged
    once.
    """

    def start(
        self, topic: str, key: Any, value: Any, headers: Headers, /
    ) -> tuple[Headers | None, object] | Headers | Sleep | None:
        """Called before a message is serialized, on the thread of the call; it should be quick.

        Args:
            topic: Where it is to go.
            key: As the caller gave it; never to be changed.
            value: The same.
            headers: As a listener's `on_send` left them.

        Returns:
            The headers to send (None: these) and a token for `finish`; the token takes `TOKEN_COST` bytes of
            `buffer_memory` until the outcome is known. Or headers alone, None, or a `Sleep`: `finish` is not called.
        """
        ...

    def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None, /) -> None:
        """Called exactly once for each token, with the outcome: one of the last two is None.

        On the producer's callback thread; if the call refuses the record, on the thread of the call. That a caller
        waits no longer is no outcome. A forked child finishes none of its parent's.
        """
        ...


@runtime_checkable
class Partitioner(Protocol):
    """What a user's partitioner looks like; no base class is needed.

    It is called on the caller's thread for every record without an explicit partition, so it should be quick. For
    records that were produced before the topic's partitions were known, it is called on a thread of its own.
    """

    def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
        """Return the partition of a record, 0 ≤ partition < `partition_count`.

        Args:
            topic: The topic's name.
            key: The serialized key, or None.
            partition_count: How many partitions the topic has, with or without a leader at the moment.

        Returns:
            The partition's number, or None to leave the choice to the built-in sticky partitioner.
        """
