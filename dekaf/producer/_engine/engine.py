"""One engine: the I/O thread and everything that runs on it, from its first record to its last.

A producer starts an engine with its first record, another one in every forked child, and a fresh one should an engine
ever fail unexpectedly. An engine knows nothing of the producer that started it, so an abandoned producer can be
collected while its engine still delivers what was accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import Any, Final, final

from dekaf._cluster.metadata import ClusterMetadata
from dekaf._cluster.recovery import MetadataRecovery
from dekaf._cluster.refresh import NEVER, MetadataRefresher
from dekaf._log_thread import DeferredLogger, facts
from dekaf._network.client import NetworkClient, NetworkSettings
from dekaf._network.io_thread import IoThread
from dekaf._network.reachability import Reachability
from dekaf._record.compression import Codec
from dekaf.errors import BrokerConnectionError, DekafError, DeliveryAbortedError, ProduceError, caused_error
from dekaf.partitioning import Partitioner
from dekaf.producer._buffer.accumulator import WAKE_ALWAYS, WAKE_AWAITED, WAKE_NEVER, BufferLimits, RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener, ProducerBatch
from dekaf.producer._buffer.outage import Outage
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.completion import BatchCompletion
from dekaf.producer._engine.flush import FlushWaiter
from dekaf.producer._engine.idle_topics import IdleTopics
from dekaf.producer._engine.partition_chooser import PartitionChooser, is_of_user
from dekaf.producer._engine.queues_by_leader import QueuesByLeader
from dekaf.producer._engine.recreated_topics import RecreatedTopics
from dekaf.producer._engine.replaced_cluster import ReplacedCluster
from dekaf.producer._engine.sender import Sender, SenderSettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.topic_keeper import TopicKeeper
from dekaf.producer._engine.undelivered import Undelivered, UndeliveredHook
from dekaf.producer._engine.unknown_topics import ParkingLimits, UnknownTopics
from dekaf.producer._engine.waiting_calls import RecordFate, WaitingCalls
from dekaf.producer._inquiries.description import Described, DescriptionInquiry, PendingCheck, TopicRights
from dekaf.producer._inquiries.inquiry import Inquiry
from dekaf.producer._inquiries.metadata import MetadataInquiry
from dekaf.producer._inquiries.producer_id import ProducerIdInquiry
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from dekaf.producer._waiting.mailbox import OutcomeRoute
from dekaf.reports import ConnectionSecurity

logger = DeferredLogger("dekaf.producer.engine")

# Seconds by which a timer that is set already may be late: cheaper than setting another, and nothing here is due to the
# millisecond.
TIMER_SLACK: Final = 0.0005


# A broker that has not answered for so long is not waited for alone; none that works takes as long.
LONGEST_WITHOUT_HEDGE: Final = 1.0  # seconds


class EngineState(Enum):
    """An engine's life; it only moves down."""

    RUNNING = "running"
    CLOSING = "closing"  # accepts nothing more, delivers what it has
    CLOSED = "closed"
    FAILED = "failed"  # an unexpected error; everything pending was failed


@final
class EngineSettings:
    """What an engine is made of; times in seconds."""

    def __init__(  # noqa: PLR0913 # one setting per room
        self,
        *,
        bootstrap: tuple[tuple[str, int], ...],
        network: NetworkSettings,
        sender: SenderSettings,
        limits: BufferLimits,
        codec: Codec | None,
        partitioner: Partitioner | None,
        max_block: float,
        call_timeout: float,
        unavailable_after: float,
        metadata_max_age: float,
        rebootstrap_after: float,
        metadata_max_idle: float,
        allow_auto_create_topics: bool,
    ) -> None:
        self.bootstrap: Final = bootstrap
        self.network: Final = network
        self.sender: Final = sender
        self.limits: Final = limits
        self.codec: Final = codec
        self.partitioner: Final = partitioner
        self.max_block: Final = max_block
        self.unavailable_after: Final = unavailable_after  # infinity: calls wait, however long
        self.call_timeout: Final = call_timeout  # of calls that wait, unless they have a timeout of their own
        self.metadata_max_age: Final = metadata_max_age
        self.rebootstrap_after: Final = rebootstrap_after  # without usable metadata; infinity: never
        self.metadata_max_idle: Final = metadata_max_idle
        self.allow_auto_create_topics: Final = allow_auto_create_topics


