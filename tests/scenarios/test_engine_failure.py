"""An unexpected exception on the I/O thread: nobody is left waiting, and the next record finds a fresh engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import DeliveryAbortedError, ProduceError
from dekaf.testing import ApiKey, FakeCluster
from dekaf.types import ProducerState
from tests.scenarios.faces import PATIENCE, MakeFace, UnexpectedError, break_engine, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind


class Abrupt(BaseException):  # it is none
    """Not even an Exception."""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.mistake("aiokafka #1101", "kafka-python #3108")
@pytest.mark.parametrize("kind", [UnexpectedError, Abrupt])
def test_everything_pending_fails_and_the_next_record_is_delivered(
    cluster: FakeCluster, make_face: MakeFace, caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=150)
    ledger = Ledger(face, "t")
    ledger.produce(3)
    delivered = ledger.outcomes()
    cluster.on(ApiKey.PRODUCE, partition=0).never_answer()
    ledger.produce(30)  # some in flight, some waiting, one batch open
    parked = face.produce("absent", b"parked")
    cluster.wait_until(lambda: len(cluster.attempts("t", 0)) > 1)
    eventually(lambda: face.status().buffered_records == 31)

    break_engine(face.producer, kind)
    outcomes = ledger.outcomes()

    assert [outcome.error for outcome in delivered] == [None] * 3
    for outcome in outcomes[3:]:
        assert isinstance(outcome.error, DeliveryAbortedError)
        assert isinstance(outcome.error.__cause__, kind)
        assert outcome.error.is_retriable
    assert isinstance(parked.exception(PATIENCE), DeliveryAbortedError)
    keep_promises(cluster, "t", outcomes)
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    status = face.status()
    assert (status.state, status.buffered_records, status.buffered_bytes) == (ProducerState.IDLE, 0, 0)

    ledger.produce(5)
    outcomes = ledger.outcomes()
    status = face.status()
    face.close()

    assert [outcome.error for outcome in outcomes[-5:]] == [None] * 5
    assert status.engine_restarts == 1
    keep_promises(cluster, "t", outcomes)


def test_nothing_is_lost_track_of_when_engines_fail_again_and_again(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=200, buffer_memory=40_000)
    ledger = Ledger(face, "t")
    for _ in range(10):
        ledger.produce(30)
        ledger.produce(30, partition=1)
        break_engine(face.producer)
    ledger.produce(10)
    outcomes = ledger.outcomes()
    face.close()

    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    assert [error for error in errors if not isinstance(error, DeliveryAbortedError)] == []
    assert [outcome.error for outcome in outcomes[-10:]] == [None] * 10
    keep_promises(cluster, "t", outcomes, is_idempotent=False)
    leave_nothing_behind(face.status(), outcomes)
    assert face.status().engine_restarts == 10


class _Partitioner:
    """Works for known topics; for parked records it runs on the I/O thread, and raises there."""

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    def partition(self, _topic: str, key: bytes | None, _count: int, /) -> int | None:
        if key == b"bad":
            raise self._failure
        return 0


@pytest.mark.parametrize("kind", [UnexpectedError, SystemExit, Abrupt])
def test_partitioner_that_raises_for_parked_records_fails_only_these(
    cluster: FakeCluster, make_face: MakeFace, kind: type[BaseException]
) -> None:
    failure = kind("on purpose")
    held = cluster.on(ApiKey.METADATA).hold()  # or the topic may be known by the second, and the caller be hit
    face = make_face(cluster.bootstrap_servers, partitioner=_Partitioner(failure))
    before = face.produce("t", b"a", key=b"good")
    bad = face.produce("t", b"b", key=b"bad")
    after = face.produce("t", b"c", key=b"good")
    eventually(lambda: face.status().buffered_records == 3)
    held.release()
    error = bad.exception(PATIENCE)

    assert isinstance(error, ProduceError)
    assert error.__cause__ is failure
    assert [before.result(PATIENCE).offset, after.result(PATIENCE).offset] == [0, 1]
    assert face.status().engine_restarts == 0
    face.close()
    assert face.status().buffered_bytes == 0


@pytest.mark.parametrize("partition", [-1, 2, True, "0", 0.0])
def test_partitioner_that_makes_no_sense_fails_the_record(
    cluster: FakeCluster, make_face: MakeFace, partition: object
) -> None:
    class Nonsense:
        def partition(self, _topic: str, _key: bytes | None, _count: int, /) -> Any:
            return partition

    face = make_face(cluster.bootstrap_servers, partitioner=Nonsense())
    parked = face.produce("t", b"a").exception(PATIENCE)
    known = face.produce("t", b"a").exception(PATIENCE)

    for error in (parked, known):
        assert isinstance(error, ProduceError)
        assert "Nonsense" in str(error)
    assert face.status().engine_restarts == 0
