"""Old brokers, and brokers that cannot do what is needed."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import SUPPORTED
from dekaf.errors import (
    BrokerConnectionError,
    ProduceError,
)
from dekaf.testing import (
    ApiKey,
    ErrorCode,
    FakeCluster,
    ReceivedProduce,
)
from tests.scenarios.faces import SMALL_BATCHES, MakeFace
from tests.scenarios.invariants import Ledger, succeed_in_order


@pytest.mark.parametrize("kafka", ["2.1", "2.4", "2.8", "3.9", "4.0", "4.3", "4.4"])
def test_every_release_is_spoken_to(make_face: MakeFace, kafka: str) -> None:
    with FakeCluster(nodes=2, topics={"t": 2}, kafka=kafka) as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "t")
        for nth in (1, 3):
            cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        ledger.produce(20)
        ledger.produce(20, partition=1)
        cluster.move_leader("t", 1, 1)
        ledger.produce(20, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.parametrize(
    ("api", "version"),
    [
        (api, version)
        for api in (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID)
        for version in range(SUPPORTED[api].min, SUPPORTED[api].max + 1)
    ],
    ids=str,
)
def test_every_version_of_every_api_is_spoken(make_face: MakeFace, api: ApiKey, version: int) -> None:
    """Releases in between, and services of others, advertise any of them."""
    with FakeCluster(nodes=2, topics={"t": 2}, versions={api: (0, version)}) as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "t")
        cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        ledger.produce(5)
        ledger.produce(5, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert {request.version for request in cluster.requests() if request.api_key == api} == {version}


@pytest.mark.mistake("franz-go #1312")
def test_topic_without_an_id_is_written_to_by_name(make_face: MakeFace) -> None:
    """Some services advertise the newest Produce and a Metadata that knows no ids."""
    with FakeCluster(topics={"t": 1}, versions={ApiKey.METADATA: (0, 9)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(3)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert {request.version for request in cluster.requests(ReceivedProduce)} == {12}


def test_broker_that_cannot_produce_fails_the_records_with_a_reason(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.PRODUCE: (0, 2)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        error = face.produce("t", b"a").exception(10)

        assert isinstance(error, ProduceError)
        assert isinstance(error.__cause__, BrokerConnectionError)
        assert not error.may_be_persisted


def test_broker_without_producer_ids_fails_the_records_with_a_remedy(make_face: MakeFace) -> None:
    with FakeCluster(topics={"t": 1}, versions={ApiKey.INIT_PRODUCER_ID: (0, -1)}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        error = face.produce("t", b"a").exception(10)

        assert isinstance(error, ProduceError)
        assert "enable_idempotence=False" in str(error)
