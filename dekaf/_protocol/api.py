"""The APIs this client speaks, in which versions, and the version each connection settles on.

https://kafka.apache.org/protocol#protocol_api_keys
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple, final

from dekaf.errors import BrokerConnectionError

__all__ = (
    "FLEXIBLE_FROM",
    "SUPPORTED",
    "ApiKey",
    "ApiVersionTable",
    "VersionRange",
    "is_flexible",
    "negotiate",
    "request_header_version",
    "response_header_version",
)


class ApiKey(IntEnum):
    """The number that names an API in a request's header."""

    PRODUCE = 0
    METADATA = 3
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22
    SASL_AUTHENTICATE = 36


class VersionRange(NamedTuple):
    """The first and the last version of an API that one side speaks."""

    min: int
    max: int


# The lower ends are what Kafka 2.1 speaks; Produce 7 is the first version that carries zstd. ApiVersions goes down to
# 0 because that is what a broker answers in when it does not know the version it was asked in. InitProducerId 6 adds
# two-phase commit, which brokers do not advertise. SaslHandshake 0 is followed by bare tokens instead of
# SaslAuthenticate requests. An API is missed only when it is asked for: SASL by connections that authenticate.
SUPPORTED: Final[dict[int, VersionRange]] = {
    ApiKey.PRODUCE: VersionRange(7, 13),
    ApiKey.METADATA: VersionRange(7, 13),
    ApiKey.SASL_HANDSHAKE: VersionRange(1, 1),
    ApiKey.API_VERSIONS: VersionRange(0, 4),
    ApiKey.INIT_PRODUCER_ID: VersionRange(0, 5),
    ApiKey.SASL_AUTHENTICATE: VersionRange(0, 2),
}

_NEVER: Final = 32768  # above every version

FLEXIBLE_FROM: Final[dict[int, int]] = {
    ApiKey.PRODUCE: 9,
    ApiKey.METADATA: 9,
    ApiKey.SASL_HANDSHAKE: _NEVER,
    ApiKey.API_VERSIONS: 3,
    ApiKey.INIT_PRODUCER_ID: 2,
    ApiKey.SASL_AUTHENTICATE: 2,
}

_NO_LIMIT: Final = 32767


def is_flexible(api: ApiKey, version: int) -> bool:
    """Whether this version has compact strings and arrays, and tagged fields."""
    return version >= FLEXIBLE_FROM[api]


def request_header_version(api: ApiKey, version: int) -> int:
    """Version of the header in front of a request: 2 ends with tagged fields, 1 does not."""
    return 2 if is_flexible(api, version) else 1


def response_header_version(api: ApiKey, version: int) -> int:
    """Version of the header in front of a response: 1 ends with tagged fields, 0 does not.

    An ApiVersions response always has header 0: its reader may not know yet which version the broker could read
    (KIP-511).
    """
    return 1 if api != ApiKey.API_VERSIONS and is_flexible(api, version) else 0


@final
class ApiVersionTable:
    """The version to use for each API on one connection.

    It belongs to the connection, not to the broker: a broker may have been upgraded, or downgraded, by the next one.

    Args:
        broker: the ranges the broker advertised, by API key.
    """

    def __init__(self, broker: Mapping[int, VersionRange]) -> None:
        self._broker = dict(broker)
        self._usual: dict[int, int] = {}  # by API: what a request without a limit of its own gets

    def version(self, api: ApiKey, *, at_most: int = _NO_LIMIT) -> int:
        """Highest version of the API that both sides speak.

        Args:
            api: the API to be called.
            at_most: a lower limit set by the request itself, such as Produce 12 where a topic's id is not known.

        Raises:
            BrokerConnectionError: there is no such version.
        """
        usual = self._usual.get(api)
        if usual is not None and usual <= at_most:
            return usual
        version = self._highest(api, at_most)
        if at_most == _NO_LIMIT:
            self._usual[api] = version
        return version

    def offers(self, api: ApiKey) -> bool:
        """Return whether the broker knows the API, in whatever version."""
        return api in self._broker

    def _highest(self, api: ApiKey, at_most: int) -> int:
        ours = SUPPORTED[api]
        theirs = self._broker.get(api)
        if theirs is None:
            raise BrokerConnectionError(f"The broker does not offer {api.name}, which this client needs.")
        shared = min(ours.max, theirs.max)
        version = min(shared, at_most)
        if version < max(ours.min, theirs.min):
            raise BrokerConnectionError(_no_common_version(api, theirs, at_most))
        return version


def negotiate(broker: Mapping[int, VersionRange]) -> ApiVersionTable:
    """Settle the versions for a connection from the ranges the broker advertised, by API key."""
    return ApiVersionTable(broker)


def _no_common_version(api: ApiKey, theirs: VersionRange, at_most: int) -> str:
    ours = SUPPORTED[api]
    text = f"The broker speaks {api.name} {theirs.min} to {theirs.max}, this client {ours.min} to {ours.max}"
    if theirs.max < ours.min:
        return f"{text}: Kafka 2.1 or newer is needed."
    if theirs.min > ours.max:
        return f"{text}: a newer version of dekaf is needed."
    return f"{text}, and this request at most {at_most}."
