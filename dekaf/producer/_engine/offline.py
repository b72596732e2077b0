"""The engine of the backends without Kafka: every record is delivered on the spot, and kept or dropped.

It has no thread and no connection. Topics never become known, so every record is parked, and the thread that parked one
completes what is parked: by the time a call has handed its record over, the outcome is told. Serializers, limits, the
partitioner, the counters and all that waits for outcomes are those of the Kafka engine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf._cluster.metadata import NO_EPOCH, NO_LEADER, ClusterMetadata, Partition, Topic
from dekaf._log_thread import DeferredLogger, facts
from dekaf._record.builder import content_size
from dekaf._record.record_reader import decode_headers
from dekaf._threads.primitives import new_lock
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import BrokerConnectionError, DekafError, DeliveryAbortedError, ProduceError, caused_error
from dekaf.partitioning import Partitioner
from dekaf.producer._buffer.accumulator import BufferLimits, RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener
from dekaf.producer._buffer.outage import Outage
from dekaf.producer._buffer.queues import TopicQueues, batch_without_bytes
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._engine.engine import EngineState
from dekaf.producer._engine.partition_chooser import choose_partition
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._inquiries.description import Described, TopicRights
from dekaf.producer.produced import ProducedMessages, RecordedMessage
from dekaf.types import ClusterDescription, ConnectionSecurity, Headers

logger = DeferredLogger("dekaf.producer.engine")

# Every topic exists and has this many partitions. One asked for explicitly is taken whatever its number, so that an
# application that writes to partition 7 works here, too.
PARTITIONS: Final = 1


@final
class OfflineEngine:
    """Public methods may be called from any thread."""

    def __init__(  # noqa: PLR0913 # what it shares with the Kafka engine, and where messages go
        self,
        backend: str,
        limits: BufferLimits,
        partitioner: Partitioner | None,
        listener: BatchListener,
        statistics: ProducerStatistics,
        produced: ProducedMessages | None,
        alias: str | None,
    ) -> None:
        self.state = EngineState.RUNNING
        self.statistics: Final = statistics
        self.accumulator: Final = RecordAccumulator(limits, None, partitioner, listener, self.wake)
        self._backend: Final = backend
        self._partitioner: Final = partitioner
        self._listener: Final = listener
        self._produced: Final = produced  # None drops everything
        self._alias: Final = alias  # is noted with what is kept
        self._flushes: deque[Callable[[], None]] = deque()
        # The thread that holds it completes records; it guards everything below. No thread ever waits for it: a
        # finalizer, or a partitioner, that produces meanwhile leaves its record to the thread that holds it.
        self._turn = new_lock()
        self._topics: dict[str, None] = {}
        self._held: deque[tuple[str, WaitingRecord]] = deque()  # what was accepted while a test has Kafka away
        self._outage: Outage | None = None  # while it is; the accumulator's ends with accepting
        self._away_since = 0.0  # monotonic seconds
        self._interrupt: BaseException | None = None  # to be raised once every record has an outcome

    def start(self) -> None:
        """Say once that nothing goes to Kafka: in production, that would be a mistake."""
        if self._produced is not None:
            self._produced.follow(self._look_for_outage)
            self._look_for_outage()
            if self._produced.keeps_everything:
                return  # a test knows
        elif self._alias is not None:
            return  # who puts it in the place of an alias for a while means it
        fate = "dropped" if self._produced is None else "kept in memory"
        known = facts(self.statistics.client_id)
        logger.warning("backend=%r: messages are %s, and nothing is sent to Kafka", self._backend, fate, extra=known)

    def wake(self) -> None:
        """Settle what is parked, unless another thread is at it: that one will look again."""
        interrupt: BaseException | None = None
        while self._has_work():
            if not self._turn.acquire(blocking=False):
                break
            try:
                self._complete_all()
                interrupt = interrupt or self._interrupt
                self._interrupt = None
            finally:
                self._turn.release()
        if interrupt is not None:
            raise interrupt

    def _has_work(self) -> bool:
        if self.accumulator.new_topics:
            return True
        return self._outage is None and bool(self._flushes or self._held)

    def is_running(self) -> bool:
        """Return whether it accepts records."""
        return self.state is EngineState.RUNNING

    def is_alive(self) -> bool:
        """Return whether it has not ended."""
        return self.state is not EngineState.CLOSED

    def metadata(self) -> ClusterMetadata:
        """Return the topics that were produced to, or asked about; there are no brokers."""
        partitions = [Partition(leader_id=NO_LEADER, leader_epoch=NO_EPOCH) for _ in range(PARTITIONS)]
        topics = {name: Topic(name=name, topic_id=NULL_UUID, partitions=partitions) for name in self._topics.copy()}
        return ClusterMetadata(brokers={}, topics=topics)

    def in_flight_requests(self) -> int:
        """Return how many produce requests are under way."""
        return 0

    def connected_brokers(self) -> int:
        """Return how many brokers are connected."""
        return 0

    def connects(self) -> int:
        """Return how many connections became ready."""
        return 0

    def connections(self) -> tuple[ConnectionSecurity, ...]:
        """Return none."""
        return ()

    def flush(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once everything accepted so far has an outcome."""
        self._flushes.append(tell)
        self.wake()
        return True

    def when_known(self, topic: str, tell: Callable[[], None]) -> bool:
        """Call `tell` at once: every topic exists, unless Kafka is away."""
        if self._outage is None:
            self._topics[topic] = None
        tell()
        return True

    def describe(self, tell: Described, timeout: float, rights: TopicRights | None = None) -> bool:
        """Describe the cluster that is none, unless a test ordered this to fail."""
        failure = None if self._produced is None else self._produced.next_check_error()
        if failure is None:
            failure = self.last_error()
        if failure is not None:
            tell(None, failure)
            return True
        tell(ClusterDescription(cluster_id=self._backend, controller_id=-1, brokers=()), None)
        return True

    def refresh_metadata(self, topic: str) -> None:
        """There is no broker to ask."""

    def refusal(self, topic: str) -> ProduceError | None:
        """Return None: there is no cluster that refuses a topic."""
        return None

    def last_error(self) -> DekafError | None:
        """Return None: nothing can go wrong with connections, unless a test has Kafka away."""
        return None if self._outage is None else BrokerConnectionError("The test has Kafka away")

    def unavailable_for(self) -> float | None:
        """Return None: there is no broker to be reached, unless a test has Kafka away."""
        return None if self._outage is None else time.monotonic() - self._away_since

    def close_accepting(self) -> None:
        """Accept nothing more."""
        if self.state is EngineState.RUNNING:
            self.state = EngineState.CLOSING
        self.accumulator.close()

    def terminate(self, tell: Callable[[], None]) -> bool:
        """End at once."""
        if self._produced is not None:
            self._produced.unfollow(self._look_for_outage)
        self.close_accepting()
        self._give_up()
        self.wake()
        self.state = EngineState.CLOSED
        return False

    def join(self, timeout: float) -> bool:
        """Return True: there is no thread."""
        return True

    def abandon(self, timeout: float, ended: Callable[[int], None]) -> None:
        """End at once."""
        self.terminate(_nothing)
        ended(0)

    # Kafka that a test has away.

    def _look_for_outage(self) -> None:
        """Begin or end an outage, as a test ordered; on its thread."""
        produced = self._produced
        if produced is None:
            return
        if produced.is_away and self._outage is None:
            self._away_since = time.monotonic()
            self._outage = Outage(self._away_since, "as the test wants it", self.last_error)
            self.accumulator.begin_outage(self._outage)
        elif self._outage is not None and not produced.is_away:
            self._outage = None
            self.accumulator.end_outage()
            self.wake()

    def _give_up(self) -> None:
        """Fail what was held back when the producer ends meanwhile."""
        self._outage = None
        while self._held:
            self.statistics.is_giving_up = True
            topic, record = self._held.popleft()
            error = DeliveryAbortedError(
                "The producer was closed while Kafka was away.", topic=topic, is_retriable=True, may_be_persisted=False
            )
            self._fail(topic, record, error)

    # Settling; only while holding the turn.

    def _complete_all(self) -> None:
        flushes = self._flushes
        due = len(flushes)  # before looking at the records: all that these wait for are parked by now
        outage = self._outage
        while outage is None and self._held:
            name, record = self._held.popleft()
            self._complete(name, record)
        for topic in self.accumulator.take_new_topics():
            for record in self._take_parked(topic):
                if outage is None:
                    self._complete(topic.name, record)
                elif record.route is not None and record.route.is_call:
                    self._fail(topic.name, record, outage.withdrawn_error(topic.name, None))
                else:
                    self._held.append((topic.name, record))
        if outage is None:
            for _ in range(due):
                flushes.popleft()()
        self.statistics.log_due(time.monotonic())  # there is no I/O thread to do it

    def _take_parked(self, topic: TopicQueues) -> deque[WaitingRecord]:
        """Take a topic's records, and forget the topic: its next record makes it new again, and is found that way."""
        fresh: deque[WaitingRecord] = deque()
        with self.accumulator.lock:
            parked = topic.parked
            topic.parked = fresh
            topic.is_dropped = True
            self.accumulator.topics.pop(topic.name, None)
        return parked

    def _complete(self, topic: str, record: WaitingRecord) -> None:
        try:
            partition = self._partition_of(topic, record)
            failure = None if self._produced is None else self._produced.outcome_error(topic, partition)
            if failure is not None:
                self._fail(topic, record, failure)
                return
            offset = self._write(topic, partition, record)
        except ProduceError as error:
            self._fail(topic, record, error)
            return
        except BaseException as error:  # a partitioner that calls sys.exit(), or a signal
            self._interrupt = error
            self._fail(topic, record, caused_error(ProduceError(f"Interrupted by {error!r}.", topic=topic), error))
            return
        batch = batch_without_bytes(topic, partition, [record], self._listener)
        # Counted, and given back, first: a caller who hears of it may look at the counters at once.
        self.accumulator.completed += 1
        self.statistics.look_at_clock()
        self.statistics.record_delivered(topic, 1, record.accepted)
        self.accumulator.buffer.give_back(batch.charged)
        batch.succeed(offset, -1)

    def _fail(self, topic: str, record: WaitingRecord, error: ProduceError) -> None:
        batch = batch_without_bytes(topic, record.partition, [record], self._listener)
        self.accumulator.completed += 1
        self.statistics.record_failed(1, error, record.accepted)
        self.accumulator.buffer.give_back(batch.charged)
        batch.fail(error)

    def _partition_of(self, topic: str, record: WaitingRecord) -> int:
        if record.partition >= 0:
            return int(record.partition)
        if self._partitioner is None:
            return 0
        return max(0, choose_partition(self._partitioner, topic, record.key, PARTITIONS))

    def _write(self, topic: str, partition: int, record: WaitingRecord) -> int:
        """Keep a record, or drop it; return its offset, -1 if it was dropped."""
        self._topics[topic] = None
        if self._produced is None:
            return -1
        offset = self._produced.take_offset(topic, partition)
        message = RecordedMessage(
            topic=topic,
            partition=partition,
            key=record.key,
            value=record.value,
            headers=Headers(decode_headers(record.headers)),
            timestamp_ms=int(record.timestamp),
            offset=offset,
            alias=self._alias,
        )
        size: i64 = content_size(record.key, record.value, record.headers)
        self._produced.keep(message, int(size))
        return offset


def _nothing() -> None:
    """Nothing waits for the end."""
