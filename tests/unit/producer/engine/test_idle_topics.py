"""Which topics are forgotten, and what is kept of them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from dekaf._cluster.metadata import Broker, Partition, Topic
from dekaf._cluster.topic_life import TopicIdentity, TopicNews
from dekaf.producer._buffer.accumulator import APPENDED, NOT_KNOWN
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch
from dekaf.producer._engine.idle_topics import IdleTopics
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, ProducerIdState
from tests.unit.producer.rooms import (
    accumulator_of,
    append,
    batches_of,
    cluster_of,
    constant_backoff,
    open_topic,
    parked_record,
    release,
)

ID, OTHER_ID = b"i" * 16, b"o" * 16
MAX_IDLE = 100.0
ME = ProducerIdAndEpoch(1, 0)


class Desk:
    """Topics of two partitions, under one producer id."""

    def __init__(self, *names: str, most_kept: int = 50_000) -> None:
        self.accumulator = accumulator_of()
        self.cluster = cluster_of(self.accumulator)
        self.producer_id = ProducerIdSource(constant_backoff, is_needed=True)
        self.producer_id.identity = ME
        self.producer_id.state = ProducerIdState.READY
        self.idle_topics = IdleTopics(self.accumulator, self.cluster, self.producer_id, MAX_IDLE, most_kept=most_kept)
        for name in names:
            self.open(name)
        self.now = 0.0
        self.due = self.idle_topics.run(self.now)

    def open(self, name: str, topic_id: bytes = ID) -> TopicQueues:
        """Have a topic become known, for the first time or again."""
        topic = open_topic(self.accumulator, name, partitions=2)
        partitions = [Partition(leader_id=1, leader_epoch=0)] * 2
        metadata = replace(
            self.cluster.metadata,
            brokers={1: Broker(node_id=1, host="b", port=1)},
            topics={
                **self.cluster.metadata.topics,
                name: Topic(name=name, topic_id=topic_id, partitions=partitions),
            },
        )
        self.cluster.replace(metadata, [name])
        self.cluster.refresher.has_become_known(name)
        self.idle_topics.restore(name, topic_id)
        return topic

    def number(self, name: str, records: int) -> None:
        """Have records of partition 0 sent and acknowledged."""
        queue = self.accumulator.topics[name].partitions[0]
        identity = self.producer_id.identity
        assert identity is not None
        if queue.sequences.identity is not identity:
            queue.sequences.adopt(identity)
        queue.next_send_order += 1
        queue.sequences.acknowledge(identity, queue.sequences.take(records), records)

    def wait(self, seconds: float) -> None:
        """Let time pass, with a look whenever one is due."""
        end = self.now + seconds
        while self.due <= end:
            self.now = self.due
            self.due = self.idle_topics.run(self.now)
        self.now = end

    @property
    def known(self) -> list[str]:
        """Which topics are known, to callers and of the cluster."""
        names = sorted(self.accumulator.topics)
        assert sorted(self.cluster.metadata.topics) == names
        return names


def test_unused_topic_is_forgotten_and_a_used_one_is_not() -> None:
    desk = Desk("used", "unused")
    for _ in range(10):
        desk.wait(MAX_IDLE / 4)
        desk.number("used", 1)

    assert desk.known == ["used"]
    desk.cluster.refresher.want()
    assert desk.cluster.refresher.question(desk.now).topics == ["used"]


def test_topic_is_kept_for_its_time() -> None:
    desk = Desk("t")
    desk.wait(MAX_IDLE - 1)

    assert desk.known == ["t"]


def test_without_topics_there_is_nothing_to_look_at() -> None:
    desk = Desk("t")
    desk.wait(3 * MAX_IDLE)

    assert desk.known == []
    assert desk.idle_topics.run(desk.now) == math.inf


def test_callers_that_hold_a_forgotten_topic_look_it_up_again() -> None:
    desk = Desk("t")
    topic = desk.accumulator.topics["t"]
    desk.wait(3 * MAX_IDLE)

    assert not topic.is_known
    assert append(desk.accumulator, topic) == NOT_KNOWN
    assert desk.accumulator.topic("t") is not topic
    assert desk.accumulator.pending_records() == 0


def test_topic_with_something_to_send_is_not_forgotten() -> None:
    desk = Desk("t")
    topic = desk.accumulator.topics["t"]
    append(desk.accumulator, topic)
    desk.wait(3 * MAX_IDLE)
    assert desk.known == ["t"]

    assert len(batches_of(topic.partitions[0])) == 1
    release(desk.accumulator, topic)
    topic.partitions[0].is_active = False
    desk.wait(3 * MAX_IDLE)
    assert desk.known == []


def test_topic_with_a_batch_under_way_or_to_be_repeated_is_not_forgotten() -> None:
    for place in ("in_flight", "retries"):
        desk = Desk("t")
        topic = desk.accumulator.topics["t"]
        append(desk.accumulator, topic)
        (batch,) = batches_of(topic.partitions[0])
        topic.partitions[0].current = None
        getattr(topic.partitions[0], place).append(batch)
        topic.partitions[0].is_active = False
        desk.wait(3 * MAX_IDLE)

        assert desk.known == ["t"], place


def test_topic_whose_sequences_have_a_gap_is_not_forgotten() -> None:
    desk = Desk("t")
    desk.number("t", 3)
    desk.accumulator.topics["t"].partitions[0].sequences.break_off(ME, 0)
    desk.wait(3 * MAX_IDLE)

    assert desk.known == ["t"]


def test_topic_that_is_waited_for_is_not_forgotten() -> None:
    desk = Desk()
    desk.accumulator.park(desk.accumulator.topic("parked"), parked_record(topic="parked"), reserved=0)
    desk.accumulator.topic("asked for").flushes.append(lambda: None)
    desk.due = desk.idle_topics.run(desk.now)
    desk.wait(3 * MAX_IDLE)

    assert sorted(desk.accumulator.topics) == ["asked for", "parked"]


def test_asking_for_the_partitions_is_a_use() -> None:
    desk = Desk("t")
    for _ in range(10):
        desk.wait(MAX_IDLE / 2)
        desk.idle_topics.touch("t", desk.now)

    assert desk.known == ["t"]


def test_record_that_comes_in_the_moment_of_forgetting_is_kept() -> None:
    desk = Desk("t")
    topic = desk.accumulator.topics["t"]
    topic.parked = deque([parked_record()])

    assert not desk.accumulator.forget(topic)
    topic.parked.clear()
    assert append(desk.accumulator, topic) == APPENDED
    assert not desk.accumulator.forget(topic)


# What is kept.


def test_sequences_go_on_where_they_were() -> None:
    """From zero again, the broker would take the record for one it has, and it would be lost."""
    desk = Desk("t")
    desk.number("t", 3)
    desk.wait(3 * MAX_IDLE)
    assert desk.known == []

    queue = desk.open("t").partitions[0]

    assert queue.sequences.identity is ME
    assert queue.sequences.next == 3
    assert not queue.sequences.acknowledged  # it has to show first that it remembers us


def test_another_topic_under_the_name_begins_at_zero_and_the_former_one_is_history() -> None:
    desk = Desk("t")
    desk.number("t", 3)
    desk.wait(3 * MAX_IDLE)

    queue = desk.open("t", OTHER_ID).partitions[0]

    assert queue.sequences.identity is None
    former = TopicIdentity(ID, 2)
    news = desk.cluster.histories.judge("t", TopicIdentity(OTHER_ID, 2), former, told_by=1, is_only_broker=False)
    assert news is TopicNews.STALE


def test_sequences_under_an_earlier_identity_are_not_kept() -> None:
    desk = Desk("t", "u")
    desk.number("t", 3)
    desk.wait(3 * MAX_IDLE)
    desk.producer_id.bump(ME)
    desk.open("u")
    desk.due = desk.idle_topics.run(desk.now)
    desk.wait(3 * MAX_IDLE)

    assert desk.open("t").partitions[0].sequences.identity is None


def test_more_than_is_worth_keeping_is_made_superfluous_by_a_new_epoch() -> None:
    desk = Desk("a", "b", "c", most_kept=2)
    for name in ("a", "b", "c"):
        desk.number(name, 1)
    desk.wait(3 * MAX_IDLE)

    assert desk.producer_id.identity is not ME
    assert desk.open("a").partitions[0].sequences.identity is None


def test_partition_unused_for_a_while_is_not_trusted_to_be_remembered() -> None:
    desk = Desk("t")
    desk.number("t", 1)
    queue = desk.accumulator.topics["t"].partitions[0]
    desk.wait(MAX_IDLE / 2)
    assert queue.sequences.acknowledged

    desk.wait(MAX_IDLE / 2)

    assert not queue.sequences.acknowledged
