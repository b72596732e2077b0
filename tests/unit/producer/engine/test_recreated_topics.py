"""What becomes of batches whose topic was created anew, partition by partition."""

from __future__ import annotations

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import OutOfOrderSequenceError, UnknownTopicOrPartitionError
from dekaf.producer._buffer.accumulator import APPENDED, NOT_KNOWN
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch, SequenceState
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.recreated_topics import RecreatedTopics
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, ProducerIdState
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
    cluster_of,
    constant_backoff,
    open_topic,
)


class Desk:
    """A topic of three partitions, and everything around it."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.accumulator = accumulator_of(heard=self.heard, batch_size=1)
        self.topic = open_topic(self.accumulator, partitions=3)
        cluster = self.cluster = cluster_of(self.accumulator)
        self.queues = cluster.queues
        self.producer_id = ProducerIdSource(constant_backoff, is_needed=True)
        self.producer_id.identity = ProducerIdAndEpoch(1, 0)
        self.producer_id.state = ProducerIdState.READY
        self.completion = BatchCompletion(
            self.accumulator,
            cluster,
            self.producer_id,
            RetrySettings(30.0, constant_backoff),
            ProducerStatistics(),
            lambda: 0.0,
        )
        self.recreated_topics = RecreatedTopics(self.accumulator, self.queues, self.completion)

    def add(self, partition: int) -> tuple[ProducerBatch, CallbackNotes]:
        """Add a batch of one record."""
        notes = CallbackNotes()
        append(self.accumulator, self.topic, partition=partition, recipient=notes, route=CALLBACKS)
        return self.topic.partitions[partition].full[-1], notes

    def send(self, partition: int, *, by_name: bool = False) -> tuple[ProducerBatch, CallbackNotes]:
        """Add a batch, and have it under way."""
        batch, notes = self.add(partition)
        queue: PartitionQueue = self.topic.partitions[partition]
        queue.full.remove(batch)
        batch.seal(None)
        identity = self.producer_id.identity
        assert identity is not None
        if queue.sequences.identity is not identity:
            queue.sequences.adopt(identity)
        batch.number(identity, queue.sequences.take(1))
        batch.queue_life = queue.life
        batch.was_sent_by_name = by_name
        queue.in_flight.append(batch)
        return batch, notes

    def begin_anew(self, count: int) -> None:
        """Have the topic created anew."""
        self.recreated_topics.begin_anew("t", count)
        self.heard.notify_all()

    def complete(self, batch: ProducerBatch, code: ErrorCode) -> None:
        """Have a batch answered."""
        self.completion.complete(batch, int(code), None)
        self.heard.notify_all()


def test_callers_look_the_topic_up_again() -> None:
    desk = Desk()
    desk.begin_anew(2)
    fresh = desk.accumulator.topics["t"]

    assert not desk.topic.is_known
    assert append(desk.accumulator, desk.topic, partition=2) == NOT_KNOWN
    assert fresh.is_known
    assert len(fresh.partitions) == 2
    assert fresh.partitions == desk.topic.partitions[:2]
    assert append(desk.accumulator, fresh, partition=1) == APPENDED


def test_topic_created_anew_may_have_more_partitions() -> None:
    desk = Desk()
    desk.begin_anew(5)

    assert [int(queue.partition) for queue in desk.accumulator.topics["t"].partitions] == [0, 1, 2, 3, 4]


def test_topic_nobody_produces_to_is_no_concern() -> None:
    desk = Desk()
    desk.recreated_topics.begin_anew("unknown", 2)

    assert list(desk.accumulator.topics) == ["t"]


def test_what_waits_for_a_partition_that_is_gone_fails_and_the_rest_stays() -> None:
    desk = Desk()
    (kept, kept_notes), (lost, lost_notes) = desk.add(1), desk.add(2)
    desk.begin_anew(2)

    assert kept_notes == []
    assert kept in desk.accumulator.topics["t"].partitions[1].full
    ((_, error),) = lost_notes
    assert isinstance(error, UnknownTopicOrPartitionError)
    assert (error.partition, error.is_retriable, error.may_be_persisted) == (2, True, False)
    assert lost.state is BatchState.DONE
    assert desk.queues.active_queues() == [desk.topic.partitions[1]]


@pytest.mark.parametrize(
    ("code", "may_be_persisted"),
    [(ErrorCode.UNKNOWN_TOPIC_ID, False), (ErrorCode.NETWORK_EXCEPTION, True), (ErrorCode.MESSAGE_TOO_LARGE, False)],
)
def test_what_was_under_way_to_a_partition_that_is_gone_is_not_sent_again(
    code: ErrorCode, may_be_persisted: bool
) -> None:
    desk = Desk()
    batch, notes = desk.send(2)
    desk.begin_anew(2)
    assert notes == []

    desk.complete(batch, code)

    ((_, error),) = notes
    assert isinstance(error, UnknownTopicOrPartitionError)
    assert error.may_be_persisted is may_be_persisted
    assert desk.accumulator.buffer.free == desk.accumulator.buffer.capacity


def test_what_was_written_into_a_partition_that_is_gone_by_now_was_delivered() -> None:
    desk = Desk()
    batch, notes = desk.send(2)
    desk.begin_anew(2)

    desk.complete(batch, ErrorCode.NONE)

    ((metadata, error),) = notes
    assert metadata is not None
    assert error is None


def test_what_is_to_be_repeated_is_numbered_anew_from_zero_under_another_epoch() -> None:
    desk = Desk()
    first, _ = desk.send(0)
    desk.complete(first, ErrorCode.NONE)
    second, _ = desk.send(0)
    desk.begin_anew(3)
    queue = desk.topic.partitions[0]
    assert queue.sequences.state is SequenceState.BROKEN
    assert not queue.sequences.acknowledged

    desk.complete(second, ErrorCode.UNKNOWN_TOPIC_ID)
    desk.completion.mend_sequences()

    assert second.identity is desk.producer_id.identity
    assert second.identity is not None
    assert (int(second.identity.epoch), int(second.base_sequence)) == (1, 0)
    assert queue.retries == [second]


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("is_answered_first", [True, False])
def test_lost_attempt_counts_only_if_it_may_reach_the_topic_that_has_the_name_now(
    by_name: bool, is_answered_first: bool
) -> None:
    desk = Desk()
    batch, notes = desk.send(0, by_name=by_name)
    if is_answered_first:
        desk.complete(batch, ErrorCode.NETWORK_EXCEPTION)
    desk.begin_anew(3)
    if not is_answered_first:
        desk.complete(batch, ErrorCode.NETWORK_EXCEPTION)
    desk.completion.mend_sequences()
    desk.heard.notify_all()

    assert len(notes) == by_name  # it failed: written again, it could be there twice
    assert (batch in desk.topic.partitions[0].retries) is not by_name


@pytest.mark.parametrize("by_name", [True, False])
def test_batch_that_a_later_one_overtook_into_the_topic_that_has_the_name_now_is_not_written_behind_it(
    by_name: bool,
) -> None:
    desk = Desk()
    before, _ = desk.send(0, by_name=by_name)
    later, _ = desk.send(0, by_name=by_name)
    desk.complete(before, ErrorCode.NOT_ENOUGH_REPLICAS)
    desk.complete(later, ErrorCode.NONE)
    desk.begin_anew(3)
    desk.completion.mend_sequences()

    assert (before in desk.topic.partitions[0].retries) is not by_name
    assert isinstance(before.error, OutOfOrderSequenceError) is by_name
    assert before.error is None or not before.error.may_be_persisted


@pytest.mark.parametrize("is_answered_first", [True, False])
def test_attempt_into_a_log_that_the_topic_has_again_may_be_there_still(is_answered_first: bool) -> None:
    desk = Desk()
    batch, notes = desk.send(0)
    if is_answered_first:
        desk.complete(batch, ErrorCode.NETWORK_EXCEPTION)
    desk.recreated_topics.begin_anew("t", 3, keeps_doubt=True)
    if not is_answered_first:
        desk.complete(batch, ErrorCode.NETWORK_EXCEPTION)
    desk.completion.mend_sequences()
    desk.heard.notify_all()

    ((_, error),) = notes
    assert error is not None
    assert error.may_be_persisted


def test_attempt_that_found_no_topic_of_the_name_wrote_nothing_into_a_later_one() -> None:
    desk = Desk()
    batch, notes = desk.send(0, by_name=True)
    desk.complete(batch, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    desk.begin_anew(3)
    desk.completion.mend_sequences()

    assert notes == []
    assert desk.topic.partitions[0].retries == [batch]
