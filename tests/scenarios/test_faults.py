"""A cluster that misbehaves: no loss, no duplicate, no disorder, an outcome for everything."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import pytest

from dekaf.errors import (
    InvalidProducerEpochError,
    InvalidRecordError,
    ProduceError,
    RecordTooLargeError,
    TopicAuthorizationError,
)
from dekaf.producer import ProducerOptions
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    TopicSettings,
    Trigger,
)
from dekaf.types import Acks
from tests.scenarios.faces import SMALL_BATCHES, MakeFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind, succeed_in_order

Script = Callable[[Trigger], object]


IMPATIENT: ProducerOptions = {"request_timeout_ms": 150}


# Whatever goes wrong in these ways, all messages arrive, once and in order.
SURVIVED: dict[str, tuple[Script, ProducerOptions]] = {
    "closed before append": (lambda on: on.close_before_append(), {}),
    "closed after append": (lambda on: on.close_after_append(), {}),
    "closed after append, twice": (lambda on: on.close_after_append(times=2), {}),
    "reset": (lambda on: on.reset(), {}),
    "half a frame": (lambda on: on.half_a_frame(), {}),
    "truncated": (lambda on: on.truncate(), {}),
    "another's number": (lambda on: on.wrong_correlation_id(), {}),
    "another protocol": (lambda on: on.garbage(), {}),
    "a TLS alert": (lambda on: on.garbage(b"\x15\x03\x01\x00\x02\x02\x46"), {}),
    "never answered": (lambda on: on.never_answer(), IMPATIENT),
    "never answered nor stored": (lambda on: on.never_answer(append=False), IMPATIENT),
    "left out of the answer": (lambda on: on.omit_partition(), {}),
    "a partition too many": (lambda on: on.add_partition("t", 1), {}),
    "an unknown topic too many": (lambda on: on.add_partition("nobody-asked", 0), {}),
    "throttled": (lambda on: on.throttle(30), {}),
    "delayed": (lambda on: on.delay(0.03), {}),
    "delayed beyond the request timeout": (lambda on: on.delay(0.4), IMPATIENT),
    "unknown topic for a moment": (lambda on: on.fail(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, times=3), {}),
    "unknown topic id": (lambda on: on.fail(ErrorCode.UNKNOWN_TOPIC_ID), {}),
    "no leader yet": (lambda on: on.fail(ErrorCode.LEADER_NOT_AVAILABLE), {}),
    "not the leader": (lambda on: on.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, times=3), {}),
    "not the leader, after append": (lambda on: on.fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, after_append=True), {}),
    "a stale hint": (lambda on: on.hint_leader(2, 0), {}),
    "a hint at a broker nobody knows": (lambda on: on.hint_leader(99, 7), {}),
    "not replicated in time": (lambda on: on.fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True), {}),
    "too few replicas": (lambda on: on.fail(ErrorCode.NOT_ENOUGH_REPLICAS, times=3), {}),
    "too few replicas, after append": (
        lambda on: on.fail(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, after_append=True),
        {},
    ),
    "a failed disk": (lambda on: on.fail(ErrorCode.KAFKA_STORAGE_ERROR), {}),
    "a wrong checksum": (lambda on: on.fail(ErrorCode.CORRUPT_MESSAGE), {}),
    "out of order": (lambda on: on.fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER), {}),
    "out of order, twice": (lambda on: on.fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, times=2), {}),
    "unknown producer": (lambda on: on.fail(ErrorCode.UNKNOWN_PRODUCER_ID), {}),
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.parametrize("moment", ["with the first batch", "later", "with many in flight"])
@pytest.mark.parametrize(("script", "options"), SURVIVED.values(), ids=SURVIVED.keys())
def test_fault_is_survived(
    cluster: FakeCluster, make_face: MakeFace, script: Script, options: ProducerOptions, moment: str
) -> None:
    face = make_face(cluster.bootstrap_servers, **{**SMALL_BATCHES, **options})
    ledger = Ledger(face, "t")
    if moment != "with the first batch":
        ledger.produce(7)
        ledger.outcomes()

    script(cluster.on(ApiKey.PRODUCE, topic="t", partition=0, nth=3 if moment == "with many in flight" else 1))
    for _ in range(8):
        ledger.produce(5)
        ledger.produce(1, partition=1)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


# These end in an error for the batch concerned; the ones after it arrive.
REFUSED: dict[str, tuple[int, type[ProduceError], bool]] = {
    "too large": (ErrorCode.MESSAGE_TOO_LARGE, RecordTooLargeError, False),
    "not authorized": (ErrorCode.TOPIC_AUTHORIZATION_FAILED, TopicAuthorizationError, False),
    "invalid record": (ErrorCode.INVALID_RECORD, InvalidRecordError, False),
    "invalid epoch": (ErrorCode.INVALID_PRODUCER_EPOCH, InvalidProducerEpochError, False),
    "fenced": (ErrorCode.PRODUCER_FENCED, InvalidProducerEpochError, False),
    "server error": (ErrorCode.UNKNOWN_SERVER_ERROR, ProduceError, True),
    "a code nobody knows": (4711, ProduceError, True),
}


@pytest.mark.parametrize("acks", [Acks.ALL, Acks.LEADER])
@pytest.mark.parametrize(("code", "kind", "may_be_persisted"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_batch_fails_alone(
    cluster: FakeCluster, make_face: MakeFace, code: int, kind: type[ProduceError], may_be_persisted: bool, acks: Acks
) -> None:
    face = make_face(cluster.bootstrap_servers, acks=acks)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).fail(code)
    ledger.produce(1)
    failed = ledger.outcomes()[-1]
    ledger.produce(5)
    outcomes = ledger.outcomes()
    face.close()

    assert type(failed.error) is kind
    assert failed.error.code == code
    assert (failed.error.topic, failed.error.partition) == ("t", 0)
    assert failed.error.may_be_persisted is may_be_persisted
    assert [outcome.error for outcome in outcomes if outcome is not outcomes[3]].count(None) == len(outcomes) - 1
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


BATCHES_REFUSED = {name: row for name, row in REFUSED.items() if name != "too large"}  # that one is split


@pytest.mark.parametrize(("code", "kind", "may_be_persisted"), BATCHES_REFUSED.values(), ids=BATCHES_REFUSED.keys())
def test_refused_batch_does_not_harm_those_in_flight_behind_it(
    cluster: FakeCluster, make_face: MakeFace, code: int, kind: type[ProduceError], may_be_persisted: bool
) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    ledger.outcomes()

    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(code)
    for _ in range(6):
        ledger.produce(5)
        ledger.produce(2, partition=1)
    cluster.wait_until(lambda: held.waiting)
    held.release()
    outcomes = ledger.outcomes()
    face.close()

    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    assert {type(error) for error in failed} == {kind}
    assert {error.may_be_persisted for error in failed} == {may_be_persisted}
    if code not in (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED):
        assert len(failed) <= 7, failed  # one batch
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_record_errors_reach_the_records_they_are_about(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.create_topic("t", 1, TopicSettings(compacted=True))
        face = make_face(cluster.bootstrap_servers, max_in_flight_requests_per_connection=1)
        warm = face.produce("t", b"warm", key=b"k")
        warm.result(10)
        held = cluster.on(ApiKey.PRODUCE).hold(times=1)
        face.produce("t", b"busy", key=b"k")
        cluster.wait_until(lambda: held.waiting)

        handles = [face.produce("t", b"%d" % number, key=None if number == 1 else b"k") for number in range(3)]
        eventually(lambda: face.status().buffered_records == 4)
        held.release()
        errors = [handle.exception(10) for handle in handles]

        assert face.status().failed_total == 3
        assert all(type(error) is InvalidRecordError for error in errors), errors
        produce_errors = [error for error in errors if isinstance(error, ProduceError)]
        assert "needs keys" in str(produce_errors[1])
        assert [error.is_retriable for error in produce_errors] == [True, False, True]
        assert not any(error.may_be_persisted for error in produce_errors)


@pytest.mark.parametrize("api", [ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.API_VERSIONS])
@pytest.mark.parametrize(
    "script",
    [
        lambda on: on.close_before_append(),
        lambda on: on.reset(),
        lambda on: on.half_a_frame(),
        lambda on: on.truncate(),
        lambda on: on.wrong_correlation_id(),
        lambda on: on.garbage(),
        lambda on: on.never_answer(),
        lambda on: on.throttle(20),
    ],
    ids=["closed", "reset", "half", "truncated", "another's", "garbage", "never", "throttled"],
)
def test_fault_of_another_request_is_survived(
    cluster: FakeCluster, make_face: MakeFace, api: ApiKey, script: Script
) -> None:
    script(cluster.on(api))
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=200)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_starting_broker_that_names_no_brokers_is_asked_again(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.on(ApiKey.METADATA).name_no_brokers(times=3)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(2)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_records_that_cannot_be_compressed_are_sent_as_they_are(
    cluster: FakeCluster, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    face = make_face(cluster.bootstrap_servers, compression_type="gzip", **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    monkeypatch.setattr(zlib, "compressobj", fail)
    ledger.produce(30)
    outcomes = ledger.outcomes()
    monkeypatch.undo()
    ledger.produce(30)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)
    assert face.status().engine_restarts == 0
