"""A cluster in which one broker refuses everybody, and heals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf import Producer
from tests.broker.secure_ways import Way, way_options
from tests.certificates import Authority
from tests.conftest import running
from tests.kafka import USERS, SaslProbe, SecureCluster
from tests.kafka.secure_listeners import LISTENERS
from tests.oauth import unsecured_token

ALICE = b"\0alice\0" + USERS["alice"].encode()


@pytest.fixture(scope="module")
def cluster_with_an_odd_broker(authority: Authority) -> Iterator[SecureCluster]:
    chosen = [one for one in LISTENERS if one.name == "SASL_PLAINTEXT"]
    with running(SecureCluster(2, authority=authority, odd_broker=1, listeners=chosen, heap_mb=256)) as cluster:
        yield cluster


def answers(cluster: SecureCluster, broker: int) -> tuple[int, int, bytes]:
    """Return what a broker says to PLAIN, to SCRAM and to a token."""
    port = cluster.port("SASL_PLAINTEXT", broker=broker)
    token = f"n,,\x01auth=Bearer {unsecured_token('alice')}\x01\x01".encode()
    with SaslProbe(port) as plain, SaslProbe(port) as scram, SaslProbe(port) as oauth:
        password, offer = plain.log_in("PLAIN", ALICE), scram.handshake("SCRAM-SHA-256")
        said = oauth.log_in("OAUTHBEARER", token)
        assert password is not None
        assert offer is not None
        assert said is not None
        return password.error_code, offer[0], said.auth_bytes


def test_odd_broker_fails_nobody_elses_records_and_heals(cluster_with_an_odd_broker: SecureCluster) -> None:
    """One of the two refuses us. What the other leads is delivered; the rest waits, and is delivered in the end."""
    cluster = cluster_with_an_odd_broker
    cluster.create_topic("odd", partitions=4)
    leaders = {partition: cluster.leader_of("odd", partition) for partition in range(4)}
    assert set(leaders.values()) == {0, 1}
    assert answers(cluster, 0) == (0, 0, b"")
    refusals = answers(cluster, 1)
    assert refusals[:2] == (58, 33)
    assert b"insufficient_scope" in refusals[2]

    with Producer(**way_options(cluster, Way("SASL_PLAINTEXT", "SCRAM-SHA-256"))) as producer:
        handles = {partition: producer.submit("odd", None, b"v", partition=partition) for partition in leaders}
        for partition, leader in leaders.items():
            if leader == 0:
                assert handles[partition].result(20).has_offset
        waiting = [handles[partition] for partition, leader in leaders.items() if leader == 1]
        assert not any(one.done() for one in waiting)

        cluster.mend()
        assert answers(cluster, 1) == (0, 0, b"")

        for one in waiting:
            assert one.result(60).has_offset
        assert producer.status().failed_total == 0
