"""How far a connection has authenticated, and until when that counts."""

from __future__ import annotations

from dekaf.testing import FakeCluster, ReceivedProduce
from tests.unit.testing.sasl import ALICE, probe


def test_the_life_of_a_session_can_be_changed(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.limit_sessions(250)

    with probe(sasl_cluster) as client:
        answer = client.log_in("PLAIN", ALICE)

    assert answer is not None
    assert answer.session_lifetime_ms == 250


def test_a_session_that_has_ended_is_told_from_other_connections(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.limit_sessions(1)
    with probe(sasl_cluster) as client:
        client.log_in("PLAIN", ALICE)
        while client.is_served():
            pass  # a millisecond is soon over

    sasl_cluster.wait_until(lambda: not sasl_cluster.connections[0].is_open)
    assert sasl_cluster.connections[0].is_expired
    assert sasl_cluster.violations == []


def test_what_comes_out_of_turn_is_a_violation(sasl_cluster: FakeCluster) -> None:
    with probe(sasl_cluster) as client:
        assert not client.is_served()

    assert sasl_cluster.violations == ["API 3 came although ApiVersions or SaslHandshake may come"]
    assert sasl_cluster.requests(ReceivedProduce) == []
