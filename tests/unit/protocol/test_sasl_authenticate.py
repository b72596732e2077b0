"""SaslAuthenticate requests and responses."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from dekaf._wire.reader import Reader
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import SASL_AUTHENTICATE

# What each version says after a success: no error, the bytes "v=x", a session of one hour.
SUCCESS = {
    0: "0000ffff00000003763d78",
    1: "0000ffff00000003763d78000000000036ee80",
    2: "00000004763d78000000000036ee8000",
}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (0, "0000001300240000000000060001630000000400750070"),
        (1, "0000001300240001000000060001630000000400750070"),
        (2, "00000012002400020000000600016300050075007000"),
    ],
)
def test_request_has_its_known_bytes(version: int, expected: str) -> None:
    request = SaslAuthenticateRequest(auth_bytes=b"\x00u\x00p")

    assert frame(ApiKey.SASL_AUTHENTICATE, version, 6, request) == expected


@pytest.mark.parametrize(("version", "lifetime_ms"), [(0, 0), (1, 3_600_000), (2, 3_600_000)])
def test_response_gives_the_bytes_and_from_version_1_on_the_lifetime(version: int, lifetime_ms: int) -> None:
    response = SaslAuthenticateResponse.decode(Reader(bytes.fromhex(SUCCESS[version])), version)

    assert response == SaslAuthenticateResponse(
        error_code=0, error_message=None, auth_bytes=b"v=x", session_lifetime_ms=lifetime_ms
    )


@pytest.mark.parametrize("version", SASL_AUTHENTICATE)
def test_refusal_comes_with_the_brokers_words(version: int) -> None:
    response = SaslAuthenticateResponse.decode(Reader(bytes.fromhex(SASL_AUTHENTICATE[version])), version)

    assert (response.error_code, response.error_message, response.auth_bytes) == (58, "no", b"ab")


def test_no_repr_shows_what_is_exchanged() -> None:
    request = SaslAuthenticateRequest(auth_bytes=b"marker")
    response = SaslAuthenticateResponse(error_code=0, error_message=None, auth_bytes=b"marker", session_lifetime_ms=0)

    assert "marker" not in repr(request) + repr(response)
