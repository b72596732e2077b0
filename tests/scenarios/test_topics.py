"""Topics that are late, gone, forbidden, recreated or larger than they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.errors import (
    ProduceError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedMetadata,
)
from tests.scenarios.faces import SMALL_BATCHES, Face, MakeFace, engine_of, eventually
from tests.scenarios.invariants import Ledger, leave_nothing_behind, succeed_in_order


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


def test_records_of_an_unknown_topic_keep_their_order(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "late")
        ledger.produce(20)
        cluster.wait_for_requests(ReceivedMetadata, 2)
        cluster.create_topic("late", 2)
        ledger.produce(20)
        outcomes = ledger.outcomes()
        face.close()

        succeed_in_order(cluster, "late", outcomes)
        leave_nothing_behind(face.status(), outcomes)


def test_topic_that_never_appears_fails_within_max_block(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, max_block_ms=600)
        ledger = Ledger(face, "absent")
        ledger.produce(3)
        outcomes = ledger.outcomes()
        face.close()

        for outcome in outcomes:
            assert isinstance(outcome.error, UnknownTopicOrPartitionError)
            assert outcome.error.topic == "absent"
            assert outcome.error.is_retriable
            assert not outcome.error.may_be_persisted
        leave_nothing_behind(face.status(), outcomes)


def test_topic_that_failed_once_works_when_it_is_there(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, max_block_ms=600)
        assert isinstance(face.produce("late", b"a").exception(10), UnknownTopicOrPartitionError)
        cluster.create_topic("late", 1)

        assert face.produce("late", b"b").result(10).offset == 0


@pytest.mark.parametrize("code", [ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.INVALID_TOPIC_EXCEPTION])
def test_forbidden_topic_fails_at_once(cluster: FakeCluster, make_face: MakeFace, code: ErrorCode) -> None:
    forbidden = cluster.on(ApiKey.METADATA, topic="t").fail_always(code)
    face = make_face(cluster.bootstrap_servers, max_block_ms=60_000, delivery_timeout_ms=70_000)
    error = face.produce("t", b"a").exception(10)
    forbidden.cancel()

    assert isinstance(error, ProduceError)
    assert error.code == code
    assert not error.may_be_persisted
    assert face.produce("t", b"b").result(10).has_offset  # an administrator has helped: nothing was remembered


def test_partition_out_of_range_is_refused(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    unknown = face.produce("t", b"a", partition=7).exception(10)
    known = face.produce("t", b"a", partition=7).exception(10)

    for error in (unknown, known):
        assert isinstance(error, UnknownTopicOrPartitionError)
        assert error.partition == 7
    face.close()
    assert face.status().buffered_bytes == 0


@pytest.mark.mistake("librdkafka #3513", "librdkafka #3009")
def test_temporarily_unknown_topic_loses_nothing(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(7)
    ledger.outcomes()

    gone = cluster.on(ApiKey.METADATA, topic="t").fail_always(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    refused = cluster.on(ApiKey.PRODUCE, topic="t").fail_always(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    ledger.produce(10)
    cluster.wait_until(lambda: gone.hits >= 3 and refused.hits >= 2)
    ledger.produce(10)
    gone.cancel()
    refused.cancel()

    succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.mistake("KAFKA-13488", "librdkafka #4898", "franz-go #1364")
def test_recreated_topic_is_written_to_under_its_new_id(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(10)
    ledger.outcomes()

    cluster.create_topic("t", 2)
    new = Ledger(face, "t")
    new.produce(20)
    outcomes = new.outcomes()

    succeed_in_order(cluster, "t", outcomes)


def test_new_partitions_are_used_after_a_refresh(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=50)
        face.produce("t", b"a").result(10)
        cluster.add_partitions("t", 1)
        seen = len(cluster.requests(ReceivedMetadata))
        cluster.wait_for_requests(ReceivedMetadata, seen + 2)

        metadata = face.produce("t", b"b", partition=1).result(10)

        assert (metadata.partition, metadata.offset) == (1, 0)


# Another topic under the same name.


def _partitions_of(cluster: FakeCluster, topic: str) -> list[int]:
    return [record.partition for record in cluster.log(topic)]


@pytest.mark.parametrize("kafka", ["4.3", "3.9", "2.4"], ids=["named by id", "asked by id", "without ids"])
def test_keys_hash_over_the_partitions_of_the_topic_created_anew(make_face: MakeFace, kafka: str) -> None:
    """Records for partitions that are gone would fail, one delivery time-out after the other, until a restart."""
    with FakeCluster(topics={"t": 8}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20)
        before = [face.produce("t", b"a", key=b"%d" % number) for number in range(20)]
        assert len({handle.result(10).partition for handle in before}) > 2

        cluster.create_topic("t", 2)
        eventually(lambda: len(face.partitions_for("t")) == 2)
        after = [face.produce("t", b"b", key=b"%d" % number) for number in range(40)]

        assert {handle.result(10).partition for handle in after} == {0, 1}
        assert sorted(set(_partitions_of(cluster, "t"))) == [0, 1]


def test_what_was_not_sent_goes_to_the_topic_created_anew(make_face: MakeFace) -> None:
    """What waits for partitions it has no more is told to be gone, and may be produced again."""
    with FakeCluster(topics={"t": 3}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=50)
        ledgers = [Ledger(face, "t") for _ in range(3)]
        for partition, ledger in enumerate(ledgers):
            ledger.produce(1, partition=partition)
            ledger.outcomes()
            cluster.move_leader("t", partition, None)
        refused = cluster.on(ApiKey.PRODUCE, topic="t").fail_always(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        for partition, ledger in enumerate(ledgers):
            ledger.produce(5, partition=partition)
        eventually(lambda: not any(one.leader for one in face.partitions_for("t")))
        refused.cancel()
        cluster.create_topic("t", 2)
        outcomes = [ledger.outcomes()[1:] for ledger in ledgers]

        assert [outcome.error for outcome in outcomes[0] + outcomes[1]] == [None] * 10
        for outcome in outcomes[2]:
            assert isinstance(outcome.error, UnknownTopicOrPartitionError)
            assert outcome.error.is_retriable
            assert outcome.error.partition == 2
        assert len(cluster.log("t")) == 10
        assert {record.producer_epoch for record in cluster.log("t")} == {1}
        assert cluster.violations == []


@pytest.mark.parametrize("kafka", ["4.3", "3.9"], ids=["named by id", "asked by id"])
def test_batch_under_way_to_a_topic_that_is_created_anew_is_written_once(make_face: MakeFace, kafka: str) -> None:
    with FakeCluster(topics={"t": 1}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20, **SMALL_BATCHES)
        first = Ledger(face, "t")
        first.produce(3)
        first.outcomes()
        held = cluster.on(ApiKey.PRODUCE).hold(before_append=True, times=1)
        ledger = Ledger(face, "t")
        ledger.produce(20)
        cluster.wait_until(lambda: held.waiting)
        cluster.create_topic("t", 1)
        held.release()

        succeed_in_order(cluster, "t", ledger.outcomes())


def test_batch_that_went_into_the_log_before_is_written_into_the_new_one(make_face: MakeFace) -> None:
    """The request named the topic's id: what became of it is gone with the log."""
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, retry_backoff_ms=100, retry_backoff_max_ms=100)
        face.produce("t", b"a").result(10)
        cluster.on(ApiKey.PRODUCE).close_after_append()
        handle = face.produce("t", b"b")
        cluster.wait_for_records("t", 2)
        cluster.create_topic("t", 1)

        assert handle.result(10).offset == 0
        assert [record.value for record in cluster.log("t")] == [b"b"]


