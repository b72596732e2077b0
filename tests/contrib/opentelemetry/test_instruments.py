"""What producers measure, as observable instruments."""

from __future__ import annotations

from typing import Any

import pytest

from dekaf import Producer, ProducerRegistry
from dekaf.contrib.opentelemetry import instrument, uninstrument
from dekaf.errors import ProduceError
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.contrib.opentelemetry.conftest import Telescope


def sent(telescope: Telescope) -> dict[str, float]:
    """Return how many messages were sent, by their error."""
    values = telescope.values("messaging.client.sent.messages")
    return {str(dict(place).get("error.type", "")): value for place, value in values.items()}


def test_messages_are_counted_as_the_cluster_holds_them(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    with Producer(bootstrap_servers=cluster.bootstrap_servers, client_id="shop") as producer:
        with pytest.raises(ProduceError):
            producer.produce("orders", "1", "a")
        for _ in range(5):
            producer.produce("orders", "1", "a")

        assert sent(telescope) == {"": 5, "TOPIC_AUTHORIZATION_FAILED": 1}
        (delivered,) = (p for p, v in telescope.values("messaging.client.sent.messages").items() if v == 5)
        assert dict(delivered) == {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.client.id": "shop",
            "messaging.destination.name": "orders",
        }
        assert telescope.values("dekaf.producer.sent_bytes") == {
            (
                ("messaging.client.id", "shop"),
                ("messaging.destination.name", "orders"),
            ): producer.metrics().sent_bytes_total
        }
        assert list(telescope.values("dekaf.producer.buffer_limit_bytes").values()) == [33_554_432]
        assert next(iter(telescope.values("dekaf.producer.connects").values())) >= 1


def test_twice_does_not_double_and_uninstrumented_tells_nothing(cluster: FakeCluster, telescope: Telescope) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("orders", "1", "a")
        instrument(spans="off", meter_provider=telescope.meter_provider)
        instrument(producer, spans="off", meter_provider=telescope.meter_provider)
        assert sent(telescope) == {"": 1}

        uninstrument()
        assert sent(telescope) == {}


def test_producers_with_one_client_id_are_added_up(telescope: Telescope) -> None:
    options: Any = {"backend": "memory", "client_id": "shop"}
    with ProducerRegistry({"default": options, "audit": options}) as registry:
        instrument(registry, spans="off", meter_provider=telescope.meter_provider)
        registry.producer().produce("orders", "1", "a")
        registry.producer("audit").produce("orders", "1", "a")

        assert sent(telescope) == {"": 2}


def test_producers_that_are_closed_are_told_of_no_more(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("orders", "1", "a")
        assert sent(telescope) == {"": 1}

    assert sent(telescope) == {}


def test_durations_are_recorded_once_per_batch_on_demand_alone(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    with Producer(
        bootstrap_servers=cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000
    ) as producer:
        producer.produce("orders", "1", "unseen", partition=0)
        instrument(spans="off", metrics="full", meter_provider=telescope.meter_provider)
        for _ in range(100):
            producer.fire("orders", "1", "a", partition=0)
        cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        producer.flush()
        for _ in range(100):
            producer.fire("orders", "1", "a", partition=0)
        producer.flush()

    durations = telescope.histograms("messaging.client.operation.duration")
    assert {dict(place).get("error.type"): count for place, count in durations.items()} == {
        None: 1,
        "TOPIC_AUTHORIZATION_FAILED": 1,
    }
