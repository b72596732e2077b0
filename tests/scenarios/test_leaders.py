"""Leaders that move, die, come back elsewhere or cannot be reached: records follow, or wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from dekaf.errors import (
    BrokerConnectionError,
    DeliveryTimeoutError,
)
from dekaf.testing import (
    ALWAYS,
    ApiKey,
    FakeCluster,
    ReceivedMetadata,
)
from tests.scenarios.faces import SMALL_BATCHES, MakeFace, eventually
from tests.scenarios.invariants import Ledger, leave_nothing_behind, succeed_in_order


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.parametrize("hints", [True, False], ids=["with hints", "without hints"])
def test_moved_leader_is_followed(cluster: FakeCluster, make_face: MakeFace, hints: bool) -> None:
    cluster.hint_leaders(enabled=hints)
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    for turn in range(6):
        ledger.produce(12)
        cluster.move_leader("t", 0, 1 + turn % 3)
        ledger.produce(12)
    outcomes = ledger.outcomes()
    face.close()

    succeed_in_order(cluster, "t", outcomes)
    leave_nothing_behind(face.status(), outcomes)


def test_records_wait_for_a_partition_without_a_leader(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    ledger = Ledger(face, "t")
    ledger.produce(2)
    ledger.outcomes()

    cluster.move_leader("t", 0, None)
    ledger.produce(3)
    ledger.produce(3, partition=1)
    cluster.wait_until(lambda: len(cluster.log("t", 1)) == 3)
    seen = len(cluster.requests(ReceivedMetadata))
    cluster.wait_for_requests(ReceivedMetadata, seen + 2)
    cluster.move_leader("t", 0, 2)
    outcomes = ledger.outcomes()

    succeed_in_order(cluster, "t", outcomes)


def test_dead_broker_is_left_for_the_new_leader(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
    ledger = Ledger(face, "t")
    ledger.produce(10)
    ledger.outcomes()
    leader = cluster.leader("t", 0)
    assert leader is not None

    ledger.produce(20)
    cluster.stop_broker(leader)
    ledger.produce(20)

    succeed_in_order(cluster, "t", ledger.outcomes())


def test_broker_that_returns_on_another_port_is_found(make_face: MakeFace) -> None:
    with FakeCluster(nodes=2, topics={"t": 1}) as cluster:
        cluster.move_leader("t", 0, 2)
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(3)
        ledger.outcomes()

        cluster.stop_broker(2, elect=False)
        ledger.produce(3)
        cluster.start_broker(2, new_port=True)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("no\0name", 9092), ("x" * 300, 9092), ("", 9092)]
)
def test_address_that_cannot_be_is_a_broker_that_cannot_be_reached(
    make_face: MakeFace, monkeypatch: pytest.MonkeyPatch, host: str, port: int
) -> None:
    """The standard loop, unlike uvloop, raises other errors about these than about a refused connection."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with FakeCluster(topics={"t": 1}) as cluster:
        broker = cluster.broker(1)
        broker.advertise_address(host, port)
        face = make_face(cluster.bootstrap_servers, request_timeout_ms=300, delivery_timeout_ms=1_000)
        error = face.produce("t", b"a").exception(10)
        assert isinstance(error, DeliveryTimeoutError)
        assert isinstance(error.__cause__, BrokerConnectionError)

        broker.advertise_address(broker.host, broker.port)
        eventually(lambda: face.produce("t", b"b").exception(10) is None)

        assert face.status().engine_restarts == 0


def test_hint_at_a_broker_not_heard_of_before_is_followed_without_metadata(make_face: MakeFace) -> None:
    with FakeCluster(nodes=2, topics={"t": 1}) as cluster:
        cluster.move_leader("t", 0, 1)
        cluster.stop_broker(2)
        face = make_face(cluster.broker(1).address)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.outcomes()

        cluster.start_broker(2)
        cluster.move_leader("t", 0, 2)
        never = cluster.on(ApiKey.METADATA).never_answer(times=ALWAYS)
        ledger.produce(3)
        outcomes = ledger.outcomes()
        never.cancel()

        succeed_in_order(cluster, "t", outcomes)
