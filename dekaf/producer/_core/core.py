"""The core both faces share: it takes bytes, starts the engine, and knows what is to hear of an outcome.

One core per producer; views (`typed`, `as_async`, …) share it. When the last face is gone without a close, the core's
finalizer lets the engine deliver what was accepted.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from typing import Final, final

from librt.time import time as wall_clock
from mypy_extensions import i64

from dekaf._log_thread import facts
from dekaf._record.builder import LENGTHS_UPPER_BOUND, content_size
from dekaf._threads.gate import ThreadGate
from dekaf._threads.primitives import new_reentrant_lock
from dekaf._wire.crc32c import load_crc32c
from dekaf.abc import RecordTracer
from dekaf.errors import (
    BrokerConnectionError,
    BufferExhaustedError,
    ConfigurationError,
)
from dekaf.metrics import ProducerMetrics
from dekaf.process_lock import ProcessLock
from dekaf.producer._buffer.accumulator import NOT_KNOWN, RecordAccumulator
from dekaf.producer._buffer.batch_limit import BatchLimit
from dekaf.producer._buffer.lock import IS_INTERRUPTIBLE, is_held_here
from dekaf.producer._buffer.outage import Outage
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.producer._buffer.waiting_record import JUST_NOW
from dekaf.producer._core.arguments import check_topic_name
from dekaf.producer._core.closing import (
    LEFT_FOR_ABORT,
    Closing,
    Occasion,
    begin_closing,
    close_dropped,
    close_on_thread,
    close_without_waiting,
)
from dekaf.producer._core.cluster_check import ClusterCheck
from dekaf.producer._core.engine_settings import engine_settings
from dekaf.producer._core.exit_hook import drain_at_exit, inherit
from dekaf.producer._core.flushing import Flushing
from dekaf.producer._core.life import ProducerLife
from dekaf.producer._core.process import FORKS, refuse_eventlet
from dekaf.producer._core.recipients import Recipients
from dekaf.producer._core.record_hooks import RecordHooks
from dekaf.producer._core.status import measured, partitions_of, snapshot
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._engine.partition_chooser import choose_partition
from dekaf.producer._engine.unknown_topics import no_such_partition_error
from dekaf.producer._inquiries.description import TopicRights
from dekaf.producer._waiting.loop_waker import EventLoop
from dekaf.producer._waiting.mailbox import LoopMailbox, OutcomeRoute
from dekaf.producer._waiting.record_trace import RecordTrace
from dekaf.producer.config import ProducerConfig
from dekaf.producer.produced import MemoryPlace, ProducedMessages
from dekaf.types import ClusterDescription, DrainReport, PartitionInfo, ProducerStatus

logger = logging.getLogger("dekaf.producer")


@final
class ProducerCore:
    """Every method may be called from any thread.

    Args:
        config: The producer's.
        place: Where a test keeps what is produced; None otherwise.
        forbidden: Asked before an engine is started, for what is to be raised instead; returns None if it may.
    """

    def __init__(
        self,
        config: ProducerConfig,
        place: MemoryPlace | None = None,
        forbidden: Callable[[], RuntimeError | None] | None = None,
    ) -> None:
        self.life = ProducerLife(config, None, place)  # first of all: the finalizer looks at it even if the rest raises
        refuse_eventlet()
        self.config: Final = config
        self._place: Final = place
        self._forbidden: Final = forbidden
        self._has_owner = False
        self.max_block: Final = config.max_block_ms / 1000.0
        self.record_life: Final = config.delivery_timeout_ms / 1000.0
        load_crc32c()
        self._settings: Final = engine_settings(config)
        self._partitioner: Final = self._settings.partitioner
        self.recipients: Final = Recipients(self.life, config.produce_timeout_ms / 1000.0)
        self._tracer = config.tracer
        self._begin(self.life)
        if config.enable_idempotence is None and not config.idempotence:
            logger.info(
                "Idempotence is off, because acks is not 'all' or more than 5 requests may be in flight: retries may "
                "duplicate messages",
                extra=facts(self.life.client_id),
            )
        if config.shows_credentials and config.backend == "kafka":
            logger.warning(
                "security_protocol SASL_PLAINTEXT shows what sasl_mechanism %s sends, password or token, to everybody "
                "on the way to the brokers: set it to SASL_SSL, unless something else encrypts, such as a service mesh",
                config.sasl_mechanism,
                extra=facts(self.life.client_id),
            )
        if config.start != "lazy" and (forbidden is None or forbidden() is None):
            self.start()
            if config.start == "eager":
                self._start_eagerly()

    def claim(self) -> bool:
        """Return whether the face that asks is the first, which owns the producer: closing a view does nothing."""
        is_first = not self._has_owner
        self._has_owner = True
        return is_first

    def _start_eagerly(self) -> None:
        """Do what no other way of starting does: wait for the cluster, and fail without it."""
        try:
            self.check(self.max_block)
        except BrokerConnectionError:
            self.close(0.0)
            raise

    def __del__(self) -> None:
        if close_dropped(self.life) and self._place is None:
            warnings.warn("A dekaf producer was dropped without close()", ResourceWarning, stacklevel=1)

    def _begin(self, life: ProducerLife) -> None:
        """Make what belongs to one process, at construction and in a forked child."""
        self._use_hooks(life)
        # Stands in until there is an engine: it knows no topic, so the first record goes the slow way and starts one.
        self._accumulator = RecordAccumulator(self._settings.limits, None, self._partitioner, life.listener, _nothing)
        # A caller mostly stays with one; the same str object needs no look-up.
        self._no_topic = TopicQueues("", BatchLimit(0, 0))
        self._last_topic = self._no_topic
        # Last: another thread of the child that finds these renewed relies on the rest.
        self.life = life
        self._generation = life.generation
        self._last_ms: i64 = 0

    def _use_hooks(self, life: ProducerLife) -> None:
        hooks = RecordHooks(self.config.listeners, self._tracer, life.callbacks, life.statistics)
        hooks.subscribe(life.listener)
        self.hooks = hooks  # before the next: callers look at that one first
        self.tracing = hooks.awaited

    def use_tracer(self, tracer: RecordTracer | None) -> None:
        """Ask this tracer about records from now on, in forked children too; None: the configuration's, if any."""
        self._tracer = self.config.tracer if tracer is None else tracer
        self.renew_if_forked()
        self._use_hooks(self.life)

    # Forks.

    def clock_ms(self) -> i64:
        """Return the wall clock, in milliseconds since 1970; in a forked child the core begins afresh first.

        The fork hook costs a comparison. Where a process forks without running hooks (uWSGI), asking for the process id
        per record would double the cost of `fire`; it is asked whenever the millisecond has moved on.
        """
        now: i64 = int(wall_clock() * 1000.0)
        if now != self._last_ms or self._generation != FORKS.generation:
            self.renew_if_forked()
            self._last_ms = now  # only now: another thread that sees it may append
        return now

    def renew_if_forked(self) -> None:
        """Begin afresh in a forked child; what is not asked once per record calls this before all else."""
        if not self.life.is_inherited():
            return
        with _renewing:
            if not self.life.is_inherited():
                return  # another thread of the child was first
            inherit(self.life)
            life = ProducerLife(self.config, self.life, self._place)
            self.recipients.renew(life)
            self._begin(life)

    # The way in.

    def append(  # noqa: PLR0913 # a record's own fields: an object for them would cost as much as all the rest
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
        trace: RecordTrace | None,
    ) -> i64:
        """Append one record whose topic is known to the engine that runs.

        Returns:
            What became of it, as `RecordAccumulator.append` tells; NOT_KNOWN also where no engine runs. A record that
            was neither appended nor found no space goes the slow way.
        """
        if trace is not None:
            self._keep(trace, key, value, headers)
        # Read first: should another engine take over meanwhile, this one's accumulator is closed and refuses, whatever
        # topic it is given. And a topic that is open cannot be one of an engine before: it closed them as it ended.
        accumulator = self._accumulator
        if IS_INTERRUPTIBLE and is_held_here(accumulator.lock):
            raise _interrupted_error(topic)
        last = self._last_topic  # read once: another thread may change it meanwhile
        queues: TopicQueues | None = last
        if last.name is not topic:
            queues = accumulator.topics.get(topic)
        if queues is None or not queues.is_known:
            self._last_topic = self._no_topic  # it may be the one that was forgotten, or recreated: look it up again
            return NOT_KNOWN
        self._last_topic = queues
        where = partition
        if partition >= 0 or self._partitioner is not None:
            where = self.check_partition(queues, key, partition)
        return accumulator.append(queues, key, value, headers, where, timestamp, recipient, route, 0, JUST_NOW, trace)

    def _keep(self, trace: RecordTrace, key: bytes | None, value: bytes | None, headers: bytes | None) -> None:
        """Keep of a record, as it was encoded, what a tracer or a listener asked for; it still has to fit."""
        trace.keep(key, headers)
        room = self._accumulator.max_record_size - content_size(key, value, headers) - LENGTHS_UPPER_BOUND
        trace.cost_bytes = max(0, min(trace.cost_bytes, room))

    def check_available(self, topic: str) -> None:
        """Refuse a call that would wait while no broker can be reached.

        Raises:
            ClusterUnavailableError: None has been reachable for `unavailable_after_ms`.
        """
        if self._accumulator.outage is None:
            return
        self.renew_if_forked()  # the parent's is not the child's
        outage = self._accumulator.outage
        if outage is not None:
            raise outage.refused_error(topic)

    def outage(self) -> Outage | None:
        """Return why no call should wait at present; None while calls may."""
        return self._accumulator.outage

    def end_if_unavailable(self) -> None:
        """Have a call ended whose record was just accepted, if an outage has begun since it looked."""
        if self._accumulator.outage is not None:
            self._accumulator.end_late_calls()

    def expect_end(self, route: OutcomeRoute) -> None:
        """Have the engine look when the calls of a route end whose records were accepted."""
        if route.ends_at < math.inf:
            self._accumulator.expect_end(route.ends_at)

    def check_partition(self, queues: TopicQueues, key: bytes | None, partition: i64) -> i64:
        """Return where a record of a known topic goes; -1 leaves the choice to the built-in partitioner.

        Raises:
            ProduceError: The topic has no such partition, or the user's partitioner failed.
        """
        count = len(queues.partitions)
        if partition < 0:
            if self._partitioner is None:
                return partition
            return choose_partition(self._partitioner, queues.name, key, count)
        if partition >= count:
            engine = self.life.engine
            if engine is not None:
                engine.refresh_metadata(queues.name)  # it may have been added just now; the next record will know
            raise no_such_partition_error(queues.name, int(partition), count)
        return partition

    def check_topic(self, topic: object) -> None:
        """Refuse what cannot be a topic's name.

        Raises:
            TypeError: It is no str.
            InvalidTopicError: Kafka does not allow it.
        """
        if not isinstance(topic, str):
            raise TypeError(f"topic must be a str, not {type(topic).__name__}")
        if topic not in self._accumulator.topics:  # or it was checked when it came there
            check_topic_name(topic)

    def has_interrupted_itself(self) -> bool:
        """Return whether the caller, a signal handler or a finalizer, holds up this producer until it returns."""
        return IS_INTERRUPTIBLE and is_held_here(self._accumulator.lock)

    def mailbox(self, loop: EventLoop) -> LoopMailbox:
        """Return the mailbox of an event loop, on whose thread this is called."""
        if self._generation != FORKS.generation:
            self.renew_if_forked()  # the parent's mailboxes end at the parent's loops
        return self.recipients.mailbox(loop)

    # The engine.

    def start(self) -> BackendEngine:
        """Return the running engine, starting one if there is none.

        Raises:
            ProducerClosedError: The producer was closed, or the interpreter exits.
            OutOfResourcesError: The system gives no thread, no file descriptor or no memory.
            RuntimeError: It is forbidden.
        """
        self.renew_if_forked()
        life = self.life
        engine = life.running_engine()
        if engine is not None:
            return engine
        if self._forbidden is not None:
            life.check_open()
            refusal = self._forbidden()
            if refusal is not None:
                raise refusal
        with life.lock:
            engine = life.start(self._settings)
            drain_at_exit(life)
            self._accumulator = engine.accumulator
            return engine

    def current_engine(self) -> BackendEngine | None:
        """Return the engine if there is one, running or not."""
        self.renew_if_forked()
        return self.life.engine

    # Closing.

    def suspend(self) -> None:
        """Deliver what was accepted and end the engine; the next record wants another one.

        It blocks for `close_timeout_ms` at the most, on any thread.
        """
        engine = self.current_engine()
        if engine is None or not engine.is_running():
            return
        engine.close_accepting()
        ThreadGate.opened_by(engine.flush).wait(self.life.close_timeout)
        ThreadGate.opened_by(engine.terminate).wait(LEFT_FOR_ABORT)

    def close(self, timeout: float | None) -> DrainReport:
        """Deliver what was accepted, then end; blocks for `timeout` seconds (or `close_timeout_ms`) at the most."""
        closing = self.begin_closing(timeout)
        close_on_thread([closing])
        return closing.report()

    def begin_closing(self, timeout: float | None, loop: EventLoop | None = None) -> Closing:
        """Accept nothing more; return the closing, whose steps the face is to take; on `loop`, if it runs on one."""
        self.renew_if_forked()
        mailbox = None if loop is None else self.life.mailboxes.get(loop)
        return begin_closing(self.life, timeout, Occasion.CLOSE, mailbox)

    def close_without_waiting(self, timeout: float | None) -> DrainReport:
        """Begin to close where waiting is not possible: the engine delivers what it has and ends by itself."""
        self.renew_if_forked()
        return close_without_waiting(self.life, timeout)

    def begin_flush(self, timeout: float | None, loop: EventLoop | None = None) -> Flushing:
        """Return a flush, whose steps the face is to take; on `loop`, if it runs on one."""
        self.renew_if_forked()
        life = self.life
        when_called_back = life.callbacks.when_done if loop is None else self.mailbox(loop).when_called_back
        return Flushing(life, self._accumulator, timeout, when_called_back)

    def buffered_records(self) -> int:
        """Return how many records have been accepted by the present engine and have no outcome yet."""
        return self._accumulator.pending_records()

    # Looking.

    def produced(self) -> ProducedMessages:
        """Return what was produced.

        Raises:
            ConfigurationError: The backend is not `memory`.
        """
        self.renew_if_forked()
        produced = self.life.produced
        if produced is None:
            raise ConfigurationError(f"backend={self.config.backend!r} keeps no messages; backend='memory' does.")
        return produced

    def whereabouts(self) -> str:
        """Return where records go, in short."""
        return ", ".join(self.config.bootstrap_servers) if self.config.backend == "kafka" else self.config.backend

    def status(self) -> ProducerStatus:
        """Return a snapshot."""
        self.renew_if_forked()
        life = self.life
        callbacks = life.callbacks_pending()  # first of all: it counts what it finds to be dropped
        return snapshot(life.producer_state(), life.engine, self._accumulator, life.statistics, callbacks)

    def metrics(self) -> ProducerMetrics:
        """Return what is counted and measured."""
        self.renew_if_forked()
        life = self.life
        return measured(life.client_id, life.engine, self._accumulator, life.statistics)

    def partitions_of(self, topic: str, timeout: float | None) -> tuple[PartitionInfo, ...]:
        """Return the partitions of a topic.

        Args:
            topic: Its name.
            timeout: Seconds for which the cluster was asked; None: `max_block_ms`.

        Raises:
            UnknownTopicOrPartitionError: They are not known.
            TopicAuthorizationError: The cluster does not show the topic to this client.
            ClusterUnavailableError: No broker could be reached.
        """
        self.check_available(topic)
        limit = f"max_block_ms={self.config.max_block_ms}" if timeout is None else f"timeout={timeout:.3g} s"
        return partitions_of(topic, self.life.engine, limit)

    def cluster_check(self, timeout: float) -> ClusterCheck:
        """Return a question to the live cluster who it is, yet to be asked; `timeout` in seconds."""
        return ClusterCheck(self.start(), self.config.bootstrap_servers, timeout)

    def check(self, timeout: float, rights: TopicRights | None = None) -> ClusterDescription:
        """Ask the live cluster who it is; blocks up to `timeout` seconds.

        Args:
            timeout: Seconds.
            rights: Of a topic, to be filled in with the answer; None: they are not asked for.

        Raises:
            BrokerConnectionError: No broker answered in time.
        """
        check = ClusterCheck(self.start(), self.config.bootstrap_servers, timeout, rights)
        ThreadGate.opened_by(check.ask).wait(timeout)
        return check.result()


_renewing: Final = ProcessLock(new_reentrant_lock)  # guards the renewing of cores in a forked child


def _nothing() -> None:
    """There is no engine yet to be woken."""


def _interrupted_error(topic: str) -> BufferExhaustedError:
    return BufferExhaustedError(
        "There is no way into the buffer from a signal handler, or a finalizer, that interrupted the producer at work. "
        "Set a flag there, or put the message into a queue, and produce it elsewhere.",
        topic=topic,
        is_retriable=True,
    )
