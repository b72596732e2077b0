"""A request on its way, and how whoever sent it hears of its end."""

from __future__ import annotations

from dekaf._network.requests import CallbackRequest, PendingRequest
from dekaf._protocol.api import ApiKey
from dekaf._wire.reader import Reader
from dekaf.errors import BrokerConnectionError, DekafError

LOST = BrokerConnectionError("gone")


def test_the_two_ends_of_a_request_are_two_functions() -> None:
    answers: list[tuple[Reader, int]] = []
    losses: list[DekafError] = []
    request = CallbackRequest(ApiKey.METADATA, lambda reader, version: answers.append((reader, version)), losses.append)
    reader = Reader(b"")

    request.on_response(reader, 12)
    request.on_lost(LOST)

    assert answers == [(reader, 12)]
    assert losses == [LOST]
    assert request.api is ApiKey.METADATA


def test_request_that_was_not_sent_has_no_number_yet() -> None:
    assert int(PendingRequest(ApiKey.PRODUCE).correlation_id) == -1
