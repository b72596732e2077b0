"""Records that wait for their topic: in order, in time, and never for ever."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition, Topic
from dekaf.errors import (
    BrokerConnectionError,
    DeliveryTimeoutError,
    ProduceError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)
from dekaf.partitioning import Partitioner, RoundRobinPartitioner
from dekaf.producer._buffer.accumulator import APPENDED, RecordAccumulator
from dekaf.producer._buffer.batch import BatchWaits
from dekaf.producer._engine.partition_chooser import PartitionChooser
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.unknown_topics import ParkingLimits, UnknownTopics
from dekaf.producer._waiting.mailbox import CALLBACK_COST, DEADLINE, OutcomeRoute, WaitKind
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
    batches_of,
    parked_record,
)

MAX_BLOCK = 5.0
LIFE = 30.0


def cluster_of(**partitions: int) -> ClusterMetadata:
    """Return a cluster with these topics, by their number of partitions."""
    return replace(
        NO_METADATA,
        brokers={1: Broker(node_id=1, host="b", port=1)},
        topics={
            name: Topic(name=name, topic_id=b"i" * 16, partitions=[Partition(leader_id=1, leader_epoch=0)] * count)
            for name, count in partitions.items()
        },
    )


choosers: list[PartitionChooser] = []


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """End the threads on which a test's partitioners were asked: other tests count threads."""
    yield
    while choosers:
        choosers.pop().stop()


def chooser_of(partitioner: Partitioner, posted: queue.SimpleQueue[Callable[[], None]]) -> PartitionChooser:
    """Return what asks a partitioner until the test is over."""
    choosers.append(PartitionChooser(partitioner, posted.put, "test"))
    return choosers[-1]


class Lot:
    """Unknown topics with everything around them."""

    def __init__(self, partitioner: Partitioner | None = None, heard: Heard | None = None) -> None:
        self.heard = heard or Heard()
        self.statistics = ProducerStatistics()
        self.accumulator: RecordAccumulator = accumulator_of(heard=self.heard, partitioner=partitioner)
        self.dropped: list[str] = []
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.unknown_topics = UnknownTopics(
            self.accumulator,
            self.heard.listener(),
            self.statistics,
            ParkingLimits(MAX_BLOCK, LIFE),
            self.dropped.append,
            None if partitioner is None else chooser_of(partitioner, self.posted),
        )

    def answer(self) -> None:
        """Have what the partitioner was asked last reach the I/O thread."""
        self.posted.get(timeout=10.0)()

    def park(
        self,
        value: bytes,
        *,
        topic: str = "t",
        key: bytes | None = None,
        partition: int = -1,
        accepted: float = 0.0,
        route: OutcomeRoute = CALLBACKS,
    ) -> CallbackNotes:
        """Park one record; return what it will hear."""
        notes = CallbackNotes()
        record = parked_record(
            value, topic=topic, key=key, partition=partition, recipient=notes, route=route, accepted=accepted
        )
        assert self.accumulator.park(self.accumulator.topic(topic), record, reserved=0) == APPENDED
        self.unknown_topics.take_new_topics(accepted)
        return notes

    def let_in(self, metadata: ClusterMetadata) -> None:
        """Have an answer with these topics come."""
        self.unknown_topics.let_in(metadata, list(metadata.topics))

    def expire(self, now: float, last_error: BrokerConnectionError | None = None) -> float:
        """Let time pass."""
        due = self.unknown_topics.expire(now, last_error, "a:1, b:2")
        self.heard.notify_all()
        return due

    def deny(self, now: float) -> None:
        """Have the cluster answer that there is no topic t."""
        denial = UnknownTopicOrPartitionError("does not exist", topic="t", code=3)
        self.unknown_topics.denied("t", denial, now, is_final=False)
        self.heard.notify_all()

    def values(self, topic: str = "t", partition: int = 0) -> list[int]:
        """Return how many records each batch of a partition has."""
        return [int(batch.record_count) for batch in batches_of(self.accumulator.topics[topic].partitions[partition])]

    @property
    def is_empty(self) -> bool:
        """Whether no memory is taken."""
        return bool(self.accumulator.buffer.free == self.accumulator.buffer.capacity)