def test_batch_under_way_to_a_partition_that_is_gone_is_told_as_it_stands(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 2}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20)
        face.produce("t", b"a", partition=1).result(10)
        held = cluster.on(ApiKey.PRODUCE, partition=1).hold(before_append=True, times=1)
        handle = face.produce("t", b"b", partition=1)
        cluster.wait_until(lambda: held.waiting)
        # The metadata comes over another connection, if it comes before the answer: this one waits in line.
        cluster.create_topic("t", 1)
        held.release()
        error = handle.exception(10)
        face.close()

        assert isinstance(error, UnknownTopicOrPartitionError)
        assert error.is_retriable
        assert (error.topic, error.partition) == ("t", 1)
        assert face.status().buffered_bytes == 0


def _produce_everywhere(face: Face, partitions: int) -> None:
    """Have the producer connected to every broker, so that it may ask any of them."""
    for partition in range(partitions):
        face.produce("t", b"a", partition=partition).result(10)


def test_leader_of_the_topic_before_is_not_taken_for_the_new_ones(make_face: MakeFace) -> None:
    """Its epoch is higher than any of the new topic, and would make the producer deaf to the truth."""
    with FakeCluster(nodes=2, topics={"t": 2}, kafka="4.3") as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=10)
        _produce_everywhere(face, 2)
        held = cluster.on(ApiKey.PRODUCE).hold(times=1)
        cluster.on(ApiKey.PRODUCE).hint_leader(1, 99)
        handle = face.produce("t", b"b", partition=0)
        cluster.wait_until(lambda: held.waiting)
        cluster.create_topic("t", 2)
        cluster.move_leader("t", 0, 2)
        engine = engine_of(face.producer)
        eventually(lambda: engine.metadata().topics["t"].topic_id == cluster.topic_id("t"))
        held.release()

        assert handle.result(10).offset >= 0
        assert face.produce("t", b"c", partition=0).result(10).offset >= 0
        assert engine.metadata().leader("t", 0) == 2


