"""An unexpected exception on the I/O thread: nobody is left waiting, and the next record finds a fresh engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import DeliveryAbortedError, ProduceError
from dekaf.producer import Producer
from dekaf.producer._engine.engine import Engine
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from dekaf.types import ProducerState
from tests.scenarios.faces import PATIENCE, Face, LoopFace, MakeFace, ThreadFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind


class UnexpectedError(Exception):
    """What nobody reckons with."""


class Abrupt(BaseException):  # it is none
    """Not even an Exception."""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


def break_engine(face: Face, kind: type[BaseException] = UnexpectedError) -> None:
    """Raise on the I/O thread, as a mistake of ours would."""
    assert isinstance(face, (ThreadFace, LoopFace))
    engine = face.producer._core.start()
    assert isinstance(engine, Engine)

    def fail() -> None:
        raise kind("on purpose")

    engine._io.call(fail)
    eventually(lambda: not engine.is_alive())


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

    break_engine(face, kind)
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


def test_flush_during_the_failure_does_not_wait_for_ever(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    handle = face.produce("t", b"a", partition=0)
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)
    flushed = threading.Event()

    def flush() -> None:
        face.flush()
        flushed.set()

    thread = threading.Thread(target=flush)
    thread.start()
    break_engine(face)

    assert flushed.wait(PATIENCE)
    thread.join(PATIENCE)
    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)


def test_those_who_wait_for_room_go_on_with_the_fresh_engine(cluster: FakeCluster) -> None:
    with ThreadFace(cluster.bootstrap_servers, buffer_memory=3_800, max_request_size=3_000) as face:
        assert isinstance(face, ThreadFace)
        producer: Producer[Any, Any] = face.producer
        producer.produce("t", None, b"first", partition=0)
        cluster.on(ApiKey.PRODUCE).never_answer()
        stuck = [face.produce("t", b"." * 1_000, partition=0) for _ in range(2)]
        results: list[int] = []

        def wait() -> None:
            results.append(producer.produce("t", None, b"-" * 2_000, partition=0).offset)

        waiting = [threading.Thread(target=wait) for _ in range(2)]
        for thread in waiting:
            thread.start()
        eventually(lambda: producer.status().waiting_for_space == 2)

        break_engine(face)
        for thread in waiting:
            thread.join(PATIENCE)

        assert len(results) == 2
        assert all(isinstance(handle.exception(PATIENCE), DeliveryAbortedError) for handle in stuck)
        eventually(lambda: producer.status().buffered_bytes == 0)


def test_nothing_is_lost_track_of_when_engines_fail_again_and_again(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=200, buffer_memory=40_000)
    ledger = Ledger(face, "t")
    for _ in range(10):
        ledger.produce(30)
        ledger.produce(30, partition=1)
        break_engine(face)
    ledger.produce(10)
    outcomes = ledger.outcomes()
    face.close()

    assert all(outcome.error is None or isinstance(outcome.error, DeliveryAbortedError) for outcome in outcomes)
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
    face = make_face(cluster.bootstrap_servers, partitioner=_Partitioner(failure))
    before = face.produce("t", b"a", key=b"good")
    bad = face.produce("t", b"b", key=b"bad")
    after = face.produce("t", b"c", key=b"good")
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


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_calls_that_block_raise_and_the_next_is_delivered(cluster: FakeCluster, timeout: float | None) -> None:
    face = ThreadFace(cluster.bootstrap_servers)
    face.producer.produce("t", None, b"first", timeout=PATIENCE)
    held = cluster.on(ApiKey.PRODUCE).hold()
    errors: list[ProduceError] = []

    def call() -> None:
        try:
            face.producer.produce("t", None, b"pending", timeout=timeout)
        except ProduceError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: face.status().buffered_records == len(threads))
    break_engine(face)
    for thread in threads:
        thread.join(PATIENCE)
    held.cancel()
    held.release()

    assert [type(error) for error in errors] == [DeliveryAbortedError] * len(threads)
    face.producer.produce("t", None, b"next", timeout=PATIENCE)
    face.close()
