"""Connections to a real broker: wrong addresses, idleness, refusals, throttling, and networks slow or broken."""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from dekaf import BrokerConnectionError, DeliveryTimeoutError, Producer
from tests.broker.traffic import Traffic
from tests.conftest import cluster_of_release
from tests.kafka import DEFAULT_VERSION, KafkaCluster
from tests.kafka.ports import free_ports
from tests.kafka.proxy import Direction, TcpProxy

BROKER_IDLE_SECONDS = 2.0


@dataclass(frozen=True)
class Site:
    """A broker with three ways in: as it is, through a proxy, and one that advertises an address where nobody is."""

    cluster: KafkaCluster
    proxy: TcpProxy
    nobody: str

    def create_topic(self, *, partitions: int = 1) -> str:
        """Return the name of a new topic."""
        name = f"connections-{uuid.uuid4().hex[:12]}"
        self.cluster.create_topic(name, partitions=partitions)
        return name

    @property
    def unreachable(self) -> str:
        """The server that answers, and advertises `nobody`."""
        (address,) = self.cluster.addresses_at("UNREACHABLE")
        return address


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One broker for this module, which ends connections that are idle for two seconds."""
    (port,) = free_ports(1)
    nobody = f"127.0.0.1:{port}"
    properties = {
        "connections.max.idle.ms": str(int(BROKER_IDLE_SECONDS * 1000)),
        "quota.window.num": "2",  # of a second each, instead of eleven: a limit is felt at once
    }
    with TcpProxy(seed=7) as proxy:
        listeners = {"PROXIED": [proxy.address], "UNREACHABLE": [nobody]}
        with cluster_of_release(DEFAULT_VERSION, listeners=listeners, properties=properties) as cluster:
            (proxy.target,) = cluster.addresses_at("PROXIED")
            yield Site(cluster, proxy, nobody)


@pytest.fixture(autouse=True)
def healthy_network(site: Site) -> Iterator[None]:
    """Leave no trouble to the next test."""
    yield
    site.proxy.latency = site.proxy.jitter = 0.0
    site.proxy.bytes_per_second = None
    site.proxy.reset()


def wait_until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Wait for what nothing announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


# Addresses.


def test_an_advertised_address_where_nobody_is_is_named_with_the_remedy(site: Site) -> None:
    topic = site.create_topic()
    with Producer(bootstrap_servers=site.unreachable, request_timeout_ms=1_000, delivery_timeout_ms=1_500) as producer:
        assert [f"{one.host}:{one.port}" for one in producer.check(5).brokers] == [site.nobody]  # all looks well
        with pytest.raises(DeliveryTimeoutError) as caught:
            producer.produce(topic, None, "v")

    for error in (caught.value, caught.value.__cause__):
        assert f"The bootstrap server {site.unreachable} did answer" in str(error)
        assert f"broker 0 is to be found at {site.nobody}" in str(error)
        assert "advertised.listeners" in str(error)
    assert isinstance(caught.value.__cause__, BrokerConnectionError)
    assert not caught.value.may_be_persisted


# Idleness.


def test_a_connection_that_the_broker_ended_for_idleness_is_no_trouble(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    topic = site.create_topic()
    with Producer(bootstrap_servers=site.cluster.bootstrap_servers) as producer:
        for number in range(2):
            assert producer.produce(topic, None, str(number)).offset == number
            wait_until(lambda: producer.status().connected_brokers == 0)
        assert producer.produce(topic, None, "2").offset == 2
        assert producer.status().retries_total == 0
        assert producer.status().last_error is None

    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_an_idle_connection_is_ended_and_made_again_when_it_is_needed(site: Site) -> None:
    topic = site.create_topic()
    with Producer(bootstrap_servers=site.proxy.address, connections_max_idle_ms=300) as producer:
        for number in range(3):
            assert producer.produce(topic, None, str(number)).offset == number
            wait_until(lambda: site.proxy.connections() == 0)
        accepted = site.proxy.accepted
        wait_until(lambda: producer.status().connected_brokers == 0)
        assert producer.status().retries_total == 0
        assert site.proxy.accepted == accepted  # nothing connects while there is nothing to do


# Refusals.


def test_reconnecting_waits_longer_and_longer_and_succeeds_in_the_end(site: Site) -> None:
    topic = site.create_topic()
    with Producer(
        bootstrap_servers=site.proxy.address, reconnect_backoff_ms=50, reconnect_backoff_max_ms=400
    ) as producer:
        producer.produce(topic, None, "before")
        with site.proxy.refusing():
            before = site.proxy.accepted
            waiting = [producer.submit(topic, None, str(number)) for number in range(10)]
            threading.Event().wait(2.5)
            attempts = site.proxy.accepted - before
        offsets = [handle.result(20).offset for handle in waiting]

    assert offsets == list(range(1, 11))
    # Two addresses, the bootstrap server's and the broker's: each after 50, 100, 200, then every 400 ms, give or take.
    assert 8 <= attempts <= 30


# Throttling.


def test_a_quota_slows_the_producer_down_and_nothing_else(site: Site) -> None:
    """A throttled broker is silent for seconds: no reason to think it dead, or to send it more (KIP-219)."""
    topic = site.create_topic()
    client_id = f"slow-{topic}"
    site.cluster.limit_client(client_id, bytes_per_second=100_000)
    started = time.monotonic()
    with Producer(
        bootstrap_servers=site.cluster.bootstrap_servers, client_id=client_id, request_timeout_ms=400, batch_size=50_000
    ) as producer:
        results = [producer.submit(topic, None, b"x" * 10_000) for _ in range(60)]
        offsets = [handle.result(30).offset for handle in results]
        status = producer.status()
    took = time.monotonic() - started

    assert offsets == list(range(60))
    assert took > 2.0  # 600 kB, of which two seconds' worth may pass at first
    assert status.retries_total == 0


# Networks.


def test_latency_jitter_and_little_bandwidth_only_take_time(site: Site) -> None:
    topic = site.create_topic(partitions=4)
    site.proxy.latency, site.proxy.jitter, site.proxy.bytes_per_second = 0.05, 0.05, 200_000
    traffic = Traffic(site.proxy.address, topic)

    traffic.run(lambda: threading.Event().wait(3))

    traffic.check(site.cluster.bootstrap_servers)


@pytest.mark.parametrize("seed", [1, 2])
def test_connections_that_break_anywhere_cost_no_message_no_order_and_no_repetition(site: Site, seed: int) -> None:
    """Cuts within frames of either direction, resets, ends of one half, and bytes that vanish without a word."""
    topic = site.create_topic(partitions=4)
    site.proxy.latency, site.proxy.jitter = 0.002, 0.01
    chosen = random.Random(seed)
    proxy = site.proxy
    accidents: list[Callable[[], None]] = [
        proxy.reset,
        lambda: proxy.cut_after(chosen.randrange(1, 3_000), Direction.REQUESTS),
        lambda: proxy.cut_after(chosen.randrange(1, 120), Direction.ANSWERS),
        lambda: proxy.close_half(Direction.REQUESTS),
        lambda: proxy.close_half(Direction.ANSWERS),
        lambda: proxy.swallow(Direction.REQUESTS),
        lambda: proxy.swallow(Direction.ANSWERS),
    ]

    def trouble() -> None:
        order = accidents * 2
        chosen.shuffle(order)
        for accident in order:
            threading.Event().wait(chosen.uniform(0.1, 0.6))
            accident()

    traffic = Traffic(site.proxy.address, topic)
    before = site.proxy.accepted
    traffic.run(trouble)

    traffic.check(site.cluster.bootstrap_servers)
    assert site.proxy.accepted - before > 7
