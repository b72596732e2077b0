"""ApiVersions requests and responses."""

from __future__ import annotations

import re

import pytest

from dekaf._protocol.api import ApiKey, VersionRange
from dekaf._protocol.api_versions import ApiVersionsRequest, ApiVersionsResponse, software_token
from dekaf._wire.reader import Reader
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import API_VERSIONS

ACCEPTED_BY_BROKERS = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")

REQUEST = ApiVersionsRequest(client_software_name="my-client", client_software_version="1.0.0")


def decode(body: str, version: int) -> ApiVersionsResponse:
    return ApiVersionsResponse.decode(Reader(bytes.fromhex(body)), version)


@pytest.mark.parametrize(
    ("version", "correlation_id", "expected"),
    [
        (0, 0, "0000000b0012000000000000000163"),
        (3, 1, "0000001d0012000300000001000163000a6d792d636c69656e7406312e302e3000"),
        (4, 1, "0000001d0012000400000001000163000a6d792d636c69656e7406312e302e3000"),
    ],
)
def test_request_has_its_known_bytes(version: int, correlation_id: int, expected: str) -> None:
    assert frame(ApiKey.API_VERSIONS, version, correlation_id, REQUEST) == expected


@pytest.mark.mistake("redpanda console #390", "franz-go #1382")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dekaf-python", "dekaf-python"),
        ("1.0.dev3+gabc", "1.0.dev3-gabc"),
        ("my client_v2", "my-client-v2"),
        ("-.x.-", "x"),
        ("", "unknown"),
        ("+++", "unknown"),
        ("é", "unknown"),
    ],
)
def test_software_name_is_made_acceptable_to_brokers(text: str, expected: str) -> None:
    assert software_token(text) == expected
    assert ACCEPTED_BY_BROKERS.fullmatch(software_token(text))


def test_request_never_carries_a_name_brokers_refuse() -> None:
    odd = ApiVersionsRequest(client_software_name="my_client", client_software_version="1.0+abc")
    clean = ApiVersionsRequest(client_software_name="my-client", client_software_version="1.0-abc")

    assert frame(ApiKey.API_VERSIONS, 4, 1, odd) == frame(ApiKey.API_VERSIONS, 4, 1, clean)


@pytest.mark.parametrize("version", API_VERSIONS)
def test_response_gives_the_range_of_each_api(version: int) -> None:
    response = decode(API_VERSIONS[version], version)

    assert response.error_code == 0
    assert response.ranges == {0: VersionRange(0, 13), 18: VersionRange(0, 4)}
    assert response.throttle_time_ms == (7 if version >= 1 else 0)


@pytest.mark.mistake("platformatic/kafka #343", "redpanda #296")
@pytest.mark.parametrize("asked", [3, 4])
def test_refused_version_is_answered_in_the_oldest_form(asked: int) -> None:
    response = decode("00230000000100120000" + "0003", asked)

    assert response.error_code == 35
    assert response.ranges == {18: VersionRange(0, 3)}
    assert response.version_to_retry == 3


def test_refusal_without_ranges_is_retried_in_version_zero() -> None:
    response = decode("002300000000", 4)

    assert response.error_code == 35
    assert response.version_to_retry == 0


def test_version_to_retry_is_one_we_speak() -> None:
    assert decode("0023000000010012" + "00000063", 4).version_to_retry == 4


def test_refusal_in_the_form_that_is_refused_is_retried_in_version_zero() -> None:
    """librdkafka's mock cluster answers like this: error 35, then a compact array where version 0 has a long one."""
    response = decode("0023" + "01" + "0012" + "0000" + "0002" + "00000000", 4)

    assert response.error_code == 35
    assert response.version_to_retry == 0
