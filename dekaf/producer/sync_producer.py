"""The producer for threads: how a thread waits for space, and for an outcome."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, Never, Unpack, final, overload

from typing_extensions import TypeVar

from dekaf._threads.gate import ThreadGate
from dekaf.abc import AsyncKafkaProducer
from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.metrics import ProducerMetrics
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._core.arguments import MISSING, no_message_error, topic_name
from dekaf.producer._core.blocking import forbid_blocking, forbid_in_callback, stalls_a_loop
from dekaf.producer._core.closing import Closing, close_on_thread
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.faces import FACES
from dekaf.producer._core.flushing import flush_on_thread
from dekaf.producer._core.recipients import PRODUCE_ALL_WINDOW
from dekaf.producer._core.record_entry import RecordEntry
from dekaf.producer._core.refused_calls import check_available, tell_refused
from dekaf.producer._core.space import SpaceWait, exhausted_error
from dekaf.producer._engine.waiting_calls import RecordFate, limit_error
from dekaf.producer._waiting.delivery import DeliveryFuture
from dekaf.producer._waiting.mailbox import DEADLINE, OutcomeRoute
from dekaf.producer._waiting.timeouts import checked_deadline, checked_timeout
from dekaf.producer.config import ProducerConfig, ProducerOptions, config_error, configuration_of, positional_error
from dekaf.producer.masked import Masked
from dekaf.producer.produced import ProducedMessages
from dekaf.producer.topic_views import TopicProducer
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

__all__ = ("Producer",)

K_contra = TypeVar("K_contra", contravariant=True, default=Any)
V_contra = TypeVar("V_contra", contravariant=True, default=Any)
K2 = TypeVar("K2")
V2 = TypeVar("V2")


@final
class Producer(Generic[K_contra, V_contra]):
    """A Kafka producer for threads. One per process serves all threads and lives as long as the application.

    Making one does no network I/O: it starts with the first message, or with `start()`. In a forked child it starts
    anew by itself. As a context manager it closes at the end of the block.

    Args:
        key: The type of keys, or a `Serializer`; without one, `AutoSerializer` takes what it recognises.
        value: The same for values.
        config: A finished `ProducerConfig`, instead of options.
        options: The options of `ProducerConfig` as keywords.

    Raises:
        ConfigurationError: An option is unknown, wrong, or contradicts another; or threads are patched by eventlet.

    Example:
        >>> with Producer(bootstrap_servers="localhost:9092", key=str, value=str) as producer:
        ...     metadata = producer.produce("my-topic", "key", "value")
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
            refusal = positional_error("Producer", positional)
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
    ) -> Producer[K2, V2]:
        """Return a producer with this configuration; types given here win over the configuration's."""
        refusal = config_error(config)
        if refusal is not None:
            del config  # as above: it may be a mapping
            raise refusal
        return Producer(key=key, value=value, config=config)

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
    def produce(  # noqa: PLR0913 # a message's own fields
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
        """Produce one message and wait for the brokers' acknowledgement.

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
            BlockingCallError: This thread runs an event loop, or is the callback thread.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        core = self._core
        forbid_blocking(core, "produce")
        name = topic_name(topic)
        if core.outage() is not None:
            check_available(core, topic, key, value, headers)
        recipients = core.recipients
        if timeout is not None or deadline is not None:
            return self._produce_within(topic, key, value, headers, partition, timestamp, timeout, deadline)
        call = recipients.new_blocked_call(name)
        route = recipients.calls.current
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, call, route)
        if waiting is not None:
            self._wait_for_space(waiting, None)
        core.end_if_unavailable()
        return call.result_by(None, None)

    def _produce_within(  # noqa: PLR0913 # a call's own arguments
        self,
        topic: object,
        key: object,
        value: object,
        headers: HeadersLike | None,
        partition: object,
        timestamp: Timestamp | None,
        timeout: object,
        deadline: object,
    ) -> RecordMetadata:
        """Produce one message with limits of the call's own."""
        core = self._core
        wait = checked_timeout(timeout)
        assert timeout is None or isinstance(timeout, (int, float))  # or it would have been refused
        ends_in = None if deadline is None else checked_deadline(deadline, core.record_life)
        give_up = None if wait is None else time.monotonic() + wait
        call = core.recipients.new_blocked_call(topic_name(topic))
        route = core.recipients.calls.bounded(ends_in)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, call, route)
        if waiting is not None:
            self._wait_for_space(waiting, wait)
        core.expect_end(route)
        core.end_if_unavailable()
        return call.result_by(None if give_up is None else give_up - time.monotonic(), timeout)

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
        """Hand over one message without waiting for the broker.

        It waits up to `max_block_ms` for space in the buffer, and with `on_delivery` as long while very many callbacks
        are still to run; but not on the thread of an event loop or in a callback. Without `on_delivery`, a failure is
        logged and counted in `status()`.

        Args:
            topic: The topic's name, or a whole `ProducerMessage`.
            key: Decides the partition; None leaves that to the partitioner.
            value: None is Kafka's null, a tombstone; it has to be written out.
            headers: `Headers`, a mapping, or pairs of name and value.
            partition: Which partition to write to, instead of the partitioner's choice.
            timestamp: An aware datetime, or milliseconds since 1970; default: now.
            on_delivery: Called once as `on_delivery(metadata, error)`, one of them None, on the producer's callback
                thread, in order per partition.
            deadline: Seconds from now after which the message is withdrawn, unless it was sent by then; default:
                none but `delivery_timeout_ms`, its life.

        Raises:
            BufferExhaustedError: There was no space, or too many callbacks were still to run, within `max_block_ms`; or
                at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        route = None
        if on_delivery is not None:
            recipients = self._core.recipients
            route = recipients.thread_callbacks
            if on_delivery is not route.checked:
                self._entry.check_callback(on_delivery, route if deadline is None else None)
            if recipients.thread_backlog.is_full:
                try:
                    self._wait_for_callbacks(topic_name(topic), deadline)
                except ProduceError as error:
                    tell_refused(self._core, topic, key, value, headers, error)
                    raise
        if deadline is not None:
            seconds = checked_deadline(deadline, self._core.record_life)
            route = (route or self._core.recipients.nobody).until(seconds, DEADLINE)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, on_delivery, route)
        if waiting is not None:
            self._wait_for_space(waiting, None)
        if deadline is not None and route is not None:
            self._core.expect_end(route)

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
        topic: object,
        key: object = None,
        value: object = MISSING,
        *,
        headers: HeadersLike | None = None,
        partition: object = None,
        timestamp: Timestamp | None = None,
        deadline: object = None,
    ) -> DeliveryFuture:
        """Hand over one message and return a handle on its outcome.

        It waits for space in the buffer as `fire` does.

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
            A handle whose `result(timeout)` returns where the message landed, or raises why it did not.

        Raises:
            BufferExhaustedError: There was no space within `max_block_ms`, or none at all where it must not wait.
            ProduceError: The message could not be accepted for another reason.
            ProducerClosedError: The producer was closed.
            TypeError, ValueError: An argument is of the wrong type or out of range.
        """
        recipients = self._core.recipients
        delivery = recipients.new_delivery(topic_name(topic))
        route = recipients.deliveries
        if deadline is not None:
            route = route.until(checked_deadline(deadline, self._core.record_life), DEADLINE)
        waiting = self._entry.append(topic, key, value, headers, partition, timestamp, delivery, route)
        if waiting is not None:
            self._wait_for_space(waiting, None)
        if deadline is not None:
            self._core.expect_end(route)
        return delivery

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
        messages: Iterable[object],
        *,
        return_exceptions: object = False,
        timeout: object = None,
        deadline: object = None,
    ) -> list[RecordMetadata] | list[RecordMetadata | ProduceError]:
        """Produce many messages and wait for all of them; an iterator is consumed as space becomes free.

        Args:
            messages: The messages, in the order in which they are to be sent.
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
        forbid_blocking(core, "produce_all")
        wait = checked_timeout(timeout)
        give_up = None if wait is None else time.monotonic() + wait
        route = core.recipients.gathered(None, wait, deadline, core.record_life)
        results: list[RecordMetadata | ProduceError] = []
        under_way: deque[DeliveryFuture | ProduceError] = deque()
        try:
            for message in messages:
                if not isinstance(message, ProducerMessage):
                    raise no_message_error(message)
                under_way.append(self._try_submit(message, route, give_up))
                if len(under_way) >= PRODUCE_ALL_WINDOW:
                    core.expect_end(route)
                    results.append(_outcome(under_way.popleft(), give_up, wait))
            core.expect_end(route)
            while under_way:
                results.append(_outcome(under_way.popleft(), give_up, wait))
        finally:  # an exception ended the call, and the caller will not see what is left
            for handle in under_way:
                if not isinstance(handle, ProduceError):
                    handle.is_abandoned = True
        if not return_exceptions and any(isinstance(result, ProduceError) for result in results):
            raise ProduceAllError.of(results)
        return results

    def _try_submit(
        self, message: ProducerMessage[K_contra, V_contra], route: OutcomeRoute, give_up: float | None
    ) -> DeliveryFuture | ProduceError:
        core = self._core
        if route.ends_at <= time.monotonic():
            late = limit_error(message.topic, None, route, RecordFate.WITHDRAWN, None)
            tell_refused(core, message, None, MISSING, None, late)
            return late
        delivery = core.recipients.new_delivery(message.topic)
        try:
            if core.outage() is not None:
                check_available(core, message, None, MISSING, None)
            waiting = self._entry.append_message(message, delivery, route)
            if waiting is not None:
                self._wait_for_space(waiting, None if give_up is None else give_up - time.monotonic())
            core.end_if_unavailable()
        except ProduceError as error:
            return error
        return delivery

    def _wait_for_callbacks(self, topic: str, deadline: object) -> None:
        """Wait until fewer callbacks are due on the callback thread; not in a callback, which they wait for."""
        core = self._core
        core.renew_if_forked()  # the parent's are not the child's
        if core.life.callbacks.is_current():
            return
        backlog = core.recipients.thread_backlog
        if core.config.buffer_full != "block" or stalls_a_loop(core) or core.has_interrupted_itself():
            raise backlog.exhausted_error(topic, "this call does not wait")
        seconds = core.max_block
        if deadline is not None:
            seconds = min(seconds, checked_deadline(deadline, core.record_life))
        until = time.monotonic() + seconds
        while backlog.is_full:
            gate = ThreadGate.opened_by(backlog.line_up)
            try:
                is_open = gate.wait(until - time.monotonic())
            finally:
                backlog.withdraw(gate.open)
            if not is_open:
                within = (
                    f"they did not become fewer within {seconds * 1000:.0f} ms (max_block_ms, or the call's deadline)"
                )
                raise backlog.exhausted_error(topic, within)

    def _wait_for_space(self, record: WaitingRecord, max_wait: float | None) -> None:
        core = self._core
        try:
            if stalls_a_loop(core):
                raise exhausted_error(core, record.topic)  # noqa: TRY301 # told like what is raised below
            wait = SpaceWait(core, record, max_wait)
            while True:
                gate = ThreadGate()
                try:
                    wait.line_up(gate.open)
                    is_granted = gate.wait(wait.seconds_left())
                except BaseException:  # KeyboardInterrupt, for one
                    wait.withdraw()
                    raise
                if wait.settle(is_granted=is_granted):
                    return
        except BaseException as error:
            record.refuse(error)
            raise

    # Waiting, looking, closing.

    def start(self) -> None:
        """Connect now instead of with the first message; it does not wait for the connection."""
        self._core.start()

    def flush(self, timeout: float | None = None) -> DrainReport:
        """Wait until everything accepted so far has an outcome, good or bad, and its callbacks have run.

        Nothing lingers meanwhile. The callbacks are those on the producer's callback thread; what there was to log is
        written, too.

        Args:
            timeout: Seconds to wait; default: as long as it takes, which `delivery_timeout_ms` bounds, and
                `close_timeout_ms` for callbacks and the log.

        Returns:
            How many messages were delivered, and how many failed, since the last report; `callbacks_pending` tells
            whether the time was enough for callbacks.

        Raises:
            FlushTimeoutError: `timeout` ended first; its `report` tells how far it came. The messages stay accepted.
            BlockingCallError: This thread runs an event loop, or is the callback thread.
        """
        core = self._core
        forbid_blocking(core, "flush")
        return flush_on_thread(core.begin_flush(checked_timeout(timeout)))

    def close(self, timeout: float | None = None) -> DrainReport:
        """Deliver what was accepted, then end; never raises for what could not be delivered.

        On a view it does nothing. On a thread that runs an event loop, and in a signal handler that interrupted the
        producer at work, it only initiates the close, and says so in the report.

        Args:
            timeout: Seconds to wait before giving up what is left; default: `close_timeout_ms`.

        Returns:
            What was delivered and what was not; the latter is logged as well.

        Raises:
            BlockingCallError: Called from an `on_delivery` callback.
        """
        core = self._core
        timeout = checked_timeout(timeout)
        if not self._is_owner:
            return DrainReport(delivered=0, failed=0, undelivered=0, elapsed=0.0)
        if core.has_interrupted_itself() or stalls_a_loop(core):
            return core.close_without_waiting(timeout)
        forbid_in_callback(core, "close")
        return core.close(timeout)

    def check(self, timeout: float | None = None) -> ClusterDescription:
        """Ask the live cluster who it is, for a readiness probe.

        Args:
            timeout: Seconds to wait; default: `max_block_ms`.

        Raises:
            BrokerConnectionError: No broker answered in time; the cause tells why.
            BlockingCallError: This thread runs an event loop, or is the callback thread.
        """
        core = self._core
        forbid_blocking(core, "check")
        wait = checked_timeout(timeout)
        return core.check(core.max_block if wait is None else wait)

    def partitions_for(self, topic: str, *, timeout: float | None = None) -> tuple[PartitionInfo, ...]:
        """Return a topic's partitions and their leaders, asking the cluster if the topic is new.

        Args:
            topic: Its name.
            timeout: Seconds for asking; default: `max_block_ms`.

        Raises:
            UnknownTopicOrPartitionError: They could not be learned in time.
            TopicAuthorizationError: The cluster does not show the topic to this client.
            ClusterUnavailableError: No broker has been reachable for `unavailable_after_ms`.
            InvalidTopicError: It is not a name that a topic can have.
            BlockingCallError: This thread runs an event loop, or is the callback thread.
        """
        core = self._core
        forbid_blocking(core, "partitions_for")
        seconds = checked_timeout(timeout)
        core.check_topic(topic)
        core.check_available(topic)
        engine = core.start()

        def ask(tell: Callable[[], None]) -> bool:
            return engine.when_known(topic, tell)

        ThreadGate.opened_by(ask).wait(core.max_block if seconds is None else seconds)
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

    def as_async(self) -> AsyncKafkaProducer[K_contra, V_contra]:
        """Return the face for coroutines of this same producer: one engine, one buffer."""
        return FACES.coroutines(self._core, self._entry.key.serializer, self._entry.value.serializer)

    def as_sync(self) -> Producer[K_contra, V_contra]:
        """Return this producer."""
        return self

    def typed(
        self, key: type[K2] | Serializer[K2] | None = None, value: type[V2] | Serializer[V2] | None = None
    ) -> Producer[K2, V2]:
        """Return a view of this same producer with other types of keys and values."""
        return Producer(key=key, value=value, _core=self._core)

    def for_topic(self, topic: str) -> TopicProducer[K_contra, V_contra]:
        """Return a view of this same producer that writes to one topic.

        Raises:
            InvalidTopicError: It cannot be a topic's name.
        """
        self._core.check_topic(topic)
        return TopicProducer(self, topic)

    def __enter__(self) -> Producer[K_contra, V_contra]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("A producer cannot be copied or pickled: pass its options, and make one per process.")

    def __repr__(self) -> str:
        try:
            core = self._core
        except AttributeError:  # it could not be made, and a traceback shows it among local variables
            return "<Producer that was not made>"
        return f"<Producer {core.whereabouts()} {core.life.state.value}>"


