"""InitProducerId requests and responses."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from dekaf._wire.reader import Reader
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import INIT_PRODUCER_ID


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (0, "000000110016000000000003000163ffff7fffffff"),
        (1, "000000110016000100000003000163ffff7fffffff"),
        (2, "00000012001600020000000300016300007fffffff00"),
        (5, "0000001c001600050000000300016300007fffffffffffffffffffffffffff00"),
    ],
)
def test_request_for_a_new_id_has_its_known_bytes(version: int, expected: str) -> None:
    assert frame(ApiKey.INIT_PRODUCER_ID, version, 3, InitProducerIdRequest()) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, "000000110016000100000003000163ffff7fffffff"),
        (2, "00000012001600020000000300016300007fffffff00"),
        (3, "0000001c001600030000000300016300007fffffff00000000000003e8000700"),
        (4, "0000001c001600040000000300016300007fffffff00000000000003e8000700"),
        (5, "0000001c001600050000000300016300007fffffff00000000000003e8000700"),
    ],
)
def test_request_for_a_higher_epoch_names_the_id_where_the_version_can(version: int, expected: str) -> None:
    request = InitProducerIdRequest(producer_id=1000, producer_epoch=7)

    assert frame(ApiKey.INIT_PRODUCER_ID, version, 3, request) == expected


def test_transactional_id_and_timeout_are_sent() -> None:
    request = InitProducerIdRequest(transactional_id="tx", transaction_timeout_ms=60_000)

    assert frame(ApiKey.INIT_PRODUCER_ID, 1, 3, request).endswith("000274780000ea60")


@pytest.mark.parametrize("version", INIT_PRODUCER_ID)
def test_response_gives_id_and_epoch(version: int) -> None:
    response = InitProducerIdResponse.decode(Reader(bytes.fromhex(INIT_PRODUCER_ID[version])), version)

    assert response == InitProducerIdResponse(throttle_time_ms=3, error_code=0, producer_id=1000, producer_epoch=7)
