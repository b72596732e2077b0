"""Let parked records into their topic's batches once its partitions are known, or fail them if that takes too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, final

from dekaf._cluster.metadata import ClusterMetadata
from dekaf._cluster.refresh import NEVER
from dekaf.errors import (
    DekafError,
    DeliveryTimeoutError,
    ProduceError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer._buffer.accumulator import APPENDED, RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener
from dekaf.producer._buffer.queues import TopicQueues, batch_without_bytes
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._engine.partition_chooser import PartitionChooser, choose_partition
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import Undelivered
from dekaf.producer._engine.waiting_calls import RecordFate, leaves_with_call, limit_error

# Seconds between two answers of a cluster that goes on answering: the longest back-off, with some time for the answer.
# What is longer was silence, at least in part.
LONGEST_BETWEEN_ANSWERS: Final = 1.5


MOST_REFUSALS: Final = 100


def _is_any(_: WaitingRecord) -> bool:
    return True


def _is_of_call(record: WaitingRecord) -> bool:
    route = record.route
    return route is not None and route.is_call and leaves_with_call(route, record.recipient)


def no_such_partition_error(topic: str, partition: int, count: int) -> ProduceError:
    """Return the error for an explicit partition that the topic does not have."""
    return UnknownTopicOrPartitionError(
        f"There is no partition {partition}: the topic has partitions 0 to {count - 1}.",
        topic=topic,
        partition=partition,
    )


@final
class ParkingLimits:
    """For how long records may be parked; times in seconds."""

    def __init__(self, max_block: float, life: float) -> None:
        self.max_block: Final = max_block  # while the cluster answers, and denies the topic
        self.life: Final = life  # of a record, whatever happens


@final
class TopicDenial:
    """For how long live answers have denied a topic. Silence does not count: a topic may well be there, unheard of."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._seconds = 0.0

    def repeat(self, now: float) -> None:
        """Note another such answer."""
        self._seconds += min(now - self._at, LONGEST_BETWEEN_ANSWERS)
        self._at = now

    def lasted_for(self, record: WaitingRecord) -> float:
        """Return for how long a record has seen the topic denied, from the first answer after it was parked."""
        if record.denied_at < 0.0:
            record.denied_at = self._seconds
        return self._seconds - record.denied_at


