"""Options that a service needs, as mappings for any way in.

Producer(bootstrap_servers="shop.servicebus.windows.net:9093", **EVENT_HUBS)
Kafka.create_producer(str, str).with_options(**EVENT_HUBS)
DEKAF = {**EVENT_HUBS, "bootstrap_servers": "shop.servicebus.windows.net:9093"}
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, TypedDict, cast

__all__ = ("EVENT_HUBS", "LimitsOfService")


class LimitsOfService(TypedDict):
    """The options that a service with limits of its own needs."""

    max_request_size: int
    request_timeout_ms: int
    delivery_timeout_ms: int
    metadata_max_age_ms: int
    connections_max_idle_ms: int


# Azure Event Hubs closes a connection over which a request of more than 1,046,528 bytes comes, delays answers when it
# throttles, and closes idle connections after 240 seconds without a word.
# https://learn.microsoft.com/azure/event-hubs/apache-kafka-configurations
EVENT_HUBS: Final = cast(
    "LimitsOfService",
    MappingProxyType(
        {
            "max_request_size": 1_000_000,
            "request_timeout_ms": 60_000,
            "delivery_timeout_ms": 120_000,
            "metadata_max_age_ms": 180_000,
            "connections_max_idle_ms": 180_000,
        }
    ),
)