def error_of(notes: CallbackNotes) -> ProduceError:
    """Return the one error that a record heard of."""
    assert len(notes) == 1
    metadata, error = notes[0]
    assert metadata is None
    assert error is not None
    return error


def test_known_topic_lets_its_records_in_and_opens() -> None:
    lot = Lot()
    for number in range(3):
        lot.park(b"%d" % number, partition=0)
    assert lot.unknown_topics.is_waiting()
    lot.let_in(cluster_of(t=2))

    topic = lot.accumulator.topics["t"]
    assert topic.is_known
    assert lot.values() == [3]
    assert not lot.unknown_topics.is_waiting()
    assert append(lot.accumulator, topic) == APPENDED
    assert lot.accumulator.pending_records() == 4


def test_topic_that_grew_has_more_queues() -> None:
    lot = Lot()
    lot.park(b"a", partition=0)
    lot.let_in(cluster_of(t=1))
    first = lot.accumulator.topics["t"].partitions[0]
    lot.let_in(cluster_of(t=3))

    assert len(lot.accumulator.topics["t"].partitions) == 3
    assert lot.accumulator.topics["t"].partitions[0] is first
    assert lot.accumulator.topics["t"].partitions[2].leader == 1


def test_partition_out_of_range_fails_that_record_alone() -> None:
    lot = Lot()
    lost, kept = lot.park(b"a", partition=7), lot.park(b"b", partition=1)
    lot.let_in(cluster_of(t=2))
    lot.heard.notify_all()

    assert isinstance(error_of(lost), UnknownTopicOrPartitionError)
    assert kept == []
    assert lot.values(partition=1) == [1]
    assert lot.statistics.failed == 1


def test_records_are_given_up_one_by_one_as_their_time_ends() -> None:
    lot = Lot()
    early, late = lot.park(b"a", accepted=100.0), lot.park(b"b", accepted=103.0)

    assert lot.expire(129.9) == pytest.approx(130.0)
    assert lot.expire(130.0) == pytest.approx(133.0)
    assert isinstance(error_of(early), DeliveryTimeoutError)
    assert late == []
    assert lot.expire(133.0) == math.inf
    assert isinstance(error_of(late), DeliveryTimeoutError)
    assert lot.is_empty
    assert lot.dropped == ["t"]
    assert not lot.unknown_topics.is_waiting()
    assert "t" not in lot.accumulator.topics
    assert lot.accumulator.pending_records() == 0


