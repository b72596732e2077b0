"""SaslHandshake requests and responses."""

from __future__ import annotations

from dekaf._protocol.api import ApiKey
from dekaf._protocol.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from dekaf._wire.reader import Reader
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import SASL_HANDSHAKE


def test_request_has_its_known_bytes() -> None:
    request = SaslHandshakeRequest(mechanism="PLAIN")

    assert frame(ApiKey.SASL_HANDSHAKE, 1, 5, request) == "0000001200110001000000050001630005504c41494e"


def test_response_lists_the_mechanisms_of_the_listener() -> None:
    response = SaslHandshakeResponse.decode(Reader(bytes.fromhex(SASL_HANDSHAKE[1])), 1)

    assert response == SaslHandshakeResponse(error_code=33, mechanisms=("PLAIN", "SCRAM-SHA-256"))


def test_agreement_may_come_without_a_list() -> None:
    response = SaslHandshakeResponse.decode(Reader(bytes.fromhex("000000000000")), 1)

    assert response == SaslHandshakeResponse(error_code=0, mechanisms=())
