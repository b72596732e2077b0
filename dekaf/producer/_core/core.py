"""The core both faces share: it takes bytes, starts and replaces the engine, and closes it.

One core per producer; views (`typed`, `as_async`, …) share it. When the last face is gone without a close, the core's
finalizer lets the engine deliver what was accepted.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import warnings
from collections.abc import Callable
from enum import Enum
from typing import Final, final

from librt.time import time as wall_clock
from mypy_extensions import i64

from dekaf._network.io_thread import has_running_loop
from dekaf._record.builder import LENGTHS_UPPER_BOUND, content_size
from dekaf._wire.crc32c import load_crc32c
from dekaf.errors import (
    BlockingCallError,
    BrokerConnectionError,
    BufferExhaustedError,
    ConfigurationError,
    DekafError,
    InvalidTopicError,
    ProducerClosedError,
    RecordTooLargeError,
    caused_error,
)
from dekaf.producer._buffer.accumulator import (
    APPENDED,
    JUST_NOW,
    NO_SPACE,
    NOT_KNOWN,
    PARKED_COST,
    TOO_LARGE,
    RecordAccumulator,
)
from dekaf.producer._buffer.batch import BatchListener
from dekaf.producer._buffer.batch_limit import BatchLimit
from dekaf.producer._buffer.buffer_memory import Reservation, SpaceTicket, SpaceWaiter
from dekaf.producer._buffer.lock import IS_INTERRUPTIBLE, is_held_here
from dekaf.producer._buffer.queues import ParkedRecord, TopicQueues
from dekaf.producer._core import process as _process
from dekaf.producer._core.engine_settings import engine_settings
from dekaf.producer._core.hooks import ListenerHooks, OnSend
from dekaf.producer._core.process import FORKS, ProcessLock
from dekaf.producer._core.status import Description, described, partitions_of, snapshot
from dekaf.producer._engine.engine import Engine
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._engine.offline import OfflineEngine
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import UndeliveredHook
from dekaf.producer._engine.unknown_topics import choose_partition, no_such_partition_error
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.producer._waiting.delivery import BlockedCall, DeliveryFuture, ThreadWait, wait_seconds
from dekaf.producer._waiting.loop_waker import EventLoop
from dekaf.producer._waiting.mailbox import CALLBACK_COST, DELIVERY_COST, LoopMailbox, OutcomeRoute, WaitKind
from dekaf.producer._waiting.waker import WakerPool
from dekaf.producer.config import ProducerConfig
from dekaf.producer.produced import ProducedMessages
from dekaf.types import ClusterDescription, DrainReport, PartitionInfo, ProducerState, ProducerStatus

logger = logging.getLogger("dekaf.producer")

_LEAST_FOR_CALLBACKS: Final = 0.2  # seconds; those of the last records have only just been told
_TOPIC_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class CoreState(Enum):
    """A producer's life; it only moves down."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@final