class AtOnce(list[BatchWaits]):
    """The callers of records: one of them does something else in the moment when it hears of an outcome."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__()
        self._do: Callable[[], object] | None = do

    def append(self, group: BatchWaits) -> None:
        super().append(group)
        do, self._do = self._do, None
        if do is not None:
            do()


def test_a_caller_that_tries_again_the_moment_it_hears_is_not_forgotten() -> None:
    """Its record is parked while the engine still looks for what is over; no other pass would look for it."""
    later: list[CallbackNotes] = []
    lot = Lot(heard=Heard(groups=AtOnce(lambda: later.append(lot.park(b"again", accepted=LIFE)))))
    lot.park(b"first")

    due = lot.expire(LIFE)
    assert due <= 2 * LIFE
    while due < 2 * LIFE:  # it may look earlier than it has to
        later_due = lot.expire(due)
        assert due < later_due <= 2 * LIFE
        due = later_due
    assert lot.expire(2 * LIFE) == math.inf

    assert isinstance(error_of(later[0]), DeliveryTimeoutError)
    assert lot.is_empty


def test_error_names_the_servers_and_the_trouble() -> None:
    lot = Lot()
    notes = lot.park(b"a")
    last_error = BrokerConnectionError("Cannot connect to the broker at a:1: refused.")
    lot.expire(LIFE, last_error)

    error = error_of(notes)
    assert "a:1, b:2" in str(error)
    assert "refused" in str(error)
    assert error.__cause__ is last_error
    assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)


def test_calls_end_and_what_was_left_to_the_producer_stays() -> None:
    lot = Lot()
    route = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False, is_call=True)
    fired, called = lot.park(b"a"), lot.park(b"b", route=route)

    lot.unknown_topics.end_calls(lambda topic: ProduceError("no server accepts us", topic=topic, is_retriable=True))
    lot.heard.notify_all()

    error = error_of(called)
    assert type(error) is ProduceError
    assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)
    assert fired == []
    assert lot.statistics.failed == 1
    assert lot.unknown_topics.is_waiting()
    lot.let_in(cluster_of(t=1))
    assert lot.values() == [1]


def test_a_topic_that_is_forgotten_while_the_partitioner_is_asked_is_not_waited_for() -> None:
    """Its records were withdrawn meanwhile, and it was not used for long enough."""
    lot = Lot(partitioner=RoundRobinPartitioner())
    notes = lot.park(b"a", route=CALLBACKS.until(1.0, DEADLINE))
    lot.let_in(cluster_of(t=1))
    lot.unknown_topics.end_over(time.monotonic() + 10.0, None)
    assert lot.accumulator.forget(lot.accumulator.topics["t"])

    lot.expire(LIFE)
    lot.answer()

    assert not lot.unknown_topics.is_waiting()
    lot.heard.notify_all()
    assert len(notes) == 1


def test_a_topic_created_anew_while_the_partitioner_is_asked_is_open_if_nothing_is_left_to_ask_about() -> None:
    lot = Lot(partitioner=RoundRobinPartitioner())
    lot.park(b"a", route=CALLBACKS.until(1.0, DEADLINE))
    lot.let_in(cluster_of(t=1))
    lot.unknown_topics.end_over(time.monotonic() + 10.0, None)
    lot.accumulator.replace_topic(lot.accumulator.topics["t"], 2)

    lot.expire(LIFE)

    assert not lot.unknown_topics.is_waiting()


def test_a_topic_whose_last_call_ended_is_forgotten() -> None:
    lot = Lot()
    route = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False, is_call=True)
    lot.park(b"a", route=route)

    lot.unknown_topics.end_calls(lambda topic: ProduceError("no", topic=topic))

    assert lot.dropped == ["t"]
    assert not lot.unknown_topics.is_waiting()
    assert lot.accumulator.pending_records() == 0


def test_error_says_what_the_cluster_said() -> None:
    lot = Lot()
    notes = lot.park(b"a")
    lot.deny(0.0)
    assert notes == []
    for second in range(1, 6):
        lot.deny(second)

    error = error_of(notes)
    assert isinstance(error, UnknownTopicOrPartitionError)
    assert error.code == 3
    assert "does not exist" in str(error)


def test_hopeless_answer_fails_the_records_at_once_and_is_not_remembered() -> None:
    lot = Lot()
    notes = lot.park(b"a")
    lot.unknown_topics.denied("t", TopicAuthorizationError("no", topic="t", code=29), 0.0, is_final=True)
    lot.heard.notify_all()
    assert isinstance(error_of(notes), TopicAuthorizationError)
    assert lot.is_empty

    again = lot.park(b"b")
    lot.let_in(cluster_of(t=1))
    assert again == []
    assert lot.values() == [1]


def test_known_topic_survives_whatever_is_said_about_it() -> None:
    """Also while the producer closes, when no topic counts as open any more."""
    lot = Lot()
    lot.park(b"a", partition=0)
    lot.let_in(cluster_of(t=1))
    lot.accumulator.close()
    lot.unknown_topics.denied("t", TopicAuthorizationError("no", topic="t", code=29), 0.0, is_final=True)

    assert "t" in lot.accumulator.topics
    assert lot.values() == [1]


def test_new_topic_that_an_earlier_answer_opened_is_not_waited_for() -> None:
    """Or the cluster would be asked about it for ever."""
    lot = Lot()
    lot.accumulator.park(lot.accumulator.topic("t"), parked_record(), reserved=0)
    lot.let_in(cluster_of(t=1))

    assert lot.unknown_topics.take_new_topics(0.0) == ["t"]
    assert not lot.unknown_topics.is_waiting()


def test_new_topic_that_an_earlier_answer_dropped_is_forgotten() -> None:
    lot = Lot()
    lot.accumulator.park(lot.accumulator.topic("t"), parked_record(), reserved=0)
    lot.unknown_topics.denied("t", TopicAuthorizationError("no", topic="t", code=29), 0.0, is_final=True)

    assert lot.unknown_topics.take_new_topics(0.0) == []
    assert lot.expire(1_000.0) == math.inf
    assert lot.is_empty


def test_closing_fails_what_is_parked_and_tells_flushes() -> None:
    lot = Lot()
    notes = lot.park(b"a")
    told: list[int] = []
    lot.accumulator.topics["t"].flushes.append(lambda: told.append(1))

    count = lot.unknown_topics.abort(lambda topic: ProduceError("closed", topic=topic), None)
    lot.heard.notify_all()

    assert count == 1
    assert error_of(notes).topic == "t"
    assert told == [1]
    assert lot.is_empty


def test_flushes_are_told_when_records_are_let_in_and_when_they_are_given_up() -> None:
    lot = Lot()
    told: list[str] = []
    for topic in ("t", "u"):
        lot.park(b"a", topic=topic, partition=0)
        lot.accumulator.topics[topic].flushes.append(lambda topic=topic: told.append(topic))  # type: ignore[misc]  # mypy cannot infer a lambda's default
    lot.let_in(cluster_of(t=1))
    assert told == ["t"]
    lot.expire(LIFE)

    assert told == ["t", "u"]


def test_failures_are_counted_before_anybody_hears_of_them() -> None:
    lot = Lot()
    seen: list[tuple[int, int]] = []

    class Looking(CallbackNotes):
        def __call__(self, *_: Any) -> None:
            seen.append((lot.statistics.failed, lot.accumulator.pending_records()))

    record = parked_record(partition=-1, recipient=Looking(), route=CALLBACKS)
    lot.accumulator.park(lot.accumulator.topic("t"), record, reserved=0)
    lot.unknown_topics.take_new_topics(0.0)
    lot.expire(LIFE)

    assert seen == [(1, 0)]


class Saying:
    """A partitioner that says what it is told, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.counts: list[int] = []
        self._answer = answer

    def partition(self, _topic: str, _key: bytes | None, count: int, /) -> int | None:
        self.counts.append(count)
        if isinstance(self._answer, BaseException):
            raise self._answer
        answer: int | None = self._answer
        return answer


