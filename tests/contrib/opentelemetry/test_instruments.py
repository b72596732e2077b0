"""What producers measure, as observable instruments."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from dekaf import Producer, ProducerRegistry, telemetry
from dekaf.contrib.opentelemetry import instrument, uninstrument
from dekaf.contrib.opentelemetry.ended_counters import MOST_CLIENTS, OTHER_CLIENTS
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


def test_what_a_producer_had_counted_outlives_it(cluster: FakeCluster, telescope: Telescope) -> None:
    """Nearly every process closes its producers before its SDK collects for the last time."""
    instrument(spans="off", meter_provider=telescope.meter_provider)
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.fire("orders", "1", "a")
    assert sent(telescope) == {"": 1}

    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("orders", "1", "a")
        assert sent(telescope) == {"": 2}
    producer.close()  # again

    assert sent(telescope) == {"": 2}
    assert telescope.values("dekaf.producer.buffer_limit_bytes") == {}  # of gauges there is nothing left


def test_sums_never_become_smaller_while_producers_come_and_go(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    told = [0.0]

    def use_producers() -> None:
        for _ in range(10):
            with Producer(bootstrap_servers=cluster.bootstrap_servers, client_id="shop") as producer:
                for _ in range(5):
                    producer.fire("orders", "1", "a")

    threads = [threading.Thread(target=use_producers) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        told.append(sent(telescope).get("", 0.0))
    for thread in threads:
        thread.join()
    told.append(sent(telescope)[""])

    assert told == sorted(told)
    assert told[-1] == len(cluster.log("orders")) == 150


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_tells_of_none_of_its_parents_messages(telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    with Producer(backend="memory") as ended:
        ended.produce("orders", "1", "a")
    assert sent(telescope) == {"": 1}
    with Producer(backend="memory") as untold:
        untold.produce("orders", "1", "a")
    with Producer(backend="memory") as open_one:
        open_one.produce("orders", "1", "a")

        child = os.fork()
        if child == 0:
            before = sent(telescope)
            open_one.produce("orders", "1", "a")
            os._exit(0 if (before, sent(telescope)) == ({}, {"": 1}) else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sent(telescope) == {"": 3}


def test_clients_without_end_are_counted_under_one_name(telescope: Telescope) -> None:
    instrument(spans="off", meter_provider=telescope.meter_provider)
    for number in range(MOST_CLIENTS + 5):
        with Producer(backend="memory", client_id=f"shop-{number}") as producer:
            producer.produce("orders", "1", "a")

    values = telescope.values("messaging.client.sent.messages")

    by_client = {dict(place)["messaging.client.id"]: value for place, value in values.items()}
    assert by_client.pop(OTHER_CLIENTS) == 5
    assert set(by_client.values()) == {1}
    assert len(by_client) == MOST_CLIENTS


def test_each_of_several_targets_is_shown(cluster: FakeCluster, telescope: Telescope) -> None:
    options: Any = {"bootstrap_servers": cluster.bootstrap_servers}
    with ProducerRegistry({"audit": options}) as registry, Producer(**options, client_id="shop") as shop:
        for target in (shop, registry, registry.producer("audit")):  # which is told of already
            instrument(target, spans="off", meter_provider=telescope.meter_provider)
        shop.produce("orders", "1", "a")
        registry.producer("audit").produce("orders", "1", "a")

        assert sorted(telescope.values("messaging.client.sent.messages").values()) == [1, 1]

    assert sorted(telescope.values("messaging.client.sent.messages").values()) == [1, 1]  # closed or not


def test_the_last_call_says_whether_and_where_metrics_are_shown(cluster: FakeCluster, telescope: Telescope) -> None:
    other = Telescope()
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("orders", "1", "a")
        instrument(spans="off", meter_provider=telescope.meter_provider)
        instrument(spans="off", meter_provider=other.meter_provider)
        assert (sent(telescope), sent(other)) == ({}, {"": 1})

        instrument(spans="off", metrics=False)

        assert (sent(telescope), sent(other)) == ({}, {})
    other.close()


def test_what_has_no_producers_is_refused() -> None:
    application: Any = object()
    with pytest.raises(TypeError, match="producers and registries are instrumented, not object"):
        instrument(application)


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


def test_durations_end_with_the_next_call_and_leave_other_observers_alone(telescope: Telescope) -> None:
    outcomes: list[object] = []
    with Producer(backend="memory") as producer:
        instrument(spans="off", metrics="full", meter_provider=telescope.meter_provider)
        instrument(spans="off", meter_provider=telescope.meter_provider)
        telemetry.observe_batches(outcomes.append)
        instrument(spans="off", meter_provider=telescope.meter_provider)
        uninstrument()
        producer.produce("orders", "1", "a")
    telemetry.observe_batches(None)

    assert telescope.histograms("messaging.client.operation.duration") == {}
    assert len(outcomes) == 1
