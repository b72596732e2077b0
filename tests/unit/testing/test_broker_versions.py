"""The versions that a broker advertises, by its release, and how it answers those it does not know."""

from __future__ import annotations

import io

import pytest

from dekaf._protocol.api import ApiKey, VersionRange
from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing import (
    FakeCluster,
    UnknownVersionAnswer,
)
from tests.unit.testing import kafka_python
from tests.unit.testing.raw_client import RawClient


@pytest.mark.parametrize("version", range(5))
def test_broker_tells_its_versions(client: RawClient, version: int) -> None:
    response = client.api_versions(version)

    assert response.error_code == ErrorCode.NONE
    assert response.ranges[ApiKey.PRODUCE] == VersionRange(0, 13)
    assert response.ranges[ApiKey.API_VERSIONS] == VersionRange(0, 4)


@pytest.mark.parametrize("version", range(5))
def test_another_client_reads_the_versions(client: RawClient, version: int) -> None:
    body = b"\x04raw\x041.0\0" if version >= 3 else b""
    sent = client.request(ApiKey.API_VERSIONS, version, body)
    frame = client.receive_frame()

    response = kafka_python.ApiVersionsResponse.decode(io.BytesIO(frame[4:]), version=version)

    assert int.from_bytes(frame[:4], "big") == sent
    assert {key.api_key: (key.min_version, key.max_version) for key in response.api_keys}[3] == (0, 13)


def test_versions_can_be_replaced_one_by_one() -> None:
    with FakeCluster(versions={ApiKey.PRODUCE: (0, 7)}) as cluster, RawClient(cluster.broker(1)) as client:
        assert client.api_versions(0).ranges[ApiKey.PRODUCE] == VersionRange(0, 7)


def test_old_release_advertises_its_own_versions() -> None:
    with FakeCluster(kafka="2.1") as cluster, RawClient(cluster.broker(1)) as client:
        ranges = client.api_versions(2).ranges

    assert ranges[ApiKey.METADATA] == VersionRange(0, 7)
    assert ranges[ApiKey.INIT_PRODUCER_ID] == VersionRange(0, 1)


def test_upgraded_broker_advertises_more_to_new_connections() -> None:
    with FakeCluster(kafka="2.8") as cluster:
        cluster.broker(1).advertise({ApiKey.PRODUCE: (0, 12)})

        with RawClient(cluster.broker(1)) as client:
            assert client.api_versions(3).ranges[ApiKey.PRODUCE] == VersionRange(0, 12)


def test_unknown_version_is_answered_with_what_is_known(client: RawClient) -> None:
    response = client.api_versions(99)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.ranges == {ApiKey.API_VERSIONS: VersionRange(0, 4)}
    assert client.api_versions(4).error_code == ErrorCode.NONE  # the connection goes on


def test_release_before_2_4_does_not_say_what_it_knows() -> None:
    with FakeCluster(kafka="2.1") as cluster, RawClient(cluster.broker(1)) as client:
        response = client.api_versions(3)

    assert (response.error_code, response.ranges) == (ErrorCode.UNSUPPORTED_VERSION, {})


def test_unknown_version_may_reset_the_connection() -> None:
    with (
        FakeCluster(unknown_version=UnknownVersionAnswer.RESET) as cluster,
        RawClient(cluster.broker(1)) as client,
    ):
        client.request(ApiKey.API_VERSIONS, 99, b"")

        assert client.is_reset_by_broker()


@pytest.mark.parametrize("token", ["", "has space", "1.0+local", "-dash", "under_score"])
def test_software_name_and_version_must_be_tokens(client: RawClient, token: str) -> None:
    encoded = bytes([len(token) + 1]) + token.encode()

    assert client.api_versions_with(3, b"\x02a" + encoded + b"\0").error_code == ErrorCode.INVALID_REQUEST
    assert client.api_versions_with(3, encoded + b"\x02a" + b"\0").error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        pytest.param(b"\0\xff\xff\xff\xff", ErrorCode.NONE, id="nothing expected"),
        pytest.param(b"\x0dfake-cluster\0\0\0\1", ErrorCode.NONE, id="this broker"),
        pytest.param(b"\x0dfake-cluster\0\0\0\2", ErrorCode.REBOOTSTRAP_REQUIRED, id="another broker"),
        pytest.param(b"\2x\0\0\0\1", ErrorCode.REBOOTSTRAP_REQUIRED, id="another cluster"),
        pytest.param(b"\0\0\0\0\1", ErrorCode.INVALID_REQUEST, id="node without a cluster"),
    ],
)
def test_newest_broker_checks_whom_the_client_expects(identity: bytes, code: ErrorCode) -> None:
    with FakeCluster(kafka="4.4") as cluster, RawClient(cluster.broker(1)) as client:
        sent = client.request(ApiKey.API_VERSIONS, 5, b"\x02a\x02b" + identity + b"\0")

        assert client.response(ApiKey.API_VERSIONS, 5, sent).take_i16() == code