def test_own_partitioner_is_asked_for_parked_records() -> None:
    lot = Lot(Saying(1))
    lot.park(b"a", key=b"key")
    lot.let_in(cluster_of(t=2))
    assert (lot.values(partition=1), lot.unknown_topics.is_waiting()) == ([], True)

    lot.answer()

    assert lot.values(partition=1) == [1]
    assert lot.accumulator.topics["t"].is_known
    assert not lot.unknown_topics.is_waiting()


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_partitioner_that_raises_fails_its_record_and_nothing_else(kind: type[BaseException]) -> None:
    failure = kind("on purpose")
    lot = Lot(Saying(failure))
    bad, good = lot.park(b"a"), lot.park(b"b", partition=0)
    lot.let_in(cluster_of(t=1))
    lot.answer()
    lot.heard.notify_all()

    assert error_of(bad).__cause__ is failure
    assert good == []
    assert lot.values() == [1]


def test_records_parked_while_the_partitioner_is_asked_overtake_none() -> None:
    lot = Lot(Saying(0))
    topic = lot.accumulator.topic("t")
    for value in (b"a", b"b"):
        lot.park(value)
    lot.let_in(cluster_of(t=1))
    lot.park(b"c")
    lot.park(b"d", partition=0)
    lot.let_in(cluster_of(t=1))  # another answer of a broker, meanwhile

    lot.answer()
    assert (lot.values(), topic.is_known) == ([2], False)
    lot.answer()

    assert (lot.values(), topic.is_known) == ([4], True)
    assert lot.posted.empty()


