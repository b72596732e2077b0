"""Who is let in, with which password or token."""

from __future__ import annotations

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError
from dekaf.testing import (
    AcceptedToken,
    FakeCluster,
    ReceivedSaslAuthenticate,
    SaslAccounts,
)
from tests.unit.testing.sasl import ALICE, SCRAM, probe


def test_a_password_can_be_changed_and_withdrawn(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.accounts.set_password("alice", "glass")
    for mechanism in SCRAM:
        with probe(sasl_cluster) as client:
            assert not client.log_in_with_scram(mechanism, "alice", "wonder")
        with probe(sasl_cluster) as client:
            assert client.log_in_with_scram(mechanism, "alice", "glass")

    sasl_cluster.accounts.remove("alice")
    with probe(sasl_cluster) as client:
        assert not client.log_in_with_scram("SCRAM-SHA-256", "alice", "glass")
    assert [one.refusals for one in sasl_cluster.connections] == [1, 0, 1, 0, 1]


def test_a_fresh_password_is_refused_for_a_while(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.accounts.set_password("carol", "fresh", usable_after=60)
    with probe(sasl_cluster) as client:
        answer = client.log_in("PLAIN", b"\0carol\0fresh")
    assert answer is not None
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED

    sasl_cluster.accounts.set_password("carol", "fresh", usable_after=0)
    with probe(sasl_cluster) as client:
        assert client.log_in("PLAIN", b"\0carol\0fresh") == (0, "", b"", 0)


def test_tokens_are_judged_by_the_test() -> None:
    accounts = SaslAccounts(
        accept_token=lambda token: AcceptedToken(principal="shop", lifetime_ms=700) if token == "good" else None
    )
    with FakeCluster(sasl=accounts) as cluster:
        with probe(cluster) as client:
            assert client.log_in("OAUTHBEARER", b"n,,\x01auth=Bearer good\x01logicalCluster=lkc-1\x01\x01") == (
                0,
                "",
                b"",
                700,
            )
        with probe(cluster) as client:
            answer = client.log_in("OAUTHBEARER", b"n,,\x01auth=Bearer bad\x01\x01")
            assert answer is not None
            assert answer.auth_bytes == b'{"status":"invalid_token"}'

        first, second = cluster.connections
        assert (first.principal, first.extensions) == ("shop", {"logicalCluster": "lkc-1"})
        assert (second.principal, second.authentications) == (None, 0)


def test_passwords_are_in_no_repr(sasl_cluster: FakeCluster) -> None:
    with probe(sasl_cluster) as client:
        client.log_in("PLAIN", ALICE)

    (request,) = sasl_cluster.requests(ReceivedSaslAuthenticate)
    assert request.auth_bytes == ALICE
    shown = (
        repr(request)
        + repr(sasl_cluster.connections)
        + repr(sasl_cluster.accounts)
        + repr(sasl_cluster.accounts.__dict__)
    )
    assert "wonder" not in shown


def test_a_mechanism_that_is_not_served_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="GSSAPI"):
        SaslAccounts(mechanisms=["GSSAPI"])


def test_a_cluster_without_sasl_has_no_accounts() -> None:
    with FakeCluster() as cluster, pytest.raises(ConfigurationError, match="sasl="):
        cluster.accounts.remove("alice")
