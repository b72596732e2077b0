"""The requests of SASL, in the versions that a release has."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.sasl_authenticate import SaslAuthenticateResponse
from dekaf.testing import FakeCluster
from tests.unit.testing.raw_client import RawClient
from tests.unit.testing.sasl import ALICE, probe


@pytest.mark.parametrize(("release", "highest"), [("2.1", 0), ("2.4", 1), ("2.8", 2), ("4.3", 2)])
def test_releases_advertise_the_apis_of_sasl(release: str, highest: int) -> None:
    with FakeCluster(kafka=release) as cluster, probe(cluster) as client:
        listed = client.api_versions()

    assert listed is not None
    assert listed[ApiKey.SASL_HANDSHAKE] == (0, 1)
    assert listed[ApiKey.SASL_AUTHENTICATE] == (0, highest)


@pytest.mark.parametrize(("version", "lifetime_ms"), [(0, 0), (1, 60_000), (2, 60_000)])
def test_every_version_of_sasl_authenticate_is_served(version: int, lifetime_ms: int) -> None:
    with FakeCluster(sasl={"alice": "wonder"}, session_lifetime_ms=60_000) as cluster:
        with RawClient(cluster.broker(1)) as client:
            assert client.sasl_handshake("PLAIN").error_code == ErrorCode.NONE
            assert client.sasl_authenticate(ALICE, version) == SaslAuthenticateResponse(
                error_code=0, error_message="", auth_bytes=b"", session_lifetime_ms=lifetime_ms
            )
            assert client.api_versions(4).error_code == ErrorCode.NONE
        with RawClient(cluster.broker(1)) as client:
            client.sasl_handshake("PLAIN")
            refused = client.sasl_authenticate(b"\0alice\0wrong", version)
            assert refused.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
            assert refused.error_message == "Authentication failed: Invalid username or password"


def test_the_version_of_sasl_handshake_that_bare_tokens_follow_is_not_served(sasl_cluster: FakeCluster) -> None:
    with RawClient(sasl_cluster.broker(1)) as client:
        client.request(ApiKey.SASL_HANDSHAKE, 0, b"\0\5PLAIN")

        assert client.is_closed_by_broker()

    assert sasl_cluster.violations == ["API 17 is not served in version 0."]
