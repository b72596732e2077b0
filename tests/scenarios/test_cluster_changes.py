"""Brokers that leave, and brokers that advertise nonsense: what was under way goes on, and no engine dies of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from dekaf.errors import DeliveryTimeoutError, ProduceError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster, ReceivedMetadata
from dekaf.testing.answers import Endpoint
from tests.scenarios.faces import PATIENCE, SMALL_BATCHES, MakeFace, engine_of, eventually
from tests.scenarios.invariants import Ledger, succeed_in_order


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


def leave_out(cluster: FakeCluster, node: int) -> None:
    """Have the cluster no longer name a broker, which goes on as it is."""
    with cluster._state.changed:
        del cluster._state.endpoints[node]


def test_request_to_a_broker_that_an_answer_leaves_out_is_still_answered(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    """Old metadata may leave out a healthy broker: closing the connection would have all of it sent again."""
    stays, leaves = 2, 1
    cluster.move_leader("t", 0, leaves)
    cluster.move_leader("t", 1, stays)
    face = make_face(cluster.broker(stays).address)
    for partition in (0, 1):
        face.produce("t", b"before", partition=partition).result(PATIENCE)
    held = cluster.on(ApiKey.PRODUCE, topic="t", partition=0).hold(times=1)
    handle = face.produce("t", b"under way", partition=0)
    cluster.wait_until(lambda: held.waiting)

    leave_out(cluster, leaves)
    asked = len(cluster.requests(ReceivedMetadata))
    engine_of(face.producer).refresh_metadata("t")
    cluster.wait_for_requests(ReceivedMetadata, asked + 1)
    eventually(lambda: face.status().known_brokers == 1)
    held.release()

    assert handle.result(PATIENCE).offset == 1
    assert len(cluster.attempts("t", 0)) == 2


def test_request_to_a_broker_that_left_the_cluster_is_repeated_when_its_time_is_over(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    stays, leaves = 2, 1
    cluster.move_leader("t", 0, leaves)
    cluster.move_leader("t", 1, stays)
    face = make_face(cluster.broker(stays).address, request_timeout_ms=600)
    for partition in (0, 1):
        face.produce("t", b"before", partition=partition).result(PATIENCE)
    cluster.on(ApiKey.PRODUCE, topic="t", partition=0).never_answer()
    handle = face.produce("t", b"under way", partition=0)
    cluster.wait_until(lambda: len(cluster.attempts("t", 0)) == 2)

    cluster.move_leader("t", 0, stays)
    leave_out(cluster, leaves)
    engine_of(face.producer).refresh_metadata("t")

    assert handle.result(PATIENCE).offset == 1
    assert cluster.violations == []


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99_999), ("127.0.0.1", -5), ("a\0b", 9092), ("", 9092)])
def test_address_that_is_none_is_one_that_cannot_be_reached(
    cluster: FakeCluster, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch, host: str, port: int, loop: str
) -> None:
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    with cluster._state.changed:
        truth = dict(cluster._state.endpoints)
        for node_id in truth:
            cluster._state.endpoints[node_id] = Endpoint(node_id=node_id, host=host, port=port)
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=300, delivery_timeout_ms=600)

    error = face.produce("t", b"a", partition=0).exception(PATIENCE)

    assert isinstance(error, DeliveryTimeoutError)
    with cluster._state.changed:
        cluster._state.endpoints.update(truth)
    eventually(lambda: face.produce("t", b"b", partition=0).exception(PATIENCE) is None)
    assert face.status().engine_restarts == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_port_that_is_none_leads_to_no_other_port(
    cluster: FakeCluster, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    # Sixteen bits of it are a port at which somebody else's server may listen: here, the cluster itself does.
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    with cluster._state.changed:
        for node_id, truth in list(cluster._state.endpoints.items()):
            cluster._state.endpoints[node_id] = Endpoint(node_id=node_id, host=truth.host, port=truth.port + 65_536)
    face = make_face(cluster.bootstrap_servers, request_timeout_ms=300, delivery_timeout_ms=600)

    error = face.produce("t", b"a", partition=0).exception(PATIENCE)

    assert isinstance(error, DeliveryTimeoutError)
    assert "port" in str(error.__cause__)
    assert cluster.log("t") == []


def test_check_that_found_nobody_is_forgotten(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.on(ApiKey.API_VERSIONS).never_answer(times=ALWAYS)
    face = make_face(cluster.bootstrap_servers)
    engine = engine_of(face.producer)
    for _ in range(50):
        engine.describe(lambda _description, _error: None, 0.0)
    told: list[object] = []
    engine.describe(lambda description, _error: told.append(description), 60.0)
    eventually(lambda: len(engine._description._waiting) == 1)

    face.close(0.1)

    assert told == [None]


# Another cluster at the same addresses.


def test_cluster_that_was_replaced_is_written_to_under_another_producer_id(
    make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeCluster(nodes=2, topics={"t": 2, "u": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20)
        for topic in ("t", "u"):
            face.produce(topic, b"before", partition=0).result(10)
        (before,) = {record.producer_id for record in cluster.log("t")}

        cluster.replace_cluster("other")
        eventually(lambda: face.status().producer_id_resets == 1)
        ledger = Ledger(face, "t")
        ledger.produce(20)
        outcomes = ledger.outcomes()

        succeed_in_order(cluster, "t", outcomes)
        assert before not in {record.producer_id for record in cluster.log("t")}
        assert face.produce("u", b"after").result(10).offset == 0
        told = [record.getMessage() for record in caplog.records if "lead to cluster" in record.getMessage()]
        assert len(told) == 1
        assert "other" in told[0]


def test_what_may_be_in_the_cluster_before_fails_and_the_rest_goes_to_the_new_one(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, max_in_flight_requests_per_connection=1, **SMALL_BATCHES)
        face.produce("t", b"before").result(10)
        unanswered = cluster.on(ApiKey.PRODUCE).close_after_append(times=ALWAYS)
        unsure = face.produce("t", b"unsure")
        cluster.wait_until(lambda: unanswered.hits >= 2)
        rest = Ledger(face, "t")
        rest.produce(20)
        cluster.replace_cluster("other")
        error = unsure.exception(10)
        unanswered.cancel()

        assert isinstance(error, ProduceError)
        assert error.may_be_persisted
        assert error.is_retriable
        succeed_in_order(cluster, "t", rest.outcomes())


def test_broker_that_belongs_to_another_cluster_is_left(make_face: MakeFace) -> None:
    """Its address was reused; the bootstrap servers know better."""
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        face = make_face(cluster.broker(1).address, metadata_max_age_ms=20)
        for partition in range(3):
            face.produce("t", b"a", partition=partition).result(10)
        open_before = {one.number for one in cluster.connections if one.is_open and one.node_id != 2}

        cluster.tell_cluster_id(2, "stranger")
        cluster.wait_until(lambda: not any(one.is_open for one in cluster.connections if one.number in open_before))

        assert face.produce("t", b"b", partition=0).result(10).offset == 1
        assert face.status().producer_id_resets == 0