def test_answer_that_is_old_news_brings_no_replaced_topic_back(make_face: MakeFace) -> None:
    with FakeCluster(nodes=3, topics={"t": 4}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=10)
        _produce_everywhere(face, 4)
        cluster.freeze_metadata(2)
        cluster.create_topic("t", 2)
        eventually(lambda: len(face.partitions_for("t")) == 2)
        answered = cluster.stale_answers(2)
        cluster.wait_until(lambda: cluster.stale_answers(2) >= answered + 5)

        assert len(face.partitions_for("t")) == 2
        assert face.produce("t", b"b", partition=1).result(10).partition == 1


def test_one_broker_with_old_metadata_takes_no_partitions_away_where_there_are_no_ids(make_face: MakeFace) -> None:
    with FakeCluster(nodes=3, topics={"t": 3}, kafka="2.4") as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=10)
        _produce_everywhere(face, 3)
        cluster.freeze_metadata(2)
        cluster.add_partitions("t", 2)
        eventually(lambda: len(face.partitions_for("t")) == 5)
        for answered in range(cluster.stale_answers(2), cluster.stale_answers(2) + 5):
            cluster.wait_until(lambda answered=answered: cluster.stale_answers(2) > answered)  # type: ignore[misc]  # mypy cannot infer a lambda's default
            assert len(face.partitions_for("t")) == 5


def test_two_brokers_that_agree_are_believed_where_there_are_no_ids(make_face: MakeFace) -> None:
    with FakeCluster(nodes=3, topics={"t": 8}, kafka="2.4") as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20)
        face.produce("t", b"a", partition=7).result(10)
        cluster.create_topic("t", 2)

        eventually(lambda: len(face.partitions_for("t")) == 2)
        handles = [face.produce("t", b"b", key=b"%d" % number) for number in range(20)]
        assert {handle.result(10).partition for handle in handles} == {0, 1}


@pytest.mark.mistake("KAFKA-15591")
@pytest.mark.parametrize("kafka", ["4.3", "3.9"])
def test_first_batch_into_a_topic_created_anew_goes_alone(make_face: MakeFace, kafka: str) -> None:
    """The new log's leader knows nothing of us, and would take the second batch for the first."""
    with FakeCluster(topics={"t": 1}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20, linger_ms=0)
        face.produce("t", b"a").result(10)
        cluster.create_topic("t", 1)
        seen = len(cluster.requests(ReceivedMetadata))
        cluster.wait_for_requests(ReceivedMetadata, seen + 3)
        refused = cluster.on(ApiKey.PRODUCE).hold(times=1)
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.NOT_ENOUGH_REPLICAS)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        cluster.wait_until(lambda: refused.waiting)
        ledger.produce(1)
        refused.release()

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert [attempt.header.record_count for attempt in cluster.attempts("t") if attempt.header] == [1] * 4


