"""The producer for coroutines: how an event loop waits for space, and for an outcome; any number of loops at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Final, Generic, Literal, Never, Unpack, final, overload

from typing_extensions import TypeVar

from dekaf.abc import KafkaProducer
from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.metrics import ProducerMetrics
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._core.arguments import MISSING, no_message_error, topic_name
from dekaf.producer._core.closing import ClosingStep
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.faces import FACES
from dekaf.producer._core.flushing import FlushStep
from dekaf.producer._core.recipients import PRODUCE_ALL_WINDOW
from dekaf.producer._core.record_entry import RecordEntry
from dekaf.producer._core.refused_calls import check_available, tell_refused
from dekaf.producer._core.space import SpaceWait, exhausted_error
from dekaf.producer._engine.waiting_calls import RecordFate, limit_error
from dekaf.producer._waiting.delivery import still_waiting_error
from dekaf.producer._waiting.loop_waker import threadsafe_call
from dekaf.producer._waiting.mailbox import DEADLINE, LoopMailbox, OutcomeRoute
from dekaf.producer._waiting.timeouts import checked_deadline, checked_timeout
from dekaf.producer.config import ProducerConfig, ProducerOptions, config_error, configuration_of, positional_error
from dekaf.producer.masked import Masked
from dekaf.producer.produced import ProducedMessages
from dekaf.producer.topic_views import AsyncTopicProducer
from dekaf.serialization import Serializer, serializer_for
from dekaf.types import (
    ClusterDescription,
    DrainReport,
    Field,
    HeadersLike,
    OnDelivery,
    PartitionInfo,
    ProduceAllError,
    ProducerStatus,
    RecordMetadata,
    Timestamp,
)

__all__ = ("AsyncProducer",)

K_contra = TypeVar("K_contra", contravariant=True, default=Any)
V_contra = TypeVar("V_contra", contravariant=True, default=Any)
K2 = TypeVar("K2")
V2 = TypeVar("V2")


@final
class AsyncProducer(Generic[K_contra, V_contra]):
    """A Kafka producer for coroutines. One per process serves all event loops and lives as long as the application.

    It may be made anywhere, at import or outside a loop. Making one does no network I/O: it starts with the first
    message, or with `start()`. In a forked child it starts anew by itself. As an async context manager it closes at the
    end of the block.

    Args:
        key: The type of keys, or a `Serializer`; without one, `AutoSerializer` takes what it recognises.
        value: The same for values.
        config: A finished `ProducerConfig`, instead of options.
        options: The options of `ProducerConfig` as keywords.

    Raises:
        ConfigurationError: An option is unknown, wrong, or contradicts another; or threads are patched by eventlet.

    Example:
        >>> async with AsyncProducer(bootstrap_servers="localhost:9092", key=str, value=str) as producer:
        ...     metadata = await producer.produce("my-topic", "key", "value")
    """

    def __init__(
        self,
        *positional: Never,
        key: type[K_contra] | Serializer[K_contra] | str | None = None,
        value: type[V_contra] | Serializer[V_contra] | str | None = None,
        config: ProducerConfig | None = None,
        _core: ProducerCore | None = None,
        **options: Unpack[ProducerOptions],
    ) -> None:
        if positional:
            refusal = positional_error("AsyncProducer", positional)
            del positional, options  # a traceback may show local variables, and a password may be among these
            raise refusal
        if _core is None:
            given = Masked(config)
            config = None
            _core = ProducerCore(configuration_of(given, options))
        self._core = _core
        self._is_owner = _core.claim()
        self._entry = RecordEntry(
            _core,
            serializer_for(key if key is not None else _core.config.key, Field.KEY),
            serializer_for(value if value is not None else _core.config.value, Field.VALUE),
        )

    @classmethod
    def from_config(
        cls,
        config: ProducerConfig,
        key: type[K2] | Serializer[K2] | str | None = None,
        value: type[V2] | Serializer[V2] | str | None = None,
    ) -> AsyncProducer[K2, V2]:
        """Return a producer with this configuration; types given here win over the configuration's."""
        refusal = config_error(config)
        if refusal is not None:
            del config  # as above: it may be a mapping
            raise refusal
        return AsyncProducer(key=key, value=value, config=config)

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
    async def produce(  # noqa: PLR0913 # a message's own fields
        self,
        topic: object,
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: object = None,
        timestamp: Timestamp | None = None,
        timeout: object = None,
        deadline: object = None,
    ) -> RecordMetadata:
        """Produce one message and await the brokers' acknowledgement.

        Cancelling the task abandons the wait, never the message.

        Args:
            topic: The topic's name, or a whole `ProducerMessage`.
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
            ClusterUnavailableError: No broker has been reachable for `unavailable_after_ms`.
            DeliveryTimeoutError: `timeout` ended first. The message stays accepted.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        core = self._core
        if core.outage() is not None:
            check_available(core, topic, key, value, headers)
        mailbox = core.mailbox(asyncio.get_running_loop())
        route = mailbox.awaited.current
        wait: float | None = None
        if timeout is not None or deadline is not None:
            wait = checked_timeout(timeout)
            route = mailbox.awaited.bounded(None if deadline is None else checked_deadline(deadline, core.record_life))
        future = _future_of(mailbox)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, future, route)
        if deadline is not None:
            core.expect_end(route)
        if wait is not None:
            return await self._await_in_time(future, waiting, wait, topic_name(topic))
        if waiting is not None:
            await self._wait_for_space(waiting, None)
        core.end_if_unavailable()
        return await future

    async def _await_in_time(
        self,
        future: asyncio.Future[RecordMetadata],
        waiting: WaitingRecord | None,
        timeout: float,
        topic: str,
    ) -> RecordMetadata:
        deadline = time.monotonic() + timeout
        if waiting is not None:
            await self._wait_for_space(waiting, timeout)
        self._core.end_if_unavailable()
        # Not wait_for: it would cancel the future, and a failure would then count as unheard although this call raises.
        try:
            await asyncio.wait((future,), timeout=max(0.0, deadline - time.monotonic()))
        except BaseException:  # cancelled: the log and the counters hear of a failure from now on
            future.cancel()
            raise
        if not future.done():
            future.cancel()
            raise still_waiting_error(topic, timeout)
        return future.result()

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
        topic: object,
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: object = None,
        timestamp: Timestamp | None = None,
        on_delivery: OnDelivery | None = None,
        deadline: object = None,
    ) -> None:
        """Hand over one message without waiting for anything, not even for space; not a coroutine.

        Without `on_delivery`, a failure is logged and counted in `status()`.

        Args:
            topic: The topic's name, or a whole `ProducerMessage`.
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None, in order per partition, on the
                event loop of this call; without a running loop, on the producer's callback thread.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There is no space, or others wait for it already; or, with `on_delivery`, very many
                callbacks are still to run.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        core = self._core
        route = None
        if on_delivery is not None:
            loop = asyncio._get_running_loop()  # noqa: SLF001 # 20 ns, and None instead of an error outside a loop
            if loop is None:
                route, backlog = core.recipients.thread_callbacks, core.recipients.thread_backlog
            else:
                mailbox = core.mailbox(loop)
                route, backlog = mailbox.callbacks, mailbox.backlog
            if on_delivery is not route.checked:
                self._entry.check_callback(on_delivery, route if deadline is None else None)
            if backlog.is_full:
                try:
                    core.recipients.check_backlog(route, topic)
                except ProduceError as error:
                    tell_refused(core, topic, key, value, headers, error)
                    raise
        if deadline is not None:
            route = (route or core.recipients.nobody).until(checked_deadline(deadline, core.record_life), DEADLINE)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, on_delivery, route)
        if waiting is not None:
            refusal = exhausted_error(core, waiting.topic)
            waiting.refuse(refusal)
            raise refusal
        if deadline is not None and route is not None:
            core.expect_end(route)

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
        topic: object,
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: object = None,
        timestamp: Timestamp | None = None,
        deadline: object = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Wait for space only, and return a future of the outcome.

        Cancelling the future abandons the wait, never the message.

        Args:
            topic: The topic's name, or a whole `ProducerMessage`.
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Returns:
            A future of where the message landed; it raises why it did not.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`.
            ProduceError: The message could not be accepted for another reason.
        """
        mailbox = self._core.mailbox(asyncio.get_running_loop())
        future = _future_of(mailbox)
        route = mailbox.submitted
        if deadline is not None:
            route = route.until(checked_deadline(deadline, self._core.record_life), DEADLINE)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, future, route)
        if waiting is not None:
            await self._wait_for_space(waiting, None)
        if deadline is not None:
            self._core.expect_end(route)
        return future

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
        messages: Iterable[object] | AsyncIterable[object],
        *,
        return_exceptions: object = False,
        timeout: object = None,
        deadline: object = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Produce many messages and await all of them; an iterator is consumed as space becomes free.

        Args:
            messages: The messages, in the order in which they are to be sent; an async iterator will do, too.
            return_exceptions: Put the errors of failed messages into the results instead of raising.
            timeout: Seconds to wait in all; what was accepted stays accepted. Default:
                `produce_timeout_ms`, which works as a deadline.
            deadline: Seconds from now after which what was not sent is withdrawn, and the call ends; in place of
                `produce_timeout_ms`.

        Returns:
            One result per message, in the same order.

        Raises:
            ProduceAllError: Some messages failed; its `results` has one outcome per message.
            TypeError: Something in `messages` is not a `ProducerMessage`. What came before it stays accepted.
        """
        core = self._core
        wait = checked_timeout(timeout)
        mailbox = core.mailbox(asyncio.get_running_loop())
        under_way = _UnderWay(core, core.recipients.gathered(mailbox, wait, deadline, core.record_life), wait)
        try:
            if isinstance(messages, AsyncIterable):
                async for message in messages:
                    await self._hand_over(message, under_way)
            else:
                for message in messages:
                    await self._hand_over(message, under_way)
            results = await under_way.finish()
        finally:
            under_way.abandon()
        if not return_exceptions and any(isinstance(result, ProduceError) for result in results):
            raise ProduceAllError.of(results)
        return results

    async def _hand_over(self, message: object, under_way: _UnderWay) -> None:
        if not isinstance(message, ProducerMessage):
            raise no_message_error(message)
        await under_way.add(message, await self._try_submit(message, under_way))

    async def _try_submit(
        self, message: ProducerMessage[K_contra, V_contra], under_way: _UnderWay
    ) -> asyncio.Future[RecordMetadata] | ProduceError:
        core, route = self._core, under_way.route
        if route.ends_at <= time.monotonic():
            late = limit_error(message.topic, None, route, RecordFate.WITHDRAWN, None)
            tell_refused(core, message, None, MISSING, None, late)
            return late
        mailbox = core.mailbox(asyncio.get_running_loop())
        future = _future_of(mailbox)
        try:
            if core.outage() is not None:
                check_available(core, message, None, MISSING, None)
            waiting = self._entry.append_message(message, future, route)
            if waiting is not None:
                await self._wait_for_space(waiting, under_way.seconds_left())
            core.end_if_unavailable()
        except ProduceError as error:
            return error
        return future

    async def _wait_for_space(self, record: WaitingRecord, max_wait: float | None) -> None:
        try:
            wait = SpaceWait(self._core, record, max_wait)
            while True:
                gate = LoopGate()
                try:
                    wait.line_up(gate.open)
                    is_granted = await gate.wait(wait.seconds_left())
                except BaseException:  # the task was cancelled
                    wait.withdraw()
                    raise
                if wait.settle(is_granted=is_granted):
                    return
        except BaseException as error:
            record.refuse(error)
            raise

    # Waiting, looking, closing.

    async def start(self) -> None:
        """Connect now instead of with the first message; it does not wait for the connection."""
        self._core.start()

    async def flush(self, timeout: float | None = None) -> DrainReport:
        """Wait until everything accepted so far has an outcome, good or bad, and its callbacks have run.

        Nothing lingers meanwhile. The callbacks are those on this event loop; what there was to log is written, too.

        Args:
            timeout: Seconds to wait; default: as long as it takes, which `delivery_timeout_ms` bounds, and
                `close_timeout_ms` for callbacks and the log.

        Returns:
            How many messages were delivered, and how many failed, since the last report; `callbacks_pending` tells
            whether the time was enough for callbacks.

        Raises:
            FlushTimeoutError: `timeout` ended first; its `report` tells how far it came. The messages stay accepted.
        """
        flushing = self._core.begin_flush(checked_timeout(timeout), asyncio.get_running_loop())
        while flushing.step is not FlushStep.OVER:
            is_done = await LoopGate.opened_by(flushing.begin).wait(flushing.seconds_left())
            flushing.proceed(is_done=is_done)
        return flushing.report()

    async def close(self, timeout: float | None = None) -> DrainReport:
        """Deliver what was accepted, then end; never raises for what could not be delivered. On a view it does nothing.

        Args:
            timeout: Seconds to wait before giving up what is left; default: `close_timeout_ms`.

        Returns:
            What was delivered and what was not; the latter is logged as well.
        """
        core = self._core
        timeout = checked_timeout(timeout)
        if not self._is_owner:
            return DrainReport(delivered=0, failed=0, undelivered=0, elapsed=0.0)
        closing = core.begin_closing(timeout, asyncio.get_running_loop())
        try:
            while closing.step is not ClosingStep.OVER:
                await LoopGate.opened_by(closing.begin).wait(closing.seconds_left())
                closing.proceed()
        finally:  # also when the closing task is cancelled: half a close would leave the threads running
            closing.cut_short()
        return closing.report()

    async def check(self, timeout: float | None = None) -> ClusterDescription:
        """Ask the live cluster who it is, for a readiness probe.

        Args:
            timeout: Seconds to wait; default: `max_block_ms`.

        Raises:
            BrokerConnectionError: No broker answered in time; the cause tells why.
        """
        core = self._core
        checked = checked_timeout(timeout)
        wait = core.max_block if checked is None else checked
        check = core.cluster_check(wait)
        await LoopGate.opened_by(check.ask).wait(wait)
        return check.result()

    async def partitions_for(self, topic: str, *, timeout: float | None = None) -> tuple[PartitionInfo, ...]:
        """Return a topic's partitions and their leaders, asking the cluster if the topic is new.

        Args:
            topic: Its name.
            timeout: Seconds for asking; default: `max_block_ms`.

        Raises:
            UnknownTopicOrPartitionError: They could not be learned in time.
            TopicAuthorizationError: The cluster does not show the topic to this client.
            ClusterUnavailableError: No broker has been reachable for `unavailable_after_ms`.
            InvalidTopicError: It is not a name that a topic can have.
        """
        core = self._core
        seconds = checked_timeout(timeout)
        core.check_topic(topic)
        core.check_available(topic)
        engine = core.start()

        def ask(tell: Callable[[], None]) -> bool:
            return engine.when_known(topic, tell)

        await LoopGate.opened_by(ask).wait(core.max_block if seconds is None else seconds)
        return core.partitions_of(topic, seconds)

    def status(self) -> ProducerStatus:
        """Return a snapshot: buffer, connections, counters. It costs nothing and never blocks."""
        return self._core.status()

    def metrics(self) -> ProducerMetrics:
        """Return what is counted and measured, by topic and by broker; views share their producer's."""
        return self._core.metrics()

    @property
    def produced(self) -> ProducedMessages:
        """What was produced, by this producer and its views, with ``backend="memory"``.

        Raises:
            ConfigurationError: The backend is another one.
        """
        return self._core.produced()

    # Views.

    def as_sync(self) -> KafkaProducer[K_contra, V_contra]:
        """Return the face for threads of this same producer: one engine, one buffer."""
        return FACES.threads(self._core, self._entry.key.serializer, self._entry.value.serializer)

    def as_async(self) -> AsyncProducer[K_contra, V_contra]:
        """Return this producer."""
        return self

    def typed(
        self, key: type[K2] | Serializer[K2] | None = None, value: type[V2] | Serializer[V2] | None = None
    ) -> AsyncProducer[K2, V2]:
        """Return a view of this same producer with other types of keys and values."""
        return AsyncProducer(key=key, value=value, _core=self._core)

    def for_topic(self, topic: str) -> AsyncTopicProducer[K_contra, V_contra]:
        """Return a view of this same producer that writes to one topic.

        Raises:
            InvalidTopicError: It cannot be a topic's name.
        """
        self._core.check_topic(topic)
        return AsyncTopicProducer(self, topic)

    async def __aenter__(self) -> AsyncProducer[K_contra, V_contra]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("A producer cannot be copied or pickled: pass its options, and make one per process.")

    def __repr__(self) -> str:
        try:
            core = self._core
        except AttributeError:  # it could not be made, and a traceback shows it among local variables
            return "<AsyncProducer that was not made>"
        return f"<AsyncProducer {core.whereabouts()} {core.life.state.value}>"


async def close_all(producers: Iterable[AsyncProducer[Any, Any]], timeout: float | None = None) -> list[DrainReport]:
    """Close producers side by side: it takes as long as the slowest, not as all of them."""
    return await asyncio.gather(*[producer.close(timeout) for producer in producers])


@final
class LoopGate:
    """Where a coroutine waits until any thread opens it; made on the loop of that coroutine. See `ThreadGate`."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        # The mailboxes' way: what was told before this opens is known by then.
        self._call: Final = threadsafe_call(loop)
        self._future: asyncio.Future[None] = loop.create_future()

    @staticmethod
    def opened_by(start: Callable[[Callable[[], None]], bool]) -> LoopGate:
        """Return the gate of something that `start` starts; it is open where `start` answers that nothing would."""
        gate = LoopGate()
        if not start(gate.open):
            gate._complete()
        return gate

    def open(self) -> None:
        """Let the waiting coroutine go; from any thread. Opening an open gate does nothing."""
        try:
            self._call(self._complete)
        except RuntimeError:  # the loop is closed, and its coroutine with it
            return

    async def wait(self, timeout: float | None) -> bool:
        """Wait until it is open; False if `timeout` seconds, unless None, were over first."""
        if not self._future.done():  # or the loop would make a round for nothing
            await asyncio.wait((self._future,), timeout=None if timeout is None else max(0.0, timeout))
        return self._future.done()

    def _complete(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


def _future_of(mailbox: LoopMailbox) -> asyncio.Future[RecordMetadata]:
    future: asyncio.Future[RecordMetadata] = mailbox.loop.create_future()
    return future


@final
class _UnderWay:
    """The messages of one `produce_all` that are under way, and the results of those that were."""

    def __init__(self, core: ProducerCore, route: OutcomeRoute, timeout: float | None) -> None:
        self.route: Final = route
        self._core: Final = core
        self._give_up: Final = None if timeout is None else time.monotonic() + timeout
        self._timeout: Final = timeout
        self._results: list[RecordMetadata | ProduceError] = []
        self._topics: deque[str] = deque()
        self._handles: deque[asyncio.Future[RecordMetadata] | ProduceError] = deque()

    async def add(
        self, message: ProducerMessage[Any, Any], handle: asyncio.Future[RecordMetadata] | ProduceError
    ) -> None:
        """Take one more; beyond the window, await the oldest first."""
        self._handles.append(handle)
        self._topics.append(message.topic)
        if len(self._handles) >= PRODUCE_ALL_WINDOW:
            await self._take_oldest()

    def seconds_left(self) -> float | None:
        """Return how long the call may still wait by its timeout; None without one."""
        return None if self._give_up is None else self._give_up - time.monotonic()

    async def finish(self) -> list[RecordMetadata | ProduceError]:
        """Await the rest; return one result per message, in order."""
        while self._handles:
            await self._take_oldest()
        return self._results

    def abandon(self) -> None:
        """Stop waiting: an exception ended the call, and the caller will not see what is left."""
        for handle in self._handles:
            if not isinstance(handle, ProduceError):
                handle.cancel()

    async def _take_oldest(self) -> None:
        self._core.expect_end(self.route)
        handle = self._handles[0]
        result = handle if isinstance(handle, ProduceError) else await self._outcome(handle, self._topics[0])
        self._handles.popleft()  # only now: until then `abandon` has to find it
        self._topics.popleft()
        self._results.append(result)

    async def _outcome(self, handle: asyncio.Future[RecordMetadata], topic: str) -> RecordMetadata | ProduceError:
        if self._give_up is not None and not handle.done():
            await asyncio.wait((handle,), timeout=max(0.0, self._give_up - time.monotonic()))
            if not handle.done():
                handle.cancel()
                return still_waiting_error(topic, self._timeout or 0.0)
        try:
            return await handle
        except ProduceError as error:
            return error


def _over(core: ProducerCore, key: Serializer[Any], value: Serializer[Any]) -> AsyncProducer[Any, Any]:
    return AsyncProducer(key=key, value=value, _core=core)


FACES.coroutines = _over