@final
class Engine:
    """Public methods may be called from any thread, those with a leading underscore only on the I/O thread."""

    def __init__(
        self,
        settings: EngineSettings,
        listener: BatchListener,
        statistics: ProducerStatistics,
        on_undelivered: UndeliveredHook | None,
    ) -> None:
        self.state = EngineState.RUNNING
        self.statistics: Final = statistics
        self._settings: Final = settings
        self._on_undelivered: Final = on_undelivered
        connection = settings.network.connection
        self._client_id: Final = connection.client_id.decode()
        self._io: Final = IoThread(self._run_once, self._crashed, f"dekaf-io {self._client_id}")
        self.accumulator: Final = RecordAccumulator(
            settings.limits, settings.codec, settings.partitioner, listener, self._io.wake
        )
        self._reachability: Final = Reachability(settings.unavailable_after, connection.request_timeout)
        self._client: Final = NetworkClient(
            self._io.loop,
            settings.bootstrap,
            settings.network,
            self._run_once,
            self._connection_lost,
            self._reachability,
        )
        backoff = settings.sender.retry.backoff
        self._refresher: Final = MetadataRefresher(settings.metadata_max_age, backoff, self.accumulator.has_waiting)
        self._queues: Final = QueuesByLeader(self.accumulator, self._refresher.want_topic)
        self._cluster: Final = Cluster(self._client, self._refresher, self._queues)
        self._chooser: Final = self._new_chooser(settings.partitioner, self._client_id)
        self._unknown_topics: Final = UnknownTopics(
            self.accumulator,
            listener,
            statistics,
            ParkingLimits(settings.max_block, settings.sender.retry.delivery_timeout),
            self._refresher.remove_topic,
            self._chooser,
        )
        producer_id = ProducerIdSource(backoff, is_needed=settings.sender.rules.is_idempotent)
        completion = BatchCompletion(
            self.accumulator, self._cluster, producer_id, settings.sender.retry, statistics, monotonic
        )
        self._idle_topics: Final = IdleTopics(
            self.accumulator, self._cluster, producer_id, settings.metadata_max_idle, client_id=self._client_id
        )
        self._sender: Final = self._new_sender(producer_id, completion)
        self._description: Final = DescriptionInquiry(self._client)
        self._inquiries: Final = self._new_inquiries(producer_id, completion)
        self._asking: Final[set[Callable[[], None]]] = set()  # for the partitions of topics
        self._timer: Any = None
        self._timer_due = NEVER
        self._read_until = 0.0  # what had arrived by then, in monotonic seconds, was read
        self._is_reading = False  # another look at the sockets was asked for, after which there is a pass

    def _new_chooser(self, partitioner: Partitioner | None, client_id: str) -> PartitionChooser | None:
        if partitioner is None or not is_of_user(partitioner):
            return None

        def post(tell: Callable[[], None]) -> bool:
            def run() -> None:
                tell()
                self._run_once()

            return self._io.call(run)

        return PartitionChooser(partitioner, post, client_id)

    def _stop_chooser(self) -> None:
        if self._chooser is not None:
            self._chooser.stop()

    def _new_sender(self, producer_id: ProducerIdSource, completion: BatchCompletion) -> Sender:
        settings = self._settings
        calls = WaitingCalls(self.accumulator, self._cluster, self.statistics, settings.call_timeout, self._end_parked)
        return Sender(self.accumulator, self._cluster, producer_id, completion, settings.sender, self.statistics, calls)

    def _new_inquiries(self, producer_id: ProducerIdSource, completion: BatchCompletion) -> list[Inquiry]:
        settings = self._settings
        topic_keeper = TopicKeeper(
            self.accumulator,
            self._cluster,
            self._unknown_topics,
            RecreatedTopics(self.accumulator, self._queues, completion),
            self._idle_topics,
            client_id=self._client_id,
        )
        hedge_after = min(LONGEST_WITHOUT_HEDGE, settings.max_block / 4)  # in time for the call that waits
        metadata = MetadataInquiry(
            self._client,
            self._refresher,
            topic_keeper.take_over,
            ReplacedCluster(self.accumulator, self._cluster, producer_id, completion, self.statistics).adopt,
            MetadataRecovery(settings.rebootstrap_after),
            hedge_after=hedge_after,
            allow_auto_create_topics=settings.allow_auto_create_topics,
        )
        source = ProducerIdInquiry(self._client, producer_id, self._sender.fail_unsent, hedge_after=hedge_after)
        return [metadata, source, self._description]

    # From any thread.

    def start(self) -> None:
        """Start the threads; RuntimeError or MemoryError if the system gives none, and then nothing is left of it."""
        try:
            if self._chooser is not None:
                self._chooser.start()
            self._client.start()
            self._io.start()
        except BaseException:
            self._stop_chooser()
            self._client.close(BrokerConnectionError("The producer could not start."))
            self._io.discard()
            raise
        self._io.wake()

    def wake(self) -> None:
        """Have the I/O thread look."""
        self._io.wake()

    def is_running(self) -> bool:
        """Return whether it accepts records."""
        return self.state is EngineState.RUNNING

    def is_alive(self) -> bool:
        """Return whether its thread runs."""
        return self._io.is_alive()

    def metadata(self) -> ClusterMetadata:
        """Return the cluster as last heard of."""
        return self._cluster.metadata

    def in_flight_requests(self) -> int:
        """Return how many produce requests are under way."""
        return len(self._sender.in_flight)

    def connected_brokers(self) -> int:
        """Return how many brokers are connected."""
        return self._client.connected()

    def connects(self) -> int:
        """Return how many connections became ready."""
        return self._client.connects

    def connections(self) -> tuple[ConnectionSecurity, ...]:
        """Return how each connection that serves is protected."""
        return self._client.connections()

    def flush(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once everything accepted so far has an outcome; False if there is no thread left to do so."""

        def begin() -> None:
            self._flush(tell)

        return self._io.call(begin)

    def when_known(self, topic: str, tell: Callable[[], None]) -> bool:
        """Call `tell` once a topic's partitions are known, or `max_block_ms` was not enough to learn them."""

        def begin() -> None:
            queues = self.accumulator.topic(topic)
            self._idle_topics.touch(topic, monotonic())
            if queues.is_known or not self.is_running() or self.accumulator.outage is not None:
                tell()
                return
            self._asking.add(told)
            queues.flushes.append(told)
            self._run_once()

        def told() -> None:
            self._asking.discard(told)
            tell()

        return self._io.call(begin)

    def describe(self, tell: Described, timeout: float, rights: TopicRights | None = None) -> bool:
        """Ask the cluster who it is; `tell` gets the answer, if there is one within `timeout` seconds.

        Args:
            tell: Hears of the answer, on the I/O thread.
            timeout: Seconds.
            rights: Of a topic, to be filled in before `tell` is called; None: they are not asked for.
        """
        check = PendingCheck(tell, monotonic() + timeout, rights)

        def begin() -> None:
            if self.state is EngineState.CLOSED or self.state is EngineState.FAILED:
                tell(None, None)
                return
            self._description.add(check, monotonic())
            self._run_once()

        return self._io.call(begin)

    def refresh_metadata(self, topic: str) -> None:
        """Have the cluster asked for a topic soon."""

        def begin() -> None:
            self._refresher.want_topic(topic)
            self._run_once()

        self._io.call(begin)

    def refusal(self, topic: str) -> ProduceError | None:
        """Return why the cluster does not serve a topic; None if it has not said so."""
        return self._unknown_topics.refusal(topic)

    def last_error(self) -> DekafError | None:
        """Return why no broker is connected at present."""
        return self._client.last_error

    def unavailable_for(self) -> float | None:
        """Return for how many seconds no broker has been reachable; None while one is, as far as is known."""
        return self._reachability.unavailable_for(monotonic())

    def close_accepting(self) -> None:
        """Accept nothing more."""
        if self.state is EngineState.RUNNING:
            self.state = EngineState.CLOSING
        self.accumulator.close()

    def terminate(self, tell: Callable[[], None]) -> bool:
        """Fail what is left and end the thread; call `tell` once that is done; False if it has ended already."""
        self._io.call(self._terminate)
        return self._io.when_ended(tell)

    def join(self, timeout: float) -> bool:
        """Wait `timeout` seconds, at most, until the thread is gone; False if it is not."""
        return self._io.join(timeout)

    def abandon(self, timeout: float, ended: Callable[[int], None]) -> None:
        """Deliver what was accepted, for `timeout` seconds at the most, then end; for a close that no caller waits for.

        `ended` is called with the number of records given up. Takes no lock.
        """
        is_over = False

        def finish() -> None:
            nonlocal is_over
            if is_over:  # giving up is an outcome, too: it ends the flush
                return
            is_over = True
            failed_before = self.statistics.failed
            self._terminate()
            ended(self.statistics.failed - failed_before)

        def begin() -> None:
            self.close_accepting()
            self._io.call_later(timeout, finish)
            self._flush(finish)

        self._io.call(begin)

    # The pass.

    def _run_once(self) -> None:
        """Do whatever is due, and have a timer bring the next pass when something falls due by itself.

        The engine's heartbeat. A pass comes when a caller wakes the thread, a connection becomes ready, takes requests
        again or ends, an answer has come, or the timer fires; it need not know which: each part looks at its own state.
        """
        if self.state is EngineState.CLOSED or self.state is EngineState.FAILED:
            return
        now = monotonic()
        self.accumulator.wake_for = WAKE_ALWAYS  # an append during this pass asks for another
        if self.accumulator.new_topics:
            self._take_new_topics(now)
        due = self._look_for_outage(now)
        times_out = NEVER
        if self._unknown_topics.is_waiting():
            servers = self._client.addresses_tried()
            times_out = self._unknown_topics.expire(self._read_until, self._client.trouble(), servers)
        for inquiry in self._inquiries:
            due = min(due, inquiry.run(now))
        if self._unknown_topics.is_waiting():  # now that any server that may be tried again is being tried
            self._end_refused_calls()
        due = min(due, self._sender.run(now, self._read_until))
        due = min(due, self._idle_topics.run(now))
        times_out = min(times_out, self._sender.times_out_at())
        if self._read_until < times_out <= now:
            self._read_first(now)
        else:
            due = min(due, times_out)
        self._arm(now, min(due, self.statistics.log_due(now)))
        if self._timer is not None and self._timer_due <= now + self._settings.sender.rules.linger:
            # The timer will look before any record appended from now on may have lingered long enough.
            self.accumulator.wake_for = WAKE_NEVER if self._queues.are_all_busy() else WAKE_AWAITED

    def _take_new_topics(self, now: float) -> None:
        """Have the cluster asked for the topics that callers have begun to produce to."""
        for name in self._unknown_topics.take_new_topics(now):
            self._refresher.add_topic(name)

    def _read_first(self, now: float) -> None:
        """Time nothing out before the sockets were read: the process may have stood still, and the answers be there."""
        if self._is_reading:
            return
        self._is_reading = True

        def read() -> None:
            self._is_reading = False
            self._read_until = now
            self._run_once()

        self._io.call_after_reading(read)

    def _end_refused_calls(self) -> None:
        """Let go the callers that wait for a topic while every server refuses us: waiting mends no password."""
        refusal = self._client.refusal()
        if refusal is None:
            return

        def refused_error(topic: str) -> ProduceError:
            error = ProduceError(
                f"No server accepts us, so the topic's metadata cannot be had: {refusal}",
                topic=topic,
                is_retriable=True,
            )
            return caused_error(error, refusal)

        self._unknown_topics.end_calls(refused_error)

    def _look_for_outage(self, now: float) -> float:
        """Begin or end an outage of the whole cluster; return when to look again."""
        outage = self.accumulator.outage
        if outage is None and not self._reachability.is_failing():
            return NEVER  # as in nearly every pass
        due = self._reachability.look(now, are_all_tried=self._client.are_all_tried())
        if self._reachability.is_failing():
            due = min(due, self._client.probe(now))
        if self._reachability.is_away():
            if outage is None and self.is_running():
                self._begin_outage(now)
            elif outage is not None and self.accumulator.take_late_calls():
                self._end_calls(outage)
        elif outage is not None:
            self.accumulator.end_outage()
            extra = {"dekaf_client_id": self._client_id, "dekaf_outage_seconds": now - outage.since}
            logger.info("A broker can be reached again (client_id %s)", self._client_id, extra=extra)
        return due

    def _begin_outage(self, now: float) -> None:
        unavailable = self._reachability.unavailable_for(now) or 0.0
        limit = f"unavailable_after_ms={self._settings.unavailable_after * 1000:.0f}"
        outage = Outage(now - unavailable, limit, self._client.trouble)
        self.accumulator.begin_outage(outage)  # first of all: calls from now on either see it, or ask to be ended
        self._end_calls(outage)
        extra: dict[str, object] = {"dekaf_client_id": self._client_id, "dekaf_outage_seconds": unavailable}
        trouble = self._client.trouble()
        if trouble is not None:
            extra["dekaf_error"] = type(trouble).__name__
        logger.warning(
            "No broker could be reached for %.1f s: calls that would wait fail at once until one can (client_id %s)",
            unavailable,
            self._client_id,
            extra=extra,
        )

    def _end_calls(self, outage: Outage) -> None:
        def batch_error(batch: ProducerBatch, _route: OutcomeRoute, fate: RecordFate) -> ProduceError:
            if fate is RecordFate.SENT:
                return outage.sent_error(batch.topic, int(batch.partition))
            return outage.withdrawn_error(batch.topic, int(batch.partition))

        def parked_error(topic: str) -> ProduceError:
            return outage.withdrawn_error(topic, None)

        self._take_new_topics(monotonic())
        self._unknown_topics.end_calls(parked_error)
        self._sender.end_calls(batch_error)
        for tell in list(self._asking):
            tell()

    def _end_parked(self, now: float) -> float:
        return self._unknown_topics.end_over(now, self._client.trouble())

    def _arm(self, now: float, due: float) -> None:
        if due == NEVER:
            return
        if self._timer is not None:
            if self._timer_due <= due + TIMER_SLACK:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._io.call_later(due - now, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._run_once()

    # The cluster.

    def _connection_lost(self, _node_id: int, _error: DekafError) -> None:
        self._refresher.want()
        self._run_once()

    # Flushing, ending.

    def _flush(self, tell: Callable[[], None]) -> None:
        waiter = FlushWaiter(tell, self._sender.pending_batches_of)
        waiter.start(self._sender.pending_batches(), list(self.accumulator.topics.values()))
        self._run_once()

    def _terminate(self) -> None:
        if self.state is EngineState.CLOSED or self.state is EngineState.FAILED:
            self._io.stop()
            return
        self._stop_chooser()
        hook = self._on_undelivered
        undelivered = None if hook is None else Undelivered(self._settings.codec)
        given_up_before = self.statistics.given_up
        self.statistics.is_giving_up = True
        self._give_up_everything("The producer was closed before the outcome was known", None, undelivered)
        self.statistics.is_giving_up = False
        if hook is not None and undelivered is not None and not undelivered.is_empty():
            hook.take(undelivered)
        self.state = EngineState.CLOSED
        reason = BrokerConnectionError("The producer was closed.")
        if self.statistics.given_up == given_up_before:
            self._client.finish(reason, self._io.stop)
            return
        self._client.close(reason)  # there was not even time for the rest
        self._io.stop()

    def _crashed(self, error: BaseException) -> None:
        """Fail everything that waits rather than leave it waiting for ever; the next record starts a fresh engine."""
        if self.state is EngineState.CLOSED or self.state is EngineState.FAILED:
            return
        self.close_accepting()
        self._stop_chooser()
        self.state = EngineState.FAILED
        self.statistics.last_error = repr(error)
        failure: BaseException | None = None
        try:
            self._give_up_everything(f"The producer's I/O thread failed unexpectedly: {error!r}", error, None)
        except BaseException as further:  # whatever broke the thread may have left its state in pieces
            failure = further
        self._client.close(BrokerConnectionError("The producer's I/O thread failed."))
        self._io.stop()
        known = facts(self._client_id, error=error)
        logger.error("The producer's I/O thread failed unexpectedly; please report this", error=error, extra=known)
        if failure is not None:
            known = facts(self._client_id, error=failure)
            logger.error("Not everything that was pending could be told", error=failure, extra=known)

    def _give_up_everything(self, reason: str, cause: BaseException | None, undelivered: Undelivered | None) -> None:
        def batch_error(batch: ProducerBatch) -> ProduceError:
            return topic_error(batch.topic, partition=int(batch.partition), may_be_persisted=batch.is_ambiguous)

        def topic_error(topic: str, *, partition: int | None = None, may_be_persisted: bool = False) -> ProduceError:
            error = DeliveryAbortedError(
                f"{reason}.",
                topic=topic,
                partition=partition,
                is_retriable=True,
                may_be_persisted=may_be_persisted,
            )
            error.__cause__ = cause if cause is not None else self._client.last_error
            return error

        self._unknown_topics.take_new_topics(monotonic())
        self._unknown_topics.abort(topic_error, undelivered)
        self._sender.abort(batch_error, undelivered)
        self._description.abort()