def test_partitioner_is_asked_again_when_the_topic_has_other_partitions_by_then() -> None:
    partitioner = Saying(0)
    lot = Lot(partitioner)
    lot.park(b"a")
    lot.let_in(cluster_of(t=3))
    lot.accumulator.replace_topic(lot.accumulator.topics["t"], 2)
    lot.let_in(cluster_of(t=2))

    lot.answer()
    lot.answer()

    assert partitioner.counts == [3, 2]
    assert lot.accumulator.topics["t"].is_known
    assert lot.values() == [1]


def test_records_have_their_time_while_the_partitioner_is_asked() -> None:
    lot = Lot(Saying(0))
    notes = lot.park(b"a")
    lot.let_in(cluster_of(t=1))
    lot.expire(LIFE)
    assert isinstance(error_of(notes), DeliveryTimeoutError)
    lot.park(b"b", accepted=LIFE)

    lot.answer()
    lot.answer()

    assert lot.values() == [1]
    assert lot.accumulator.topics["t"].is_known


def test_what_the_partitioner_is_asked_about_is_aborted_with_the_rest() -> None:
    lot = Lot(Saying(0))
    lot.accumulator.topic("t")
    lot.accumulator.add_partitions(lot.accumulator.topics["t"], 1)  # it became known before it was asked for
    notes = lot.park(b"a")
    lot.let_in(cluster_of(t=1))

    assert lot.unknown_topics.abort(lambda topic: ProduceError("closed", topic=topic), None) == 1
    lot.heard.notify_all()
    assert error_of(notes).topic == "t"
    lot.accumulator.close()
    lot.answer()

    assert lot.values() == []
    assert len(notes) == 1


def test_records_for_which_a_caller_waits_can_be_ended_alone() -> None:
    lot = Lot()
    called = CallbackNotes()
    call = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False, is_call=True)
    kept = [lot.park(b"a", partition=0), lot.park(b"b", partition=0)]
    record = parked_record(partition=0, recipient=called, route=call)
    lot.accumulator.park(lot.accumulator.topic("t"), record, reserved=0)
    kept.append(lot.park(b"c", partition=0))

    lot.unknown_topics.end_calls(lambda topic: ProduceError("no hope", topic=topic))
    lot.heard.notify_all()

    assert error_of(called).topic == "t"
    assert kept == [[], [], []]
    assert [record.value for record in lot.accumulator.topics["t"].parked] == [b"a", b"b", b"c"]
    assert lot.accumulator.pending_records() == 3


def test_silence_is_no_denial() -> None:
    lot = Lot()
    notes = lot.park(b"a")
    lot.deny(0.0)
    lot.expire(MAX_BLOCK)
    lot.deny(20.0)  # nobody answered in between

    assert notes == []


def test_record_is_denied_from_the_first_answer_after_it_came() -> None:
    lot = Lot()
    early = lot.park(b"a")
    for second in range(4):
        lot.deny(second)
    late = lot.park(b"b", accepted=3.5)
    for second in range(4, 9):
        lot.deny(second)

    assert isinstance(error_of(early), UnknownTopicOrPartitionError)
    assert late == []
    lot.deny(9.0)
    assert isinstance(error_of(late), UnknownTopicOrPartitionError)


def test_record_whose_call_is_over_is_withdrawn_and_the_others_keep_their_order() -> None:
    lot = Lot()
    kept = [lot.park(b"a", partition=0), lot.park(b"b", partition=0)]
    called = CallbackNotes()
    record = parked_record(b"x", partition=0, recipient=called, route=CALLBACKS.ending(4.0, "the call's deadline"))
    lot.accumulator.park(lot.accumulator.topic("t"), record, reserved=0)
    kept.append(lot.park(b"c", partition=0))

    assert lot.unknown_topics.end_over(3.9, None) == 4.0
    assert lot.unknown_topics.end_over(4.0, None) == math.inf
    lot.heard.notify_all()

    error = error_of(called)
    assert isinstance(error, DeliveryTimeoutError)
    assert (error.is_retriable, error.may_be_persisted) == (True, False)
    assert "the call's deadline" in str(error)
    assert kept == [[], [], []]
    assert [record.value for record in lot.accumulator.topics["t"].parked] == [b"a", b"b", b"c"]
