"""How far a connection has authenticated, and until when that counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.testing import (
    FakeCluster,
    ReceivedProduce,
)
from tests.certificates import Authority
from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.users import MECHANISMS, SCRAM_USERS

ALICE = b"\0alice\0wonder"


SCRAM = [one for one in MECHANISMS if one.startswith("SCRAM")]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}, sasl={**SCRAM_USERS, "alice": "wonder"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def probe(cluster: FakeCluster) -> SaslProbe:
    return SaslProbe(cluster.broker(1).port)


def test_the_life_of_a_session_can_be_changed(cluster: FakeCluster) -> None:
    cluster.limit_sessions(250)

    with probe(cluster) as client:
        answer = client.log_in("PLAIN", ALICE)

    assert answer is not None
    assert answer.session_lifetime_ms == 250


def test_a_session_that_has_ended_is_told_from_other_connections(cluster: FakeCluster) -> None:
    cluster.limit_sessions(1)
    with probe(cluster) as client:
        client.log_in("PLAIN", ALICE)
        while client.is_served():
            pass  # a millisecond is soon over

    cluster.wait_until(lambda: not cluster.connections[0].is_open)
    assert cluster.connections[0].is_expired
    assert cluster.violations == []


def test_what_comes_out_of_turn_is_a_violation(cluster: FakeCluster) -> None:
    with probe(cluster) as client:
        assert not client.is_served()

    assert cluster.violations == ["API 3 came although ApiVersions or SaslHandshake may come"]
    assert cluster.requests(ReceivedProduce) == []
