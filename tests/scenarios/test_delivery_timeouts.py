"""A record's time is over: what its error says, and that nothing else is held up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from dekaf.errors import (
    BrokerConnectionError,
    DeliveryTimeoutError,
    MalformedResponseError,
    NotEnoughReplicasError,
)
from dekaf.testing import (
    ALWAYS,
    ApiKey,
    ErrorCode,
    FakeCluster,
    Trigger,
)
from tests.scenarios.faces import MakeFace, eventually
from tests.scenarios.invariants import Ledger, keep_promises, leave_nothing_behind

Script = Callable[[Trigger], object]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
def test_batch_that_runs_out_of_time_in_flight_says_that_it_may_be_persisted(
    cluster: FakeCluster, make_face: MakeFace, is_stored: bool
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600)
    ledger = Ledger(face, "t")
    ledger.produce(4)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).never_answer(append=is_stored)
    ledger.produce(2)
    failed = ledger.outcomes()[4:]
    eventually(lambda: face.status().buffered_bytes == 0)  # the request has run out of time as well
    ledger.produce(5)
    outcomes = ledger.outcomes()
    face.close()

    assert isinstance(failed[0].error, DeliveryTimeoutError)
    assert failed[0].error.may_be_persisted
    assert [outcome.error for outcome in outcomes[-5:]] == [None] * 5
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


@pytest.mark.mistake("KAFKA-19012")
def test_memory_of_a_batch_in_flight_stays_taken_until_its_request_is_over(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=900, delivery_timeout_ms=900)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    # The second attempt begins late, so the record's time is over before the request's.
    cluster.on(ApiKey.PRODUCE, partition=0).delay(0.5)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.NOT_ENOUGH_REPLICAS)
    held = cluster.on(ApiKey.PRODUCE, partition=0, nth=2).hold(times=1)

    handle = ledger.produce(1)[0]
    error = handle.exception(10)
    taken = face.status().buffered_bytes
    held.release()

    assert isinstance(error, DeliveryTimeoutError)
    assert held.hits == 1
    assert taken > 0
    eventually(lambda: face.status().buffered_bytes == 0)
    assert face.status().delivered_total == 1


@pytest.mark.parametrize(
    ("script", "cause", "says"),
    [
        (lambda on: on.truncate(times=ALWAYS), MalformedResponseError, "bytes are expected"),
        (lambda on: on.close_after_append(times=ALWAYS), BrokerConnectionError, "closed the connection"),
    ],
    ids=["malformed", "closed"],
)
def test_what_the_answers_were_lost_to_is_the_cause_of_the_time_out(
    cluster: FakeCluster, make_face: MakeFace, script: Script, cause: type[Exception], says: str
) -> None:
    """The connection may well be ready again when the time is over."""
    script(cluster.on(ApiKey.PRODUCE))
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=600, delivery_timeout_ms=650)
    errors = [face.produce("t", b"a").exception(10) for _ in range(3)]

    assert isinstance(errors[0], DeliveryTimeoutError)
    assert errors[0].may_be_persisted  # the later ones may have waited for another connection all their time
    for error in errors:
        assert isinstance(error, DeliveryTimeoutError)
        assert isinstance(error.__cause__, cause)
        assert says in str(error.__cause__)


def test_what_the_broker_refused_with_is_the_cause_of_the_time_out(cluster: FakeCluster, make_face: MakeFace) -> None:
    """While it waits for its next attempt: in an attempt whose answer is due, it might be written."""
    cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.NOT_ENOUGH_REPLICAS)
    face = make_face(
        cluster.bootstrap_servers,
        request_timeout_ms=600,
        delivery_timeout_ms=650,
        retry_backoff_ms=10_000,
        retry_backoff_max_ms=10_000,
    )
    error = face.produce("t", b"a").exception(10)

    assert isinstance(error, DeliveryTimeoutError)
    assert not error.may_be_persisted
    assert isinstance(error.__cause__, NotEnoughReplicasError)
    assert "NOT_ENOUGH_REPLICAS" in str(error)


def test_queued_record_that_runs_out_of_time_is_not_in_the_log(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    for broker in cluster.brokers:
        cluster.stop_broker(broker.node_id, elect=False)
    ledger.produce(3)
    failed = ledger.outcomes()[1:]
    for broker in cluster.brokers:
        cluster.start_broker(broker.node_id)
    ledger.produce(3)
    outcomes = ledger.outcomes()
    face.close()

    for outcome in failed:
        assert isinstance(outcome.error, DeliveryTimeoutError)
        assert isinstance(outcome.error.__cause__, BrokerConnectionError)
    assert [outcome.error for outcome in outcomes[-3:]] == [None] * 3
    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_fresh_records_are_not_stuck_behind_a_retry_that_ran_out_of_time(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    """Without a single later event: nothing but the expiry itself may be needed to go on."""
    face = make_face(
        cluster.bootstrap_servers,
        linger_ms=0,
        request_timeout_ms=900,
        delivery_timeout_ms=900,
        retry_backoff_ms=10_000,
        retry_backoff_max_ms=10_000,
    )
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True)
    ledger.produce(1)
    eventually(lambda: face.status().retries_total == 1)
    time.sleep(0.4)  # not to wait for anything: what follows has to be so much younger than the retry
    ledger.produce(2)
    outcomes = ledger.outcomes()

    assert isinstance(outcomes[1].error, DeliveryTimeoutError)
    assert [outcome.error for outcome in outcomes[2:]] == [None, None]
    keep_promises(cluster, "t", outcomes)


def test_acknowledgement_after_the_time_out_changes_nothing_for_the_caller(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=150, delivery_timeout_ms=150)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()

    cluster.on(ApiKey.PRODUCE, partition=0).throttle(100)
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(4)
    outcomes = ledger.outcomes()
    face.close()

    keep_promises(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)
