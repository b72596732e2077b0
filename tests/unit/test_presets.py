"""What presets say is accepted by every way in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dekaf import Kafka, Producer, ProducerConfig, ProducerRegistry
from dekaf.presets import EVENT_HUBS

SERVERS = "shop.servicebus.windows.net:9093"


def by_keywords() -> ProducerConfig:
    return ProducerConfig(bootstrap_servers=SERVERS, **EVENT_HUBS)


def by_mapping() -> ProducerConfig:
    return ProducerConfig.from_mapping({**EVENT_HUBS, "BOOTSTRAP_SERVERS": SERVERS})


def by_registry() -> ProducerConfig:
    return ProducerRegistry({"default": {**EVENT_HUBS, "bootstrap_servers": SERVERS}}).config()


def by_builder() -> ProducerConfig:
    builder = Kafka.create_producer(str, str).with_options(**EVENT_HUBS).with_bootstrap_servers(SERVERS)
    return builder._config()


def by_replacing() -> ProducerConfig:
    return ProducerConfig(bootstrap_servers=SERVERS).with_options(**EVENT_HUBS)


@pytest.mark.parametrize("made_by", [by_keywords, by_mapping, by_registry, by_builder, by_replacing])
def test_event_hubs_by_any_way_in(made_by: Callable[[], ProducerConfig]) -> None:
    config = made_by()

    assert config.max_request_size < 1_046_528
    assert config.request_timeout_ms > 20_000
    assert config.delivery_timeout_ms > config.request_timeout_ms
    assert max(config.metadata_max_age_ms, config.connections_max_idle_ms) < 240_000


def test_a_preset_makes_a_producer() -> None:
    Producer(backend="memory", **EVENT_HUBS).close()


def test_a_preset_cannot_be_changed_for_others() -> None:
    with pytest.raises(TypeError):
        EVENT_HUBS["max_request_size"] = 1
