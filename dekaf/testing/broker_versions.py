"""Which versions of which APIs each line of Kafka's brokers advertises.

https://kafka.apache.org/protocol#protocol_api_keys
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from dekaf._protocol.api import ApiKey
from dekaf.errors import ConfigurationError

__all__ = ("AdvertisedVersions", "advertised_by")

AdvertisedVersions: TypeAlias = Mapping[int, tuple[int, int]]

_PRODUCE: Final = int(ApiKey.PRODUCE)
_METADATA: Final = int(ApiKey.METADATA)
_API_VERSIONS: Final = int(ApiKey.API_VERSIONS)
_INIT_PRODUCER_ID: Final = int(ApiKey.INIT_PRODUCER_ID)
_SASL_HANDSHAKE: Final = int(ApiKey.SASL_HANDSHAKE)
_SASL_AUTHENTICATE: Final = int(ApiKey.SASL_AUTHENTICATE)
# Not served here, but clients conclude from them what a broker can do: librdkafka writes batches of the current format
# only where Fetch 4 is offered, and lz4 only where there are group coordinators.
_FETCH: Final = 1
_LIST_OFFSETS: Final = 2
_FIND_COORDINATOR: Final = 10

# Brokers list the APIs of SASL at every listener, those without SASL included.
#
# Produce keeps its lower end since 4.0, although brokers refuse versions 0 to 2 since then, because librdkafka takes
# version 0 as a sign that compression is possible.
_BY_RELEASE: Final[Mapping[str, AdvertisedVersions]] = {
    "2.1": {
        _PRODUCE: (0, 7),
        _FETCH: (0, 10),
        _LIST_OFFSETS: (0, 4),
        _METADATA: (0, 7),
        _FIND_COORDINATOR: (0, 2),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 2),
        _INIT_PRODUCER_ID: (0, 1),
        _SASL_AUTHENTICATE: (0, 0),
    },
    "2.4": {
        _PRODUCE: (0, 8),
        _FETCH: (0, 11),
        _LIST_OFFSETS: (0, 5),
        _METADATA: (0, 9),
        _FIND_COORDINATOR: (0, 3),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 3),
        _INIT_PRODUCER_ID: (0, 2),
        _SASL_AUTHENTICATE: (0, 1),
    },
    "2.8": {
        _PRODUCE: (0, 9),
        _FETCH: (0, 12),
        _LIST_OFFSETS: (0, 6),
        _METADATA: (0, 11),
        _FIND_COORDINATOR: (0, 3),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 3),
        _INIT_PRODUCER_ID: (0, 4),
        _SASL_AUTHENTICATE: (0, 2),
    },
    "3.9": {
        _PRODUCE: (0, 11),
        _FETCH: (0, 17),
        _LIST_OFFSETS: (0, 9),
        _METADATA: (0, 12),
        _FIND_COORDINATOR: (0, 6),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 4),
        _INIT_PRODUCER_ID: (0, 5),
        _SASL_AUTHENTICATE: (0, 2),
    },
    "4.0": {
        _PRODUCE: (0, 12),
        _FETCH: (4, 17),
        _LIST_OFFSETS: (1, 10),
        _METADATA: (0, 13),
        _FIND_COORDINATOR: (0, 6),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 4),
        _INIT_PRODUCER_ID: (0, 5),
        _SASL_AUTHENTICATE: (0, 2),
    },
    "4.3": {
        _PRODUCE: (0, 13),
        _FETCH: (4, 18),
        _LIST_OFFSETS: (1, 11),
        _METADATA: (0, 13),
        _FIND_COORDINATOR: (0, 6),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 4),
        _INIT_PRODUCER_ID: (0, 5),
        _SASL_AUTHENTICATE: (0, 2),
    },
    "4.4": {
        _PRODUCE: (0, 13),
        _FETCH: (4, 18),
        _LIST_OFFSETS: (1, 11),
        _METADATA: (0, 13),
        _FIND_COORDINATOR: (0, 6),
        _SASL_HANDSHAKE: (0, 1),
        _API_VERSIONS: (0, 5),
        _INIT_PRODUCER_ID: (0, 5),
        _SASL_AUTHENTICATE: (0, 2),
    },
}


def advertised_by(release: str) -> AdvertisedVersions:
    """Return the versions that brokers of a release advertise, by API key.

    Args:
        release: ``"2.1"``, ``"2.4"``, ``"2.8"``, ``"3.9"``, ``"4.0"``, ``"4.3"`` or ``"4.4"``.

    Raises:
        ConfigurationError: it is none of these.
    """
    try:
        return _BY_RELEASE[release]
    except KeyError:
        raise ConfigurationError(f"kafka={release!r}: must be one of {', '.join(_BY_RELEASE)}") from None
