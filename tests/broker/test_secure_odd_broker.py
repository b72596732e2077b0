"""A cluster in which one broker refuses everybody, and heals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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


def test_an_odd_broker_refuses_everybody_until_it_is_mended(cluster_with_an_odd_broker: SecureCluster) -> None:
    cluster = cluster_with_an_odd_broker

    def answers(broker: int) -> tuple[int, int, bytes]:
        port = cluster.port("SASL_PLAINTEXT", broker=broker)
        token = f"n,,\x01auth=Bearer {unsecured_token('alice')}\x01\x01".encode()
        with SaslProbe(port) as plain, SaslProbe(port) as scram, SaslProbe(port) as oauth:
            password, offer = plain.log_in("PLAIN", ALICE), scram.handshake("SCRAM-SHA-256")
            said = oauth.log_in("OAUTHBEARER", token)
            assert password is not None
            assert offer is not None
            assert said is not None
            return password.error_code, offer[0], said.auth_bytes

    assert answers(0) == (0, 0, b"")
    refusals = answers(1)
    assert refusals[:2] == (58, 33)
    assert b"insufficient_scope" in refusals[2]

    cluster.mend()

    assert answers(1) == (0, 0, b"")
