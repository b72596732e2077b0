"""What an answer says of topics reaches everything that depends on it, in order."""

from __future__ import annotations

from time import monotonic

import pytest

from dekaf._cluster.metadata import NO_METADATA
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic
from dekaf.errors import ProduceError, TopicAuthorizationError
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.idle_topics import IdleTopics
from dekaf.producer._engine.recreated_topics import RecreatedTopics
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.topic_keeper import TopicKeeper
from dekaf.producer._engine.unknown_topics import ParkingLimits, UnknownTopics
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
    cluster_of,
    constant_backoff,
    parked_record,
)

ID, OTHER_ID = b"i" * 16, b"o" * 16


def told(name: str, *leaders: int, topic_id: bytes = ID, error_code: int = 0) -> MetadataTopic:
    partitions = tuple(
        MetadataPartition(0, index, leader_id=leader, leader_epoch=0, replica_nodes=())
        for index, leader in enumerate(leaders)
    )
    return MetadataTopic(error_code=error_code, name=name, topic_id=topic_id, is_internal=False, partitions=partitions)


class Desk:
    """A keeper with everything around it."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.accumulator = accumulator_of(heard=self.heard)
        self.cluster = cluster_of(self.accumulator)
        statistics = ProducerStatistics()
        producer_id = ProducerIdSource(constant_backoff, is_needed=False)
        completion = BatchCompletion(
            self.accumulator, self.cluster, producer_id, RetrySettings(30.0, constant_backoff), statistics, monotonic
        )
        self.unknown_topics = UnknownTopics(
            self.accumulator,
            self.heard.listener(),
            statistics,
            ParkingLimits(5.0, 120.0),
            self.cluster.refresher.remove_topic,
        )
        self.keeper = TopicKeeper(
            self.accumulator,
            self.cluster,
            self.unknown_topics,
            RecreatedTopics(self.accumulator, self.cluster.queues, completion),
            IdleTopics(self.accumulator, self.cluster, producer_id, 300.0),
        )

    def park(self, name: str) -> CallbackNotes:
        """Have a record wait for a topic."""
        notes = CallbackNotes()
        record = parked_record(topic=name, recipient=notes, route=CALLBACKS)
        self.accumulator.park(self.accumulator.topic(name), record, reserved=0)
        for new in self.unknown_topics.take_new_topics(0.0):
            self.cluster.refresher.add_topic(new)
        return notes

    def answer(self, *topics: MetadataTopic, told_by: int = 1) -> set[str]:
        """Have an answer of brokers 1 and 2 come."""
        response = MetadataResponse(
            throttle_time_ms=0,
            brokers=tuple(MetadataBroker(node_id=node, host="b", port=node, rack=None) for node in (1, 2)),
            cluster_id="c",
            controller_id=1,
            topics=topics,
            error_code=0,
        )
        still = self.keeper.take_over(response, told_by)
        self.heard.notify_all()
        return still


def test_topic_becomes_known_to_everybody() -> None:
    desk = Desk()
    desk.park("t")

    assert desk.answer(told("t", 1, 2)) == set()

    topic = desk.accumulator.topics["t"]
    assert topic.is_known
    assert [int(queue.leader) for queue in topic.partitions] == [1, 2]
    assert not desk.unknown_topics.is_waiting()
    desk.cluster.refresher.want()
    assert desk.cluster.refresher.question(0.0).topics == ["t"]


def test_metadata_is_there_when_whoever_waited_for_it_is_told() -> None:
    desk = Desk()
    seen: list[bool] = []
    desk.park("t")
    desk.accumulator.topics["t"].flushes.append(lambda: seen.append("t" in desk.cluster.metadata.topics))

    desk.answer(told("t", 1))

    assert seen == [True]


def test_topic_without_a_leader_that_something_waits_for_is_still_wanted() -> None:
    desk = Desk()
    desk.park("t")
    desk.answer(told("t", 1))
    append(desk.accumulator, desk.accumulator.topics["t"])
    desk.cluster.queues.adopt_activated()

    assert desk.answer(told("t", -1)) == {"t"}


def test_topic_that_was_forgotten_while_it_was_asked_for_stays_so() -> None:
    desk = Desk()

    desk.answer(told("stranger", 1))

    assert desk.cluster.metadata.topics == NO_METADATA.topics
    desk.park("stranger")
    assert desk.cluster.refresher.question(0.0).topics == ["stranger"]


@pytest.mark.parametrize(
    ("code", "is_final"),
    [(ErrorCode.TOPIC_AUTHORIZATION_FAILED, True), (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, False)],
)
def test_error_that_asking_again_does_not_mend_is_told_at_once(code: ErrorCode, is_final: bool) -> None:
    desk = Desk()
    notes = desk.park("t")

    desk.answer(told("t", error_code=code))

    assert len(notes) == is_final
    errors: list[ProduceError | None] = [error for _, error in notes]
    assert all(isinstance(error, TopicAuthorizationError) for error in errors)


def test_topic_created_anew_has_the_partitions_of_the_answer() -> None:
    desk = Desk()
    desk.park("t")
    desk.answer(told("t", 1, 1, 1))

    assert desk.answer(told("t", 2, 2, topic_id=OTHER_ID)) == set()

    assert [int(queue.leader) for queue in desk.accumulator.topics["t"].partitions] == [2, 2]
    assert desk.accumulator.topics["t"].is_known


def test_topic_that_a_broker_with_old_metadata_took_for_a_former_one_is_found_again() -> None:
    desk = Desk()
    desk.park("t")
    desk.answer(told("t", 1, 1))
    desk.answer(told("t", 1, topic_id=OTHER_ID), told_by=3)

    assert desk.answer(told("t", 1, 1), told_by=1) == {"t"}
    assert desk.answer(told("t", 1, 1), told_by=2) == set()

    assert len(desk.accumulator.topics["t"].partitions) == 2
    assert desk.cluster.metadata.topics["t"].topic_id == ID


def test_answer_in_doubt_asks_another_broker() -> None:
    desk = Desk()
    desk.park("t")
    desk.answer(told("t", 1, 1))

    assert desk.answer(told("t", 1), told_by=2) == {"t"}
    assert desk.cluster.refresher.avoided == 2
    assert len(desk.accumulator.topics["t"].partitions) == 2
