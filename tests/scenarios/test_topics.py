"""Topics that are late, gone, forbidden, recreated or larger than they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.errors import (
    ProduceError,
    UnknownTopicOrPartitionError,
)
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedMetadata,
)
from tests.scenarios.faces import SMALL_BATCHES, MakeFace
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