@final
class UnknownTopics:
    """The parked records of all topics. Owned by the I/O thread; times are monotonic seconds.

    Args:
        accumulator: Where they are parked, and go to.
        listener: Of the batches through which they are told.
        statistics: The producer's.
        limits: For how long they are parked.
        dropped: Hears of topics that no record waits for any more.
        chooser: Asks a user's partitioner; None if there is none of a user's.
    """

    def __init__(  # one per room it stands on
        self,
        accumulator: RecordAccumulator,
        listener: BatchListener,
        statistics: ProducerStatistics,
        limits: ParkingLimits,
        dropped: Callable[[str], None],
        chooser: PartitionChooser | None = None,
    ) -> None:
        self._accumulator: Final = accumulator
        self._listener: Final = listener
        self._statistics: Final = statistics
        self._limits: Final = limits
        self._dropped: Final = dropped
        self._chooser: Final = chooser
        self._asking: set[str] = set()  # topics about whose records the partitioner is being asked
        self._denials: dict[str, TopicDenial] = {}
        self._refusals: dict[str, ProduceError] = {}  # what was said last that asking again does not change
        self._waiting: dict[str, float] = {}  # topics whose partitions are not known, and since when
        self._next_look = NEVER  # when the time of the first of their records ends

    def take_new_topics(self, now: float) -> list[str]:
        """Return the topics a caller has begun to produce to."""
        # An answer to a question asked earlier may have dealt with a new topic already.
        names = [topic.name for topic in self._accumulator.take_new_topics() if not topic.is_dropped]
        for name in names:
            if not self._accumulator.topics[name].partitions:
                self._waiting[name] = now
                self._next_look = min(self._next_look, now + min(self._limits.max_block, self._limits.life))
        return names

    def is_waiting(self) -> bool:
        """Return whether any topic's partitions are not known."""
        return len(self._waiting) > 0

    def let_in(self, metadata: ClusterMetadata, names: Iterable[str]) -> None:
        """Place the parked records of those topics that are known by now, and open them; extend what has grown."""
        for name in names:
            topic = self._accumulator.topics.get(name)
            known = metadata.topics.get(name)
            if topic is None or known is None:
                continue
            self._denials.pop(name, None)
            self._refusals.pop(name, None)
            before = len(topic.partitions)
            if before < len(known.partitions):
                self._accumulator.add_partitions(topic, len(known.partitions))
                for queue in topic.partitions[before:]:
                    queue.leader = metadata.leader(name, int(queue.partition))
            if not topic.is_known:
                self._place(topic)

    def denied(self, topic: str, error: ProduceError, now: float, *, is_final: bool) -> None:
        """Fail the records of a topic that the cluster does not serve, once it has said so for long enough.

        Args:
            topic: Its name.
            error: What the cluster says.
            now: Monotonic seconds.
            is_final: Asking again is no use.
        """
        queues = self._accumulator.topics.get(topic)
        if queues is None or queues.partitions:
            return  # no record waits for it
        if is_final:
            if len(self._refusals) >= MOST_REFUSALS:  # the oldest one: names are the application's, without end
                del self._refusals[next(iter(self._refusals))]
            self._refusals[topic] = error
            self._fail_all(queues, error)
            return
        denial = self._denials.get(topic)
        if denial is None:
            denial = self._denials[topic] = TopicDenial(now)
        denial.repeat(now)
        denied = self._take(queues, lambda record: denial.lasted_for(record) >= self._limits.max_block)
        self._fail(queues, denied, self._denied_error(topic, error))
        self._drop_if_over(queues, now)

    def refusal(self, topic: str) -> ProduceError | None:
        """Return why the cluster serves a topic to nobody, or not to us; None if it has not said so. On any thread."""
        return self._refusals.get(topic)

    def expire(self, now: float, last_error: DekafError | None, servers: str) -> float:
        """Fail what waited for `delivery_timeout_ms`, oldest first; return when to look again."""
        if now < self._next_look:
            return self._next_look
        self._next_look = NEVER
        for topic in self._waiting_topics():
            expired: list[WaitingRecord] = []
            with self._accumulator.lock:
                while topic.parked and now - topic.parked[0].accepted >= self._limits.life:
                    expired.append(topic.parked.popleft())
            self._fail(topic, expired, self._expired_error(topic.name, last_error, servers))
            self._drop_if_over(topic, now)
        return self._next_look

    def end_over(self, now: float, last_error: DekafError | None) -> float:
        """Fail the records of calls whose limit is over; return when the next one is."""
        due = NEVER

        def is_over(record: WaitingRecord) -> bool:
            nonlocal due
            if record.route is None:
                return False
            if record.route.ends_at > now:
                due = min(due, record.route.ends_at)
            return record.route.ends_at <= now and leaves_with_call(record.route, record.recipient)

        for topic in self._waiting_topics():
            for record in self._take(topic, is_over):
                assert record.route is not None
                error = limit_error(topic.name, None, record.route, RecordFate.WITHDRAWN, last_error)
                self._fail(topic, [record], error)
            due = min(due, self._drop_if_over(topic, now))
        return due

    def end_calls(self, make_error: Callable[[str], ProduceError]) -> None:
        """Fail the records for which a caller waits; those that were left to the producer stay."""
        for topic in self._waiting_topics():
            ended = self._take(topic, _is_of_call)
            if ended:
                self._fail(topic, ended, make_error(topic.name))
                self._drop_if_empty(topic)

    def abort(self, make_error: Callable[[str], ProduceError], undelivered: Undelivered | None) -> int:
        """Fail everything parked; return how many records that was. `undelivered` takes them down before."""
        count = 0
        for topic in self._waiting_topics():
            count += len(topic.parked)
            if undelivered is not None:
                for record in list(topic.parked):
                    undelivered.add_parked(topic.name, record)
            self._fail_all(topic, make_error(topic.name))
            for flush in self._take_flushes(topic):
                flush()
        return count

    def _waiting_topics(self) -> list[TopicQueues]:
        """Return the topics that records wait for, and drop those that are open, or forgotten, by now.

        While a user's partitioner is asked about the records of a topic these may be withdrawn, and the topic forgotten
        for lack of use, or created anew without them.
        """
        topics: list[TopicQueues] = []
        for name in list(self._waiting):
            topic = self._accumulator.topics.get(name)
            if topic is None or topic.is_known:
                del self._waiting[name]
            else:
                topics.append(topic)
        return topics

    def _place(self, topic: TopicQueues) -> None:
        # In rounds, as records are placed without the lock. The last round, which finds nothing left, opens the topic
        # under the same lock, so no direct append can overtake a parked record.
        empty: deque[WaitingRecord] = deque()
        while True:
            with self._accumulator.lock:
                parked = topic.parked
                topic.parked = empty
                if not parked:
                    topic.is_known = not self._accumulator.is_closed
            if not parked:
                break
            empty = deque()
            try:
                while parked and not self._is_to_be_asked_about(parked[0], topic):
                    self._place_record(topic, parked.popleft())
            except BaseException:  # this thread ends, and fails what it finds
                self._put_back(topic, parked)
                raise
            if parked:
                asked = [record for record in parked if self._is_to_be_asked_about(record, topic)]
                self._put_back(topic, parked)  # there, they may still be withdrawn, and their time be over
                self._ask(topic, asked)
                return
        self._waiting.pop(topic.name, None)
        for flush in self._take_flushes(topic):
            flush()

    def _is_to_be_asked_about(self, record: WaitingRecord, topic: TopicQueues) -> bool:
        return self._chooser is not None and record.partition < 0 and record.chosen_of != len(topic.partitions)

    def _put_back(self, topic: TopicQueues, parked: deque[WaitingRecord]) -> None:
        with self._accumulator.lock:
            topic.parked.extendleft(reversed(parked))

    def _ask(self, topic: TopicQueues, records: list[WaitingRecord]) -> None:
        """Have the partitioner choose for these records, and place them then, along with what is parked meanwhile."""
        name = topic.name
        chooser = self._chooser
        if name in self._asking or chooser is None:
            return

        def chosen() -> None:
            self._asking.discard(name)
            present = self._accumulator.topics.get(name)  # it may have been created anew
            if present is not None and present.partitions and not present.is_known:
                self._place(present)

        self._asking.add(name)
        if name not in self._waiting:  # it became known before it was ever asked for: its records alone have an end
            self._waiting[name] = NEVER
            self._next_look = 0.0
        chooser.ask(name, records, len(topic.partitions), chosen)

    def _place_record(self, topic: TopicQueues, record: WaitingRecord) -> None:
        count = len(topic.partitions)
        partition = record.partition
        try:
            if partition >= count:
                raise no_such_partition_error(topic.name, int(partition), count)  # told below like the others
            if partition < 0 and self._chooser is not None:
                partition = record.chosen_partition()
            elif partition < 0 and self._accumulator.partitioner is not None:
                partition = choose_partition(self._accumulator.partitioner, topic.name, record.key, count)
        except ProduceError as error:
            self._fail(topic, [record], error)
            return
        status = self._accumulator.place(topic, record, partition)
        assert status == APPENDED, status  # its memory was taken when it was parked

    def _take(self, topic: TopicQueues, is_over: Callable[[WaitingRecord], bool]) -> list[WaitingRecord]:
        """Take out the parked records that `is_over` says; the others keep their order."""
        fresh: deque[WaitingRecord] = deque()
        with self._accumulator.lock:
            parked = topic.parked
            topic.parked = fresh
        taken: list[WaitingRecord] = []
        kept: list[WaitingRecord] = []
        for record in parked:
            (taken if is_over(record) else kept).append(record)
        with self._accumulator.lock:
            while kept:  # in front of what was parked meanwhile
                topic.parked.appendleft(kept.pop())
        return taken

    def _fail_all(self, topic: TopicQueues, error: ProduceError) -> None:
        self._fail(topic, self._take(topic, _is_any), error)
        self._drop_if_empty(topic)

    def _drop_if_over(self, topic: TopicQueues, now: float) -> float:
        """Forget a topic for which nothing waits, once it was asked for long enough; return when that is.

        A caller may park its next record at any moment, even in this pass, when it hears of the one before: there is
        always a later look for it.
        """
        over = self._waiting.get(topic.name, NEVER) + self._limits.max_block
        if now >= over:
            self._drop_if_empty(topic)
        if topic.name not in self._waiting:
            return NEVER
        with self._accumulator.lock:
            is_empty = not topic.parked
            first = now if is_empty else topic.parked[0].accepted
        self._next_look = min(self._next_look, first + self._limits.life)
        if not is_empty or over <= now:
            return NEVER
        self._next_look = min(self._next_look, over)
        return over

    def _drop_if_empty(self, topic: TopicQueues) -> None:
        """Forget a topic no record waits for: names are the application's, and may be without end."""
        with self._accumulator.lock:
            if topic.partitions or topic.parked:
                return
            topic.is_dropped = True
            self._accumulator.topics.pop(topic.name, None)
        self._denials.pop(topic.name, None)
        self._waiting.pop(topic.name, None)
        self._dropped(topic.name)
        for flush in self._take_flushes(topic):
            flush()

    def _take_flushes(self, topic: TopicQueues) -> list[Callable[[], None]]:
        flushes = topic.flushes
        topic.flushes = []
        return flushes

    def _fail(self, topic: TopicQueues, records: list[WaitingRecord], error: ProduceError) -> None:
        if not records:
            return
        batch = batch_without_bytes(topic.name, -1, records, self._listener)
        # Counted, and given back, first: a caller who hears of it may look at the counters at once.
        self._accumulator.completed += len(records)
        self._statistics.record_failed(len(records), error, records[0].accepted)
        self._accumulator.buffer.give_back(batch.charged)
        batch.fail(error)

    def _denied_error(self, topic: str, answer: ProduceError) -> ProduceError:
        return type(answer)(
            f"The topic did not become available within max_block_ms={self._limits.max_block * 1000:.0f}: "
            f"{answer.message}",
            topic=topic,
            code=answer.code,
            is_retriable=True,
        )

    def _expired_error(self, topic: str, last_error: DekafError | None, servers: str) -> ProduceError:
        within = f"within delivery_timeout_ms={self._limits.life * 1000:.0f}"
        reason = "no broker answered." if last_error is None else str(last_error)
        error = DeliveryTimeoutError(
            f"Waited for the topic's metadata, which did not come {within}: {reason} Servers: {servers}.",
            topic=topic,
            is_retriable=True,
        )
        error.__cause__ = last_error
        return error
