"""Producer ids and epochs that come late, are refused, forgotten, used up or fenced: no loss, no duplicate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.errors import (
    ClusterAuthorizationError,
    InvalidTimestampError,
    OutOfOrderSequenceError,
)
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedInitProducerId,
)
from tests.scenarios.faces import SMALL_BATCHES, Face, MakeFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind, succeed_in_order


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


def test_first_producer_id_may_take_a_while(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.on(ApiKey.INIT_PRODUCER_ID).fail(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, times=3)
    cluster.on(ApiKey.INIT_PRODUCER_ID, nth=4).close_before_append()
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")

    ledger.produce(3)

    succeed_in_order(cluster, "t", ledger.outcomes())
    assert len(cluster.requests(ReceivedInitProducerId)) == 5


def test_refused_producer_id_fails_what_waits_and_recovers_when_granted(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    refusal = cluster.on(ApiKey.INIT_PRODUCER_ID).fail_always(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")

    ledger.produce(2)
    refused = ledger.outcomes()
    refusal.cancel()
    ledger.produce(2)
    outcomes = ledger.outcomes()
    face.close()

    assert all(isinstance(outcome.error, ClusterAuthorizationError) for outcome in refused)
    assert all(outcome.error and not outcome.error.may_be_persisted for outcome in refused)
    keep_promises(cluster, "t", outcomes)
    assert [outcome.error for outcome in outcomes[-2:]] == [None, None]
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("platformatic/kafka #309")
def test_forgotten_producer_goes_on_without_loss(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(12)
    ledger.outcomes()

    cluster.forget_producers("t", 0)
    ledger.produce(40)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_head_that_may_have_been_written_is_not_numbered_anew(cluster: FakeCluster, make_face: MakeFace) -> None:
    """The broker lost its state: writing a batch again that may be there already could duplicate it."""
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).close_after_append()
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    ledger.produce(1)
    unsure = ledger.outcomes()[-1]
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    assert isinstance(unsure.error, OutOfOrderSequenceError)
    assert unsure.error.may_be_persisted
    assert [outcome.error for outcome in outcomes[-3:]] == [None] * 3
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("KAFKA-12152", "Dekaf/.NET #3342", "Dekaf/.NET #3346")
def test_epoch_bump_leaves_the_numbers_of_other_partitions_alone(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.move_leader("t", 1, cluster.leader("t", 0))
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(2)
    ledger.produce(2, partition=1)
    ledger.outcomes()
    held = cluster.on(ApiKey.PRODUCE, partition=1).hold(times=1)
    ledger.produce(12, partition=1)
    cluster.wait_until(lambda: held.waiting)

    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    ledger.produce(20)
    ledger.produce(12, partition=1)
    held.release()
    outcomes = ledger.outcomes()

    succeed_in_order(cluster, "t", outcomes)
    assert {record.producer_epoch for record in cluster.log("t", 0)} == {0, 1}
    for partition in (0, 1):
        assert _sequences_start_at_zero_per_epoch(cluster, partition)


@pytest.mark.mistake("librdkafka #3720")
def test_last_epoch_is_followed_by_another_producer_id(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.grant_producer_id(77, 32766)
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    for _ in range(3):
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        ledger.produce(2)
        ledger.outcomes()

    succeed_in_order(cluster, "t", ledger.outcomes())
    identities = {(record.producer_id, record.producer_epoch) for record in cluster.log("t", 0)}
    assert (77, 32767) in identities
    assert len({producer_id for producer_id, _ in identities}) == 2


def test_fenced_producer_id_is_replaced(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_PRODUCER_EPOCH)
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(2)
    outcomes = ledger.outcomes()

    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert face.status().producer_id_resets == 1
    assert len({record.producer_id for record in cluster.log("t", 0)}) == 2
    keep_promises(cluster, "t", outcomes)


def test_duplicate_answer_is_a_success_without_an_offset(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.DUPLICATE_SEQUENCE_NUMBER, after_append=True)

    ledger.produce(2)
    outcomes = ledger.outcomes()
    ledger.produce(2)

    assert [outcome.metadata and outcome.metadata.offset for outcome in outcomes][:1] == [-1]
    succeed_in_order(cluster, "t", ledger.outcomes())


def test_batch_before_a_gap_is_settled_under_its_own_number(cluster: FakeCluster, make_face: MakeFace) -> None:
    """It may have been written, and its answer told of a time-out: repeated as it is, the broker recognises it."""
    face = make_face(cluster.bootstrap_servers, linger_ms=0)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    for _ in range(3):  # one batch each, all under way behind the first
        _send_one(face, ledger)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_TIMESTAMP)
    held.release()
    outcomes = ledger.outcomes()
    ledger.produce(2)

    assert [outcome.error for outcome in outcomes[:3]] == [None] * 3
    assert isinstance(outcomes[3].error, InvalidTimestampError)
    assert [outcome.error for outcome in ledger.outcomes()[-2:]] == [None, None]
    keep_promises(cluster, "t", ledger.outcomes())


@pytest.mark.mistake("KAFKA-15591")
def test_batch_that_a_later_one_overtook_is_not_written_out_of_turn(cluster: FakeCluster, make_face: MakeFace) -> None:
    """A broker that has lost its memory of us takes any number, and with it the second batch before the first."""
    face = make_face(cluster.bootstrap_servers, linger_ms=0)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    cluster.forget_producers()
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1, before_append=True)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.NOT_ENOUGH_REPLICAS)
    for _ in range(2):
        _send_one(face, ledger)
    held.release()
    overtaken = ledger.outcomes()[1]
    ledger.produce(3)
    outcomes = ledger.outcomes()

    assert isinstance(overtaken.error, OutOfOrderSequenceError)
    assert not overtaken.error.may_be_persisted
    assert [outcome.error for outcome in outcomes if outcome is not outcomes[1]] == [None] * 5
    keep_promises(cluster, "t", outcomes)


def test_batch_repeated_to_a_broker_that_has_forgotten_the_producer_is_written_twice(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    """As the page on guarantees says: no producer can know."""
    face = make_face(cluster.bootstrap_servers, retry_backoff_ms=300, retry_backoff_max_ms=300)
    face.produce("t", b"a", partition=0).result(10)
    cluster.on(ApiKey.PRODUCE).close_after_append()
    handle = face.produce("t", b"b", partition=0)
    cluster.wait_for_records("t", 2)
    cluster.forget_producers()

    assert handle.result(10).offset == 2
    assert [record.value for record in cluster.log("t", 0)] == [b"a", b"b", b"b"]


def _send_one(face: Face, ledger: Ledger) -> None:
    """Produce one message in a batch and a request of its own."""
    ledger.produce(1)
    eventually(lambda: face.status().in_flight_requests == ledger.unanswered())


def _sequences_start_at_zero_per_epoch(cluster: FakeCluster, partition: int) -> bool:
    seen: dict[int, int] = {}
    for record in cluster.log("t", partition):
        if record.sequence != seen.get(record.producer_epoch, 0):
            return False
        seen[record.producer_epoch] = record.sequence + 1
    return True