# Topics that are asked for, and topics that are created.


def test_topic_that_was_deleted_stays_deleted(make_face: MakeFace) -> None:
    with FakeCluster(topics={"once": 1, "keep": 1}, auto_create_topics=True) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=10)
        for topic in ("once", "keep"):
            face.produce(topic, b"a").result(10)
        cluster.delete_topic("once")
        seen = len(cluster.requests(ReceivedMetadata))
        cluster.wait_for_requests(ReceivedMetadata, seen + 5)

        assert cluster.topics() == ["keep"]
        assert not any(request.allow_auto_topic_creation for request in cluster.requests(ReceivedMetadata)[seen:])


def test_looking_at_a_topic_does_not_create_it_and_a_record_does(make_face: MakeFace) -> None:
    with FakeCluster(auto_create_topics=True) as cluster:
        face = make_face(cluster.bootstrap_servers, max_block_ms=300)
        with pytest.raises(UnknownTopicOrPartitionError):
            face.partitions_for("new")
        assert cluster.topics() == []

        assert face.produce("new", b"a").result(10).offset == 0


def test_new_topic_is_asked_for_by_itself(make_face: MakeFace) -> None:
    with FakeCluster(topics={f"t{number}": 2 for number in range(20)} | {"new": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        for number in range(20):
            face.produce(f"t{number}", b"a").result(10)
        seen = len(cluster.requests(ReceivedMetadata))
        face.produce("new", b"a").result(10)

        assert [request.topics for request in cluster.requests(ReceivedMetadata)[seen:]] == [("new",)]
        assert len(face.status().topics) == 21


# Topics that are forgotten.


@pytest.mark.parametrize("kafka", ["4.3", "2.4"], ids=["with ids", "without ids"])
def test_record_after_the_topic_was_forgotten_is_written_too(make_face: MakeFace, kafka: str) -> None:
    """Numbered from zero again, it would be answered as a duplicate of the first, and lost."""
    with FakeCluster(topics={"t": 1}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_idle_ms=20)
        for number in range(3):
            assert face.produce("t", b"%d" % number).result(10).offset == number
            eventually(lambda: face.status().topics == ())

        assert [(record.value, record.sequence) for record in cluster.log("t")] == [(b"0", 0), (b"1", 1), (b"2", 2)]
        assert len({record.producer_epoch for record in cluster.log("t")}) == 1


def test_topics_of_any_number_of_names_are_forgotten(make_face: MakeFace) -> None:
    with FakeCluster(topics={f"t{number}": 1 for number in range(50)}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_idle_ms=20, metadata_max_age_ms=10)
        for handle in [face.produce(f"t{number}", b"a") for number in range(50)]:
            handle.result(10)
        eventually(lambda: face.status().topics == ())
        seen = len(cluster.requests(ReceivedMetadata))
        cluster.wait_for_requests(ReceivedMetadata, seen + 3)

        assert {request.topics for request in cluster.requests(ReceivedMetadata)[seen + 1 :]} == {()}


def test_shortcut_to_the_topic_of_the_last_record_notices_that_it_was_forgotten(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_idle_ms=20)
        core = face.producer._core
        topic = "t"  # the same object each time, as in a loop, or in a view of one topic
        forgotten: list[TopicQueues] = []
        for _ in range(3):
            face.produce(topic, b"a").result(10)  # which finds the topic forgotten, and takes the slow way
            face.produce(topic, b"a").result(10)
            last = core._last_topic
            assert not any(one is last for one in forgotten)
            if last is not core._no_topic:  # or it was forgotten between the two, on a busy machine
                forgotten.append(last)
            eventually(lambda: face.status().topics == ())

        assert len(cluster.log("t")) == 6


def test_records_while_topics_are_being_forgotten_are_all_written_in_order(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_idle_ms=2)
        ledger = Ledger(face, "t")
        for number in range(150):
            ledger.produce(2)[-1].result(10)
            if number % 10 == 0:
                eventually(lambda: face.status().topics == ())

        succeed_in_order(cluster, "t", ledger.outcomes())