def close_all_blocking(producers: Iterable[Producer[Any, Any]], timeout: float | None = None) -> list[DrainReport]:
    """Close producers, or those that views belong to, side by side; wait for them even on an event loop's thread.

    For owners that have no other moment for it. No threads are started: an interpreter that exits allows none.
    """
    timeout = checked_timeout(timeout)
    pending: list[DrainReport] = []
    closings: list[Closing] = []
    for producer in producers:
        core = producer._core  # noqa: SLF001 # of this very module
        if core.has_interrupted_itself():
            pending.append(core.close_without_waiting(timeout))
        else:
            closings.append(core.begin_closing(timeout))
    close_on_thread(closings)
    return pending + [closing.report() for closing in closings]


def _outcome(
    handle: DeliveryFuture | ProduceError, give_up: float | None, timeout: float | None
) -> RecordMetadata | ProduceError:
    if isinstance(handle, ProduceError):
        return handle
    try:
        return handle.result_by(None if give_up is None else give_up - time.monotonic(), timeout)
    except ProduceError as error:
        handle.is_abandoned = not handle.done()  # the timeout ended, and not the record
        return error


def _over(core: ProducerCore, key: Serializer[Any], value: Serializer[Any]) -> Producer[Any, Any]:
    return Producer(key=key, value=value, _core=core)


FACES.threads = _over
