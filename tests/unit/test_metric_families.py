"""The names under which exporters show what producers measure."""

from __future__ import annotations

import pytest

from dekaf import Producer
from dekaf.metric_families import FAMILIES, Kind, MetricFamily
from dekaf.metrics import Histogram, ProducerMetrics


@pytest.fixture
def metrics() -> ProducerMetrics:
    with Producer(backend="memory", client_id="shop") as producer:
        producer.produce("orders", "1", "paid")
        return producer.metrics()


def family(name: str) -> MetricFamily:
    return next(one for one in FAMILIES if one.name == name)


def test_every_metric_of_the_snapshot_is_in_a_family(metrics: ProducerMetrics) -> None:
    names = {one.name.removeprefix("dekaf_") for one in FAMILIES}
    told = set(metrics.as_dict()) - {"topics", "brokers", "pid", "version", "client_id", "cluster_id"}

    assert told <= names
    assert names - told == {
        "info",
        "records_delivered_total",
        "records_failed_total",
        "sent_bytes_total",
        "request_latency_seconds",
        "throttle_seconds_total",
    }


def test_counters_end_in_total_and_nothing_else_does() -> None:
    assert [one.name for one in FAMILIES if (one.kind is Kind.COUNTER) != one.name.endswith("_total")] == []


def test_producers_with_equal_names_are_added_up(metrics: ProducerMetrics) -> None:
    samples = family("dekaf_records_delivered_total").samples([("a", metrics), ("a", metrics), ("b", metrics)])

    assert samples == {("a", "orders"): 2, ("b", "orders"): 1}


def test_histograms_are_added_up_bucket_by_bucket(metrics: ProducerMetrics) -> None:
    samples = family("dekaf_send_latency_seconds").samples([("a", metrics), ("a", metrics)])

    summed = samples[("a",)]
    assert isinstance(summed, Histogram)
    assert summed.counts == tuple(2 * count for count in metrics.send_latency_seconds.counts)
    assert summed.sum == 2 * metrics.send_latency_seconds.sum


def test_of_ages_the_greatest_is_shown_and_information_is_no_sum(metrics: ProducerMetrics) -> None:
    pairs = [("a", metrics), ("a", metrics)]

    assert family("dekaf_buffer_oldest_age_seconds").samples(pairs) == {("a",): 0.0}
    assert list(family("dekaf_info").samples(pairs).values()) == [1]
