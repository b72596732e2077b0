"""The snapshot of what a producer measures."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Literal

import pytest

from dekaf import AsyncProducer, Producer, ProducerRegistry
from dekaf.metrics import Histogram, ProducerMetrics


@pytest.fixture
def metrics() -> ProducerMetrics:
    with Producer(backend="memory", client_id="shop") as producer:
        producer.produce("orders", "1", "paid")
        producer.fire("audit", None, "seen")
        producer.flush()
        return producer.metrics()


def test_histogram_counts_as_prometheus_does() -> None:
    histogram = Histogram(bounds=(1.0, 2.0), counts=(3, 0, 4), sum=20.0)

    assert histogram.cumulative() == (3, 3, 7)
    assert histogram.count == 7


def test_snapshot_is_frozen_and_goes_into_json(metrics: ProducerMetrics) -> None:
    with pytest.raises(FrozenInstanceError):
        metrics.client_id = "other"  # type: ignore[misc]

    told = json.loads(json.dumps(metrics.as_dict()))

    assert told["client_id"] == "shop"
    assert told["topics"][0] == {
        "topic": "orders",
        "records_delivered_total": 1,
        "records_failed_total": {},
        "sent_bytes_total": 0,
    }
    assert sum(told["send_latency_seconds"]["counts"]) == 2


@pytest.mark.parametrize("backend", ["memory", "disabled"])
def test_backends_without_kafka_count_what_they_take(backend: Literal["memory", "disabled"]) -> None:
    with Producer(backend=backend) as owner:
        producer = AsyncProducer(_core=owner._core)
        producer.fire("orders", "1", "paid")
        metrics = producer.metrics()

    assert (metrics.records_delivered_total, metrics.records_failed_total, metrics.sent_bytes_total) == (1, 0, 0)
    assert (metrics.buffer_records, metrics.buffer_used_bytes, metrics.buffer_oldest_age_seconds) == (0, 0, 0.0)


def test_registry_tells_of_the_producers_it_has_made() -> None:
    with ProducerRegistry({"default": {"backend": "memory"}, "audit": {"backend": "memory"}}) as registry:
        registry.producer().produce("orders", "1", "paid")

        assert {alias: one.records_delivered_total for alias, one in registry.metrics().items()} == {"default": 1}


def test_views_share_the_metrics_of_their_producer() -> None:
    with Producer(backend="memory") as producer:
        producer.typed(str, str).produce("orders", "1", "paid")

        assert producer.metrics().records_delivered_total == 1
