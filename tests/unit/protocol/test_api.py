"""Which versions exist, and which one a connection uses."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import (
    FLEXIBLE_FROM,
    SUPPORTED,
    ApiKey,
    VersionRange,
    is_flexible,
    negotiate,
    request_header_version,
    response_header_version,
)
from dekaf.errors import BrokerConnectionError

# What brokers of each line advertise for Produce, Metadata and InitProducerId.
KAFKA_2_1 = {0: VersionRange(0, 7), 3: VersionRange(0, 7), 22: VersionRange(0, 1)}
KAFKA_4_4 = {0: VersionRange(0, 13), 3: VersionRange(0, 13), 22: VersionRange(0, 5)}


@pytest.mark.parametrize(
    ("broker", "produce", "metadata", "init_producer_id"),
    [(KAFKA_2_1, 7, 7, 1), (KAFKA_4_4, 13, 13, 5)],
    ids=["Kafka 2.1", "Kafka 4.4"],
)
def test_highest_version_both_sides_speak_is_used(
    broker: dict[int, VersionRange], produce: int, metadata: int, init_producer_id: int
) -> None:
    table = negotiate(broker)

    assert table.version(ApiKey.PRODUCE) == produce
    assert table.version(ApiKey.METADATA) == metadata
    assert table.version(ApiKey.INIT_PRODUCER_ID) == init_producer_id


def test_newer_broker_is_spoken_to_in_our_newest_version() -> None:
    assert negotiate({0: VersionRange(3, 99)}).version(ApiKey.PRODUCE) == SUPPORTED[ApiKey.PRODUCE].max


def test_request_can_lower_its_own_version() -> None:
    assert negotiate(KAFKA_4_4).version(ApiKey.PRODUCE, at_most=12) == 12
    assert negotiate(KAFKA_2_1).version(ApiKey.PRODUCE, at_most=12) == 7


def test_what_was_asked_before_does_not_change_the_answer() -> None:
    table = negotiate(KAFKA_4_4)

    assert [table.version(ApiKey.PRODUCE, at_most=most) for most in (12, 32767, 12, 13, 32767)] == [12, 13, 12, 13, 13]


@pytest.mark.parametrize(
    ("broker", "message"),
    [
        ({0: VersionRange(0, 5)}, "PRODUCE 0 to 5, this client 7 to 13: Kafka 2.1 or newer"),
        ({0: VersionRange(14, 20)}, "PRODUCE 14 to 20, this client 7 to 13: a newer version of dekaf"),
        ({0: VersionRange(13, 13)}, "at most 12"),
        ({}, "does not offer PRODUCE"),
    ],
)
def test_missing_common_version_says_who_is_too_old(broker: dict[int, VersionRange], message: str) -> None:
    table = negotiate(broker)

    with pytest.raises(BrokerConnectionError, match=message):
        table.version(ApiKey.PRODUCE, at_most=12)


def test_broker_without_sasl_is_refused_only_by_those_who_ask_for_it() -> None:
    table = negotiate(KAFKA_4_4)

    assert table.version(ApiKey.PRODUCE) == 13
    with pytest.raises(BrokerConnectionError, match="does not offer SASL_HANDSHAKE"):
        table.version(ApiKey.SASL_HANDSHAKE)


def test_handshake_whose_tokens_come_without_headers_is_not_spoken() -> None:
    with pytest.raises(BrokerConnectionError, match="SASL_HANDSHAKE 0 to 0, this client 1 to 1"):
        negotiate({17: VersionRange(0, 0)}).version(ApiKey.SASL_HANDSHAKE)


def test_table_does_not_change_with_the_mapping_it_was_made_from() -> None:
    broker = dict(KAFKA_4_4)
    table = negotiate(broker)

    broker.clear()

    assert table.version(ApiKey.PRODUCE) == 13


@pytest.mark.parametrize("api", ApiKey)
def test_headers_change_with_the_first_flexible_version(api: ApiKey) -> None:
    first = FLEXIBLE_FROM[api]

    assert not is_flexible(api, first - 1)
    assert request_header_version(api, first - 1) == 1
    assert response_header_version(api, first - 1) == 0
    assert is_flexible(api, first)
    assert request_header_version(api, first) == 2


def test_api_versions_response_keeps_the_oldest_header() -> None:
    assert response_header_version(ApiKey.API_VERSIONS, 4) == 0
    assert response_header_version(ApiKey.METADATA, 9) == 1
