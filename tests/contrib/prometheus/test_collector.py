"""What a scrape shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import perf_counter
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dekaf import AsyncProducer, Producer, ProducerRegistry
from dekaf.contrib.prometheus import collect
from dekaf.errors import ProduceError
from dekaf.testing import ApiKey, ErrorCode, FakeCluster


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster


def scrape(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what Prometheus would read."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return scrape(registry)[name, tuple(sorted(labels.items()))]


def test_counters_equal_what_the_cluster_holds(cluster: FakeCluster, registry: CollectorRegistry) -> None:
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    with Producer(bootstrap_servers=cluster.bootstrap_servers, client_id="shop") as producer:
        collect(producer, registry)
        with pytest.raises(ProduceError):
            producer.produce("orders", "1", "a")
        for _ in range(20):
            producer.fire("orders", "1", "a")
        producer.flush()

        held = len(cluster.log("orders"))
        labels = {"producer": "shop", "topic": "orders"}
        assert value(registry, "dekaf_records_delivered_total", **labels) == held == 20
        assert value(registry, "dekaf_records_failed_total", **labels, error="TOPIC_AUTHORIZATION_FAILED") == 1
        assert value(registry, "dekaf_send_latency_seconds_count", producer="shop") == 21
        assert value(registry, "dekaf_send_latency_seconds_bucket", producer="shop", le="+Inf") == 21
        assert value(registry, "dekaf_buffer_limit_bytes", producer="shop") == 33_554_432
        answers = [
            count for (name, _), count in scrape(registry).items() if name == "dekaf_request_latency_seconds_count"
        ]
        assert sum(answers) >= 2
    assert value(registry, "dekaf_records_delivered_total", **labels) == 20  # closed, it is as it was at the end


def test_producers_of_a_registry_have_their_aliases(registry: CollectorRegistry) -> None:
    options: Any = {"backend": "memory", "client_id": "shop"}
    with ProducerRegistry({"default": options, "audit": options}) as producers:
        collect(producers, registry)
        assert scrape(registry) == {}
        producers.producer("audit").produce("orders", "1", "a")

        assert value(registry, "dekaf_records_delivered_total", producer="audit", topic="orders") == 1
        information = {"producer": "audit", "client_id": "shop", "cluster_id": ""}
        assert [labels for name, labels in scrape(registry) if name == "dekaf_info"] == [
            tuple(sorted({**information, "version": producers.metrics()["audit"].version}.items()))
        ]


def test_collecting_again_replaces(registry: CollectorRegistry) -> None:
    with Producer(backend="memory") as first, Producer(backend="memory") as second:
        first.produce("orders", "1", "a")
        second.produce("payments", "1", "a")
        collect(first, registry)
        registry.unregister(collect(second, registry))
        collect(second, registry)

        topics = [dict(labels)["topic"] for name, labels in scrape(registry) if name == "dekaf_records_delivered_total"]
        assert topics == ["payments"]


def test_producers_with_equal_names_are_added_up(registry: CollectorRegistry) -> None:
    with (
        Producer(backend="memory", client_id="shop") as first,
        Producer(backend="memory", client_id="shop") as second,
    ):
        first.produce("orders", "1", "a")
        second.produce("orders", "1", "a")
        collect([first, AsyncProducer(_core=second._core)], registry)

        assert value(registry, "dekaf_records_delivered_total", producer="shop", topic="orders") == 2


def test_what_has_no_metrics_is_refused(registry: CollectorRegistry) -> None:
    with pytest.raises(TypeError, match="not of object"):
        collect(object(), registry)  # type: ignore[arg-type]


def test_scrape_while_producers_close(cluster: FakeCluster, registry: CollectorRegistry) -> None:
    producers = ProducerRegistry({"default": {"bootstrap_servers": cluster.bootstrap_servers}})
    collect(producers, registry)
    producers.producer().produce("orders", "1", "a")
    is_over = threading.Event()
    failures: list[BaseException] = []

    def scrape_on() -> None:
        try:
            while not is_over.is_set():
                generate_latest(registry)
        except BaseException as error:
            failures.append(error)

    scraper = threading.Thread(target=scrape_on)
    scraper.start()
    for _ in range(5):
        for _ in range(100):
            producers.producer().fire("orders", "1", "a")
        producers.close()
        producers.reopen()
    is_over.set()
    scraper.join()

    assert failures == []


def test_scrape_of_200_topics_is_quick(registry: CollectorRegistry) -> None:
    with Producer(backend="memory") as producer:
        for number in range(200):
            producer.produce(f"topic-{number}", "1", "a")
        (collector := collect(producer, registry)).collect()
        took = []
        for _ in range(20):
            began = perf_counter()
            collector.collect()
            took.append(perf_counter() - began)

    assert min(took) < 0.005


def test_producer_and_its_view_are_one(registry: CollectorRegistry) -> None:
    with Producer(backend="memory", client_id="shop") as producer:
        producer.produce("orders", "1", "a")
        collect([producer, cast("AsyncProducer[Any, Any]", producer.as_async())], registry)

        assert registry.get_sample_value("dekaf_records_delivered_total", {"producer": "shop", "topic": "orders"}) == 1
