"""RecordingProducer and RecordingAsyncProducer: producers that remember messages instead of sending them.

Two faces of one double, each of which makes the other; they are long because of the three ways to call each method.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Iterable
from typing import Any, Generic, Literal, final, overload

from typing_extensions import TypeVar

from dekaf.errors import BlockingCallError, ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncTopicProducer, TopicProducer
from dekaf.producer._core.arguments import MISSING, check_callback
from dekaf.producer._waiting.delivery import DeliveryFuture
from dekaf.producer._waiting.timeouts import checked_deadline
from dekaf.producer.produced import RecordedMessage
from dekaf.serialization import Field, Serializer, serializer_for
from dekaf.testing.recording import Recording
from dekaf.testing.recording_desk import RecordingDesk
from dekaf.types import (
    ClusterDescription,
    DrainReport,
    HeadersLike,
    OnDelivery,
    PartitionInfo,
    ProduceAllError,
    ProducerStatus,
    RecordMetadata,
    Timestamp,
)

__all__ = ("RecordingAsyncProducer", "RecordingProducer")

logger = logging.getLogger("dekaf.testing.recording")

_RECORD_LIFE = 120.0  # seconds: the default of `delivery_timeout_ms`

K_contra = TypeVar("K_contra", contravariant=True, default=Any)
V_contra = TypeVar("V_contra", contravariant=True, default=Any)
K2 = TypeVar("K2")
V2 = TypeVar("V2")


@final
class RecordingProducer(Generic[K_contra, V_contra]):
    """A double of `dekaf.Producer` that remembers messages, serialized as they would go to Kafka.

    It satisfies `dekaf.abc.KafkaProducer`, so it can be given to whatever asks for one. Serializers run as in
    production: a value that cannot be serialized fails in the test.

    Args:
        key: the type of keys, or a serializer; without one, whatever `AutoSerializer` recognises.
        value: the same for values.
        recording: where messages go; a recording of its own if left out.
        allow_blocking_in_loop: let blocking calls pass on a thread that runs an event loop; off as in a producer.

    Example:
        producer = RecordingProducer(key=str, value=Order)
        OrderService(producer).pay("42")
        assert producer.messages[0].key == b"42"
    """

    def __init__(
        self,
        *,
        key: type[K_contra] | Serializer[K_contra] | str | None = None,
        value: type[V_contra] | Serializer[V_contra] | str | None = None,
        recording: Recording | None = None,
        allow_blocking_in_loop: bool = False,
    ) -> None:
        self._desk = RecordingDesk(
            serializer_for(key, Field.KEY), serializer_for(value, Field.VALUE), recording or Recording()
        )
        self._allow_blocking_in_loop = allow_blocking_in_loop
        self._is_view = False

    # What tests ask and order.

    @property
    def recording(self) -> Recording:
        """What it shares with its views."""
        return self._desk.recording

    @property
    def messages(self) -> list[RecordedMessage]:
        """The messages delivered, in order, those of its views included."""
        return self._desk.recording.messages

    def fail_next(self, topic: str | None, error: ProduceError | type[ProduceError], *, times: int = 1) -> None:
        """Let the next messages to a topic fail; see `Recording.fail_next`."""
        self._desk.recording.fail_next(topic, error, times=times)

    def clear(self) -> None:
        """Forget all messages and everything scripted."""
        self._desk.recording.clear()

    # Producing.

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
    def produce(  # noqa: PLR0913 - a call's own arguments
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Record one message; arguments and errors as for `dekaf.Producer.produce`."""
        _check_deadline(deadline)
        self._forbid_blocking("produce")
        return _or_raise(self._desk.take(topic, key, value, headers, partition, timestamp))

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
        """Record messages; arguments, results and errors as for `dekaf.Producer.produce_all`."""
        _check_deadline(deadline)
        self._forbid_blocking("produce_all")
        results = [self._desk.take_message(message) for message in messages]
        return _all_or_raise(results, return_exceptions=return_exceptions)

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
    def fire(  # noqa: PLR0913 - a call's own arguments
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Record one message and call ``on_delivery`` before returning."""
        _check_deadline(deadline)
        if on_delivery is not None:
            check_callback(on_delivery)
        outcome = self._desk.take(topic, key, value, headers, partition, timestamp, is_unheard=on_delivery is None)
        if on_delivery is not None:
            _tell(on_delivery, outcome)

    @overload
    def submit(
        self, message: ProducerMessage[K_contra, V_contra], /, *, deadline: float | None = None
    ) -> DeliveryFuture: ...
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
    ) -> DeliveryFuture: ...
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
    ) -> DeliveryFuture: ...
    def submit(  # noqa: PLR0913 # a message's own fields
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> DeliveryFuture:
        """Record one message and return a handle whose outcome is known already."""
        _check_deadline(deadline)
        outcome = self._desk.take(topic, key, value, headers, partition, timestamp)
        handle = DeliveryFuture(_topic_of(topic), DeliveryFuture.run_callbacks)
        if isinstance(outcome, ProduceError):
            handle.complete(None, outcome)
        else:
            handle.complete(outcome, None)
        return handle

    # Waiting, looking, closing.

    def start(self) -> None:
        """Do nothing: there is nothing to connect to."""
        self._desk.recording.check_open()

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Return what happened since the last report."""
        self._forbid_blocking("flush")
        return self._desk.recording.report()

    def close(self, timeout: float | None = None) -> DrainReport:
        """Accept nothing more, neither here nor in views; on a view it does nothing."""
        return self._desk.close(is_view=self._is_view)

    def check(self, timeout: float | None = None) -> ClusterDescription:
        """Describe a cluster without brokers."""
        self._forbid_blocking("check")
        return _NO_CLUSTER

    def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        """Return as many partitions as the recording has for every topic."""
        self._forbid_blocking("partitions_for")
        return self._desk.partitions_for(topic)

    def status(self) -> ProducerStatus:
        """Return a snapshot of the counters."""
        return self._desk.recording.status()

    # Views.

    def as_sync(self) -> RecordingProducer[K_contra, V_contra]:
        """Return this double."""
        return self

    def as_async(self) -> RecordingAsyncProducer[K_contra, V_contra]:
        """Return the double for coroutines with the same recording."""
        view: RecordingAsyncProducer[K_contra, V_contra] = RecordingAsyncProducer(
            key=self._desk.key.serializer, value=self._desk.value.serializer, recording=self._desk.recording
        )
        view._is_view = True  # noqa: SLF001 - the other face of the same double
        return view

    def typed(
        self, key: type[K2] | Serializer[K2] | None = None, value: type[V2] | Serializer[V2] | None = None
    ) -> RecordingProducer[K2, V2]:
        """Return a double of other types with the same recording."""
        view: RecordingProducer[K2, V2] = RecordingProducer(
            key=key,
            value=value,
            recording=self._desk.recording,
            allow_blocking_in_loop=self._allow_blocking_in_loop,
        )
        view._is_view = True
        return view

    def for_topic(self, topic: str) -> TopicProducer[K_contra, V_contra]:
        """Return a view that writes to one topic."""
        return TopicProducer(self, topic)

    def __enter__(self) -> RecordingProducer[K_contra, V_contra]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RecordingProducer {len(self.messages)} messages>"

    def _forbid_blocking(self, call: str) -> None:
        if not self._allow_blocking_in_loop and _running_loop() is not None:
            raise BlockingCallError(
                f"Producer.{call}() would block the event loop of this thread. Await AsyncProducer.{call}() instead, "
                "or run it through asyncio.to_thread()."
            )


@final
class RecordingAsyncProducer(Generic[K_contra, V_contra]):
    """A double of `dekaf.AsyncProducer` that remembers messages, serialized as they would go to Kafka.

    It satisfies `dekaf.abc.AsyncKafkaProducer`, so it can be given to whatever asks for one, on any event loop.

    Args:
        key: the type of keys, or a serializer; without one, whatever `AutoSerializer` recognises.
        value: the same for values.
        recording: where messages go; a recording of its own if left out.

    Example:
        producer = RecordingAsyncProducer(key=str, value=Order)
        await OrderService(producer).pay("42")
        assert producer.messages[0].key == b"42"
    """

    def __init__(
        self,
        *,
        key: type[K_contra] | Serializer[K_contra] | str | None = None,
        value: type[V_contra] | Serializer[V_contra] | str | None = None,
        recording: Recording | None = None,
    ) -> None:
        self._desk = RecordingDesk(
            serializer_for(key, Field.KEY), serializer_for(value, Field.VALUE), recording or Recording()
        )
        self._is_view = False

    # What tests ask and order.

    @property
    def recording(self) -> Recording:
        """What it shares with its views."""
        return self._desk.recording

    @property
    def messages(self) -> list[RecordedMessage]:
        """The messages delivered, in order, those of its views included."""
        return self._desk.recording.messages

    def fail_next(self, topic: str | None, error: ProduceError | type[ProduceError], *, times: int = 1) -> None:
        """Let the next messages to a topic fail; see `Recording.fail_next`."""
        self._desk.recording.fail_next(topic, error, times=times)

    def clear(self) -> None:
        """Forget all messages and everything scripted."""
        self._desk.recording.clear()

    # Producing.

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
    async def produce(  # noqa: PLR0913 - a call's own arguments
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> RecordMetadata:
        """Record one message; arguments and errors as for `dekaf.AsyncProducer.produce`."""
        _check_deadline(deadline)
        return _or_raise(self._desk.take(topic, key, value, headers, partition, timestamp))

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
        """Record messages; arguments, results and errors as for `dekaf.AsyncProducer.produce_all`."""
        _check_deadline(deadline)
        if isinstance(messages, AsyncIterable):
            results = [self._desk.take_message(message) async for message in messages]
        else:
            results = [self._desk.take_message(message) for message in messages]
        return _all_or_raise(results, return_exceptions=return_exceptions)

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
    def fire(  # noqa: PLR0913 - a call's own arguments
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: float | None = None,
    ) -> None:
        """Record one message; ``on_delivery`` is called by the running loop, or at once where none runs."""
        _check_deadline(deadline)
        if on_delivery is not None:
            check_callback(on_delivery)
        outcome = self._desk.take(topic, key, value, headers, partition, timestamp, is_unheard=on_delivery is None)
        if on_delivery is None:
            return
        loop = _running_loop()
        if loop is None:
            _tell(on_delivery, outcome)
        else:
            loop.call_soon(_tell, on_delivery, outcome)

    @overload
    async def submit(
        self, message: ProducerMessage[K_contra, V_contra], /, *, deadline: float | None = None
    ) -> asyncio.Future[RecordMetadata]: ...
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
    ) -> asyncio.Future[RecordMetadata]: ...
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
    ) -> asyncio.Future[RecordMetadata]: ...
    async def submit(  # noqa: PLR0913 # a message's own fields
        self,
        topic: str | ProducerMessage[K_contra, V_contra],
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: int | None = None,
        timestamp: Timestamp | None = None,
        deadline: float | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Record one message and return a future that is done already."""
        _check_deadline(deadline)
        outcome = self._desk.take(topic, key, value, headers, partition, timestamp)
        future: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        if isinstance(outcome, ProduceError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
        return future

    # Waiting, looking, closing.

    async def start(self) -> None:
        """Do nothing: there is nothing to connect to."""
        self._desk.recording.check_open()

    async def flush(self, timeout: float | None = None) -> DrainReport:
        """Return what happened since the last report."""
        return self._desk.recording.report()

    async def close(self, timeout: float | None = None) -> DrainReport:
        """Accept nothing more, neither here nor in views; on a view it does nothing."""
        return self._desk.close(is_view=self._is_view)

    async def check(self, timeout: float | None = None) -> ClusterDescription:
        """Describe a cluster without brokers."""
        return _NO_CLUSTER

    async def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        """Return as many partitions as the recording has for every topic."""
        return self._desk.partitions_for(topic)

    def status(self) -> ProducerStatus:
        """Return a snapshot of the counters."""
        return self._desk.recording.status()

    # Views.

    def as_async(self) -> RecordingAsyncProducer[K_contra, V_contra]:
        """Return this double."""
        return self

    def as_sync(self) -> RecordingProducer[K_contra, V_contra]:
        """Return the double for threads with the same recording."""
        view: RecordingProducer[K_contra, V_contra] = RecordingProducer(
            key=self._desk.key.serializer, value=self._desk.value.serializer, recording=self._desk.recording
        )
        view._is_view = True  # noqa: SLF001 - the other face of the same double
        return view

    def typed(
        self, key: type[K2] | Serializer[K2] | None = None, value: type[V2] | Serializer[V2] | None = None
    ) -> RecordingAsyncProducer[K2, V2]:
        """Return a double of other types with the same recording."""
        view: RecordingAsyncProducer[K2, V2] = RecordingAsyncProducer(
            key=key, value=value, recording=self._desk.recording
        )
        view._is_view = True
        return view

    def for_topic(self, topic: str) -> AsyncTopicProducer[K_contra, V_contra]:
        """Return a view that writes to one topic."""
        return AsyncTopicProducer(self, topic)

    async def __aenter__(self) -> RecordingAsyncProducer[K_contra, V_contra]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<RecordingAsyncProducer {len(self.messages)} messages>"


_NO_CLUSTER = ClusterDescription(cluster_id=None, controller_id=-1, brokers=())


def _or_raise(outcome: RecordMetadata | ProduceError) -> RecordMetadata:
    if isinstance(outcome, ProduceError):
        raise outcome
    return outcome


def _all_or_raise(
    results: list[RecordMetadata | ProduceError], *, return_exceptions: bool
) -> list[RecordMetadata | ProduceError]:
    if not return_exceptions and any(isinstance(result, ProduceError) for result in results):
        raise ProduceAllError.of(results)
    return results


def _tell(on_delivery: OnDelivery, outcome: RecordMetadata | ProduceError) -> None:
    """Call a callback; as in a producer, what it raises is logged and goes no further."""
    try:
        if isinstance(outcome, ProduceError):
            on_delivery(None, outcome)
        else:
            on_delivery(outcome, None)
    except Exception:
        logger.exception("An on_delivery callback raised")


def _topic_of(topic: str | ProducerMessage[Any, Any]) -> str:
    return topic if isinstance(topic, str) else topic.topic


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _check_deadline(deadline: object) -> None:
    """Refuse what a producer refuses; a double's messages never wait."""
    if deadline is not None:
        checked_deadline(deadline, _RECORD_LIFE)
