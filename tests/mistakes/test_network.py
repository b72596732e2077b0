"""What went wrong with connections, metadata and finding the cluster again."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster, ReceivedMetadata
from tests.scenarios.faces import MakeFace, eventually
from tests.scenarios.invariants import Ledger, succeed_in_order
from tests.scenarios.places import closed_port


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody listens."""
    with closed_port() as address:
        yield address


@pytest.mark.mistake("kafka-python #1744", "kafka-python #1748", "KAFKA-4669")
def test_swapped_answers_are_not_taken_for_each_other(make_face: MakeFace, caplog: pytest.LogCaptureFixture) -> None:
    """KAFKA-4669: an answer was given to the request that happened to be first; who waited for it got another's."""
    first: list[bytes] = []

    def keep(answer: bytes) -> bytes:
        first.append(answer)
        return b""

    def swap(answer: bytes) -> bytes:
        return answer + first.pop()

    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, batch_size=1, linger_ms=0)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.outcomes()
        before = len(cluster.connections)
        cluster.on(ApiKey.PRODUCE).rewrite(keep)
        cluster.on(ApiKey.PRODUCE, nth=2).rewrite(swap)
        ledger.produce(3)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert len(cluster.connections) > before
        assert "answered request" in caplog.text


@pytest.mark.mistake("sarama #760", "kafka-python #849", "kafkajs #907")
def test_connection_closed_while_idle_is_noticed_before_the_next_message(
    make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    """sarama #760: the broker had closed the idle connection, and the next message failed on it."""
    caplog.set_level(logging.ERROR, "dekaf")
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        for _ in range(4):
            ledger.produce(1)
            ledger.produce(1, partition=1)
            ledger.outcomes()
            for broker in cluster.brokers:
                broker.close_connections()
            cluster.wait_until(lambda: not any(connection.is_open for connection in cluster.connections[:2]))

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert caplog.records == []


@pytest.mark.mistake("librdkafka #4970")
def test_metadata_is_asked_of_another_broker_when_one_does_not_answer(make_face: MakeFace) -> None:
    """librdkafka #4970: it was asked of the same broker, which had vanished, again and again."""
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        cluster.hint_leaders(enabled=False)
        face = make_face(cluster.bootstrap_servers, request_timeout_ms=300, delivery_timeout_ms=5_000)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.produce(1, partition=1)
        ledger.outcomes()

        vanished = cluster.requests(ReceivedMetadata)[-1].node_id
        cluster.on(ApiKey.METADATA, node=vanished).never_answer(times=ALWAYS)
        for partition in range(2):  # only fresh metadata tells who leads now
            cluster.move_leader("t", partition, 1 + vanished % 3)
        ledger.produce(3)
        ledger.produce(3, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.mistake("KAFKA-8206", "librdkafka #5605")
def test_cluster_all_of_whose_brokers_were_replaced_is_found_through_the_bootstrap_servers(
    make_face: MakeFace, nowhere: str
) -> None:
    """KAFKA-8206: the client only ever tried the brokers it knew, all of which had moved."""
    with FakeCluster(nodes=3, topics={"t": 1}) as cluster:
        _hide_behind_bootstrap(cluster, nowhere)
        face = make_face(cluster.broker(1).address, request_timeout_ms=500, metadata_max_age_ms=100)
        ledger = Ledger(face, "t")
        ledger.produce(2)
        ledger.outcomes()

        for node in (1, 2, 3):
            cluster.stop_broker(node, elect=False)
        ledger.produce(3)
        for node in (2, 3):
            cluster.start_broker(node, new_port=True)
        cluster.start_broker(1)

        succeed_in_order(cluster, "t", ledger.outcomes())


@pytest.mark.mistake("KAFKA-18085")
def test_broker_of_another_cluster_sends_us_back_to_the_bootstrap_servers(make_face: MakeFace, nowhere: str) -> None:
    """KAFKA-18085: at such a new beginning, requests that were under way were never heard of again."""
    with FakeCluster(nodes=3, topics={"t": 2}) as cluster:
        _hide_behind_bootstrap(cluster, nowhere)
        cluster.move_leader("t", 1, 3)
        face = make_face(cluster.broker(1).address, request_timeout_ms=5_000)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.produce(1, partition=1)
        ledger.outcomes()

        foreign = [
            cluster.on(ApiKey.METADATA, node=node).fail(ErrorCode.REBOOTSTRAP_REQUIRED, times=ALWAYS) for node in (2, 3)
        ]
        under_way = cluster.on(ApiKey.PRODUCE, node=3).hold(times=1)
        ledger.produce(1, partition=1)
        cluster.wait_until(lambda: under_way.waiting)
        cluster.hint_leaders(enabled=False)
        cluster.move_leader("t", 0, 3)  # only fresh metadata tells, and the known brokers have none for us
        ledger.produce(3)
        cluster.wait_until(lambda: sum(fault.hits for fault in foreign) >= 1)
        asked = len([one for one in cluster.requests(ReceivedMetadata) if one.node_id == 1])
        cluster.wait_until(lambda: len([one for one in cluster.requests(ReceivedMetadata) if one.node_id == 1]) > asked)
        under_way.release()

        succeed_in_order(cluster, "t", ledger.outcomes())
        eventually(lambda: face.status().buffered_bytes == 0)


def _hide_behind_bootstrap(cluster: FakeCluster, nowhere: str) -> None:
    """Make broker 1 the bootstrap server only: the address it is known by in the cluster leads nowhere."""
    host, port = nowhere.split(":")
    cluster.broker(1).advertise_address(host, int(port))
    cluster.move_leader("t", 0, 2)