class ProducerCore:
    """Every method may be called from any thread."""

    def __init__(self, config: ProducerConfig) -> None:
        self.state = CoreState.OPEN
        self._engine: BackendEngine | None = None  # first of all: the finalizer looks at it even if this raises
        _process.refuse_patched_threads()
        self.config: Final = config
        self.max_block: Final = config.max_block_ms / 1000.0
        self.close_timeout: Final = config.close_timeout_ms / 1000.0
        load_crc32c()
        self._settings: Final = engine_settings(config)
        self._partitioner: Final = self._settings.partitioner
        self._blocks_when_full: Final = config.buffer_full == "block"
        self._last_report: DrainReport | None = None
        self._renew()
        if config.enable_idempotence is None and not config.idempotence:
            logger.info(
                "Idempotence is off, because acks is not 'all' or more than 5 requests may be in flight: retries may "
                "duplicate messages"
            )
        if config.shows_credentials and config.backend == "kafka":
            logger.warning(
                "security_protocol SASL_PLAINTEXT shows what sasl_mechanism %s sends, password or token, to everybody "
                "on the way to the brokers: set it to SASL_SSL, unless something else encrypts, such as a service mesh",
                config.sasl_mechanism,
            )
        if config.start != "lazy":
            self.start()
        if config.start == "eager":
            self._start_eagerly()

    def _start_eagerly(self) -> None:
        """Do what no other way of starting does: wait for the cluster, and fail without it."""
        try:
            self.check(self.max_block)
        except BrokerConnectionError:
            self.close(0.0)
            raise

    def __del__(self) -> None:
        engine = self._engine
        if engine is None or self.state is not CoreState.OPEN:
            return
        if self._generation != FORKS.generation or self._pid != os.getpid():
            return  # the parent's
        callbacks = self.callbacks  # the engine may hold these, but not the core
        if not engine.is_running():  # it has failed, and nothing was produced since
            callbacks.stop(0.0)
            return

        statistics = self.statistics
        started = time.monotonic()

        def ended(given_up: int) -> None:
            _process.report_abandoned(statistics, given_up, started, "by being dropped")
            callbacks.stop(0.0)

        engine.abandon(self.close_timeout, ended)
        warnings.warn("A dekaf producer was dropped without close()", ResourceWarning, stacklevel=1)

    def _renew(self) -> None:
        """Begin afresh, at construction and in a forked child: nothing of the parent's is used, not even its locks."""
        # Re-entrant, as a signal handler that closes may interrupt the thread that holds them.
        self._lock = threading.RLock()  # guards the starting, replacing and closing of engines
        self._finishing = threading.RLock()  # guards the report of a close, of which there is one
        self._engine = None
        self.statistics = ProducerStatistics()
        self.callbacks = CallbackThread()
        self._wakers = WakerPool()
        self._listener = BatchListener(
            self.statistics.unobserved_failure, self.statistics.callback_failed, self.callbacks.post
        )
        self.on_send: OnSend | None = None
        if self.config.listener is not None:
            hooks = ListenerHooks(self.config.listener, self.callbacks, self.statistics.hook_failed)
            hooks.subscribe(self._listener)
            self.on_send = hooks.on_send()
        self.on_undelivered: UndeliveredHook | None = None
        if self.config.on_undelivered is not None:
            self.on_undelivered = UndeliveredHook(self.config.on_undelivered, self.callbacks)
        self._produced = ProducedMessages(self.config.buffer_memory) if self.config.backend == "memory" else None
        self.deliveries = OutcomeRoute(WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False)
        self.thread_callbacks = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False)
        self._mailboxes: dict[EventLoop, LoopMailbox] = {}
        self._last_mailbox: LoopMailbox | None = None
        # Stands in until there is an engine: it knows no topic, so the first record goes the slow way and starts one.
        self._accumulator = RecordAccumulator(self._settings.limits, None, self._partitioner, self._listener, _nothing)
        # A caller mostly stays with one; the same str object needs no look-up.
        self._last_topic = TopicQueues("", BatchLimit(0, 0))
        self._pid = os.getpid()
        self._generation = FORKS.generation
        self._last_ms: i64 = 0

    # The way in.

    def clock_ms(self) -> i64:
        """Return the wall clock, and notice a fork.

        The fork hook costs a comparison. Where a process forks without running hooks (uWSGI), asking for the process id
        per record would double the cost of `fire`; it is asked whenever the millisecond has moved on.
        """
        now: i64 = int(wall_clock() * 1000.0)
        if now != self._last_ms or self._generation != FORKS.generation:
            if self._generation != FORKS.generation or os.getpid() != self._pid:
                self._after_fork()
            self._last_ms = now  # only now: another thread that sees it may append
        return now

    def append(  # noqa: PLR0913 # a record's own fields
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
        reservation: Reservation | None,
    ) -> bool:
        """Accept one record; False if there is no space. Space set aside before is used up either way."""
        # Read first: should another engine take over meanwhile, this one's accumulator is closed and refuses, whatever
        # topic it is given. And a topic that is open cannot be one of an engine before: it closed them as it ended.
        accumulator = self._accumulator
        if IS_INTERRUPTIBLE and is_held_here(accumulator.lock):
            raise _interrupted_error(topic, reservation)
        queues: TopicQueues | None = self._last_topic
        if self._last_topic.name is not topic:
            queues = accumulator.topics.get(topic)
        if queues is not None and queues.is_known and reservation is None:
            self._last_topic = queues
            where = partition
            if partition >= 0 or self._partitioner is not None:
                where = self._check_partition(queues, key, partition)
            status = accumulator.append(queues, key, value, headers, where, timestamp, recipient, route, 0, JUST_NOW)
            if status == APPENDED:
                return True
            if status == NO_SPACE:
                return False
        return self._append_slowly(topic, key, value, headers, partition, timestamp, recipient, route, reservation)

    def _append_slowly(  # noqa: PLR0913 # a record's own fields
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
        reservation: Reservation | None,
    ) -> bool:
        """The way of a record whose topic is new, whose engine is to be started, or for which space was set aside."""
        while True:
            accumulator = self._running_accumulator(topic, reservation)
            reserved: i64 = 0
            if reservation is not None:
                if reservation.buffer is not accumulator.buffer:
                    return False  # granted by an engine that has ended since
                reserved = reservation.size
            queues = accumulator.topic(topic)
            try:
                if queues.is_known:
                    where = self._check_partition(queues, key, partition)
                    status = accumulator.append(
                        queues, key, value, headers, where, timestamp, recipient, route, reserved, JUST_NOW
                    )
                else:
                    status = self._park(
                        accumulator, queues, key, value, headers, partition, timestamp, recipient, route, reserved
                    )
                if status == TOO_LARGE:
                    raise self._too_large_error(topic, key, value, headers)  # noqa: TRY301 # the space goes back below
            except BaseException:
                if reservation is not None:
                    reservation.give_back()
                raise
            if status != NOT_KNOWN:
                return status == APPENDED

    def _park(  # noqa: PLR0913 # a record's own fields
        self,
        accumulator: RecordAccumulator,
        queues: TopicQueues,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
        reserved: i64,
    ) -> i64:
        content = content_size(key, value, headers)
        if content + LENGTHS_UPPER_BOUND > accumulator.max_record_size:
            return TOO_LARGE
        cost: i64 = 0 if route is None else route.cost_bytes
        charged = reserved if reserved > 0 else content + LENGTHS_UPPER_BOUND + cost + PARKED_COST
        record = ParkedRecord(key, value, headers, partition, timestamp, recipient, route, charged, time.monotonic())
        status = accumulator.park(queues, record, reserved=reserved)
        if status == APPENDED:
            self._wake()
        return status

    def _check_partition(self, queues: TopicQueues, key: bytes | None, partition: i64) -> i64:
        count = len(queues.partitions)
        if partition < 0:
            if self._partitioner is None:
                return partition
            return choose_partition(self._partitioner, queues.name, key, count)
        if partition >= count:
            engine = self._engine
            if engine is not None:
                engine.refresh_metadata()  # it may have been added just now; the next record will know
            raise no_such_partition_error(queues.name, int(partition), count)
        return partition

    def _too_large_error(
        self, topic: str, key: bytes | None, value: bytes | None, headers: bytes | None
    ) -> RecordTooLargeError:
        size = content_size(key, value, headers) + LENGTHS_UPPER_BOUND
        return RecordTooLargeError(
            f"The record takes up to {size} bytes; max_request_size={self.config.max_request_size} and "
            f"buffer_memory={self.config.buffer_memory} allow {max(0, int(self._accumulator.max_record_size))}.",
            topic=topic,
        )

    # Space.

    def space_for(
        self, topic: str, key: bytes | None, value: bytes | None, headers: bytes | None, route: OutcomeRoute | None
    ) -> i64:
        """Return how many bytes a record needs, at the most."""
        cost: i64 = 0 if route is None else route.cost_bytes
        size = content_size(key, value, headers) + LENGTHS_UPPER_BOUND
        if size > self._accumulator.max_record_size:
            raise self._too_large_error(topic, key, value, headers)
        return size + cost + PARKED_COST

    def space_ticket(self, topic: str, size: i64, grant: Callable[[], None]) -> SpaceTicket:
        """Return what to wait in line for space with; `grant` is called once there is some.

        Raises:
            BufferExhaustedError: It is not to wait.
        """
        if not self._blocks_when_full or self.callbacks.is_current():
            raise self.exhausted_error(topic, 0.0)
        buffer = self._running_accumulator(topic, None).buffer
        return SpaceTicket(buffer, SpaceWaiter(size, grant), self._wake)

    def exhausted_error(self, topic: str, waited: float) -> BufferExhaustedError:
        """Return the error for a record for which there was no space."""
        bound = "max_block_ms" if waited >= self.max_block else "the call's timeout"
        waits = f"none became free within {waited * 1000:.0f} ms ({bound})" if waited else "this call does not wait"
        error = BufferExhaustedError(
            "No space in the buffer: records that wait for the brokers take up "
            f"buffer_memory={self.config.buffer_memory} bytes, and {waits}.",
            topic=topic,
            is_retriable=True,
        )
        engine = self._engine
        error.__cause__ = None if engine is None else engine.last_error()
        return error

    # Outcomes.

    def new_delivery(self, topic: str) -> DeliveryFuture:
        """Return a handle for a record of a thread."""
        return DeliveryFuture(topic, self._run_done_callbacks)

    def new_blocked_call(self, topic: str) -> ThreadWait:
        """Return what a thread waits on that wants to do nothing else meanwhile."""
        waker = self._wakers.take()
        return self.new_delivery(topic) if waker is None else BlockedCall(topic, waker, self._wakers)

    def _run_done_callbacks(self, delivery: DeliveryFuture) -> None:
        def run() -> None:
            delivery.run_callbacks(self.statistics.callback_failed)

        self.callbacks.run(run)

    def mailbox(self, loop: EventLoop) -> LoopMailbox:
        """Return the mailbox of an event loop, on whose thread this is called."""
        if self._generation != FORKS.generation:
            self.clock_ms()  # the parent's mailboxes end at the parent's loops
        mailbox = self._last_mailbox
        if mailbox is None or mailbox.loop is not loop:
            mailbox = self._mailboxes.get(loop)
            if mailbox is None:
                for known in list(self._mailboxes):  # a copy: other threads' loops come and go meanwhile
                    if known.is_closed():
                        self._mailboxes.pop(known, None)
                mailbox = self._mailboxes[loop] = LoopMailbox(loop, self._wake)
            self._last_mailbox = mailbox
        return mailbox

    def forbid_blocking(self, call: str) -> None:
        """Raise BlockingCallError where a blocking call would stall an event loop, or wait for itself in a callback."""
        self.forbid_in_callback(call)
        if has_running_loop() and not self.config.allow_blocking_in_loop:
            raise BlockingCallError(
                f"Producer.{call}() would block the event loop of this thread. Await AsyncProducer.{call}() instead "
                f"(producer.as_async() shares this producer), or run it through asyncio.to_thread(). In a notebook, "
                "set allow_blocking_in_loop=True."
            )

    def has_interrupted_itself(self) -> bool:
        """Return whether the caller, a signal handler or a finalizer, holds up this producer until it returns."""
        return IS_INTERRUPTIBLE and is_held_here(self._accumulator.lock)

    def forbid_in_callback(self, call: str) -> None:
        """Raise BlockingCallError where a call waits for itself: in a callback, or in what interrupted the core."""
        if self.has_interrupted_itself():
            raise BlockingCallError(
                f"Producer.{call}() was called from a signal handler, or a finalizer, that interrupted the producer at "
                "work, and would wait for itself; close() and status() are fine there."
            )
        if self.callbacks.is_current():
            raise BlockingCallError(
                f"Producer.{call}() was called from a callback (on_delivery, or a listener's hook) and would wait for "
                "itself; fire(), submit() and status() are fine there."
            )

    # Engines.

    def start(self) -> BackendEngine:
        """Return the running engine, starting one if there is none."""
        self.clock_ms()
        engine = self._engine
        if engine is not None and engine.is_running() and self.state is CoreState.OPEN:
            return engine
        with self._lock:
            if self.state is not CoreState.OPEN:
                raise ProducerClosedError("The producer is closed; make a new one, or close it later.")
            if _process.is_exiting():
                raise ProducerClosedError("The interpreter is exiting, and producers have been closed.")
            engine = self._engine
            if engine is None or not engine.is_running():
                if engine is not None:
                    self.statistics.engine_restarts += 1
                engine = self._new_engine()
                try:
                    engine.start()
                except RuntimeError as error:
                    raise caused_error(_no_threads_error(error), error) from error
                if self.on_undelivered is not None:
                    self.callbacks.start()  # an interpreter that exits, when it is most needed, may start no thread
                _process.register(_process.LiveEngine(engine, self.callbacks, self.on_undelivered, self.close_timeout))
                self._engine = engine
                self._accumulator = engine.accumulator
                if self._was_closed():  # by a signal handler, in this very moment
                    engine.terminate(0.0)  # nothing was accepted yet
                    raise ProducerClosedError("The producer was closed while it started.")
            return engine

    def _was_closed(self) -> bool:
        return self.state is not CoreState.OPEN

    def _new_engine(self) -> BackendEngine:
        if self.config.backend == "kafka":
            return Engine(self._settings, self._listener, self.statistics, self.on_undelivered)
        return OfflineEngine(
            self.config.backend,
            self._settings.limits,
            self._partitioner,
            self._listener,
            self.statistics,
            self._produced,
        )

    def current_engine(self) -> BackendEngine | None:
        """Return the engine if there is one, running or not."""
        self.clock_ms()
        return self._engine

    def close(self, timeout: float | None) -> DrainReport:
        """Deliver what was accepted, then end; blocks for `timeout` seconds (or `close_timeout_ms`) at the most."""
        started = time.monotonic()
        engine = self.start_closing()
        if engine is None:
            return self.closed_report()
        gate = threading.Lock()
        gate.acquire()
        if engine.flush(gate.release):
            gate.acquire(timeout=wait_seconds(self.close_timeout if timeout is None else timeout))
        report = self.give_up_rest(engine, started)
        if self.on_undelivered is not None:
            self.on_undelivered.wait(self.close_timeout)
        self.stop_callbacks(started, timeout)
        return report

    def initiate_close(self, timeout: float | None) -> DrainReport:
        """Begin to close where waiting is not possible: the engine delivers what it has and ends by itself."""
        engine = self.start_closing()
        if engine is None:
            return self.closed_report()

        started = time.monotonic()

        def ended(given_up: int) -> None:
            self.state = CoreState.CLOSED
            _process.report_abandoned(self.statistics, given_up, started, "by close() that did not wait")
            self.callbacks.stop(0.0)

        engine.abandon(self.close_timeout if timeout is None else max(0.0, timeout), ended)
        report = DrainReport(delivered=0, failed=0, undelivered=self.buffered_records(), elapsed=0.0, pending=True)
        _process.log_report(report, "by close() where it cannot wait")
        return report

    def start_closing(self) -> BackendEngine | None:
        """Accept nothing more; return the engine to be drained, None if there is none or it has been closed."""
        self.clock_ms()
        with self._lock:
            if self.state is CoreState.CLOSED:
                return None
            engine = self._engine
            if engine is None or not engine.is_alive():
                self.state = CoreState.CLOSED
                self.callbacks.stop(0.0)  # those of an engine that has failed
                return None
            self.state = CoreState.CLOSING
        engine.close_accepting()
        return engine

    def give_up_rest(self, engine: BackendEngine, started: float) -> DrainReport:
        """End the engine's thread; fail, count and log what it could not deliver, and hand it to `on_undelivered`."""
        with self._finishing:  # several may close at once: all get the report of the first
            report = _process.finish(engine, started)
            first = self._last_report is None
            if first:
                self._last_report = report
            self.state = CoreState.CLOSED
        if first:
            _process.log_report(report, "by close()")
        return self._last_report or report

    def stop_callbacks(self, started: float, timeout: float | None) -> None:
        """Let callbacks have the time left of a close, then leave them to themselves."""
        if self.on_undelivered is not None and self.on_undelivered.is_busy():
            self.callbacks.stop(0.0)  # it has had its time, or is awaited
            return
        limit = started + (self.close_timeout if timeout is None else timeout)
        self.callbacks.stop(max(_LEAST_FOR_CALLBACKS, limit - time.monotonic()))

    def closed_report(self) -> DrainReport:
        """Return the report of a close that has happened, or of one that had nothing to do."""
        with self._finishing:
            if self._last_report is None:  # it never started, its engine failed, or it closed without anybody waiting
                self._last_report = self.statistics.take_report(elapsed=0.0, undelivered=0)
            return self._last_report

    def flush_report(self, started: float) -> DrainReport:
        """Return what happened since the last report."""
        return self.statistics.take_report(elapsed=time.monotonic() - started, undelivered=self.buffered_records())

    def buffered_records(self) -> int:
        """Return how many records have been accepted by the present engine and have no outcome yet."""
        return self._accumulator.pending_records()

    # Looking.

    def produced(self) -> ProducedMessages:
        """Return what was produced; ConfigurationError unless the backend is `memory`."""
        self.clock_ms()
        if self._produced is None:
            raise ConfigurationError(f"backend={self.config.backend!r} keeps no messages; backend='memory' does.")
        return self._produced

    def whereabouts(self) -> str:
        """Return where records go, in short."""
        return ", ".join(self.config.bootstrap_servers) if self.config.backend == "kafka" else self.config.backend

    def status(self) -> ProducerStatus:
        """Return a snapshot."""
        self.clock_ms()
        engine = self._engine
        return snapshot(self._producer_state(engine), engine, self._accumulator, self.statistics)

    def partitions_of(self, topic: str) -> tuple[PartitionInfo, ...]:
        """Return the partitions of a topic; UnknownTopicOrPartitionError if they are not known."""
        return partitions_of(topic, self._engine, self.config.max_block_ms)

    def check(self, timeout: float) -> ClusterDescription:
        """Ask the live cluster who it is; blocks up to `timeout` seconds."""
        answer: list[Description] = []
        gate = threading.Lock()
        gate.acquire()

        def answered(description: ClusterDescription | None, error: DekafError | None) -> None:
            answer.append((description, error))
            gate.release()

        if self.start().describe(answered, timeout):
            gate.acquire(timeout=wait_seconds(timeout))
        return self.described(answer)

    def described(self, answer: list[Description]) -> ClusterDescription:
        """Return what the cluster answered; BrokerConnectionError if it did not."""
        return described(answer, self._engine, self.config.bootstrap_servers)

    def _producer_state(self, engine: BackendEngine | None) -> ProducerState:
        if self.state is CoreState.CLOSED:
            return ProducerState.CLOSED
        if self.state is CoreState.CLOSING:
            return ProducerState.CLOSING
        return ProducerState.IDLE if engine is None or not engine.is_running() else ProducerState.RUNNING

    def check_topic(self, topic: object) -> None:
        """Raise TypeError or InvalidTopicError for what cannot be a topic's name."""
        if not isinstance(topic, str):
            raise TypeError(f"topic must be a str, not {type(topic).__name__}")
        if topic not in self._accumulator.topics and (_TOPIC_NAME.fullmatch(topic) is None or topic in (".", "..")):
            raise InvalidTopicError(
                f"{topic[:60]!r} is not a topic name: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
            )

    def _running_accumulator(self, topic: str, reservation: Reservation | None) -> RecordAccumulator:
        try:
            self.check_topic(topic)
            # The engine's own: `self._accumulator` may still be the one before while another thread starts the engine.
            return self.start().accumulator
        except BaseException:
            if reservation is not None:
                reservation.give_back()
            raise

    def _wake(self) -> None:
        engine = self._engine
        if engine is not None:
            engine.wake()

    def _after_fork(self) -> None:
        with _renewing:
            if self._generation == FORKS.generation and self._pid == os.getpid():
                return  # another thread of the child was first
            engine = self._engine
            if engine is not None:
                _process.inherit(engine)
            if self.state is CoreState.CLOSING:
                self.state = CoreState.CLOSED
            self._renew()


_renewing: Final = ProcessLock()  # guards the renewing of cores in a forked child


def _nothing() -> None:
    """There is no engine yet to be woken, or nobody to be told."""


def _interrupted_error(topic: str, reservation: Reservation | None) -> BufferExhaustedError:
    if reservation is not None:
        reservation.give_back()
    return BufferExhaustedError(
        "There is no way into the buffer from a signal handler, or a finalizer, that interrupted the producer at work. "
        "Set a flag there, or put the message into a queue, and produce it elsewhere.",
        topic=topic,
        is_retriable=True,
    )


def _no_threads_error(error: RuntimeError) -> DekafError:
    if "shutdown" in str(error):  # "can't create new thread at interpreter shutdown", since Python 3.12
        return caused_error(ProducerClosedError("The interpreter is exiting and starts no more threads."), error)
    return caused_error(DekafError(f"A producer needs a thread, and the system gives none: {error}."), error)
