"""One run: three brokers, a proxy before each, traffic of threads and tasks, trouble, and the tally."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.broker.traffic import Traffic
from tests.chaos.tally import Tally, tally
from tests.chaos.trouble import Trouble
from tests.kafka import KafkaCluster, read_back
from tests.kafka.proxy import TcpProxy

__all__ = ("ProxiedCluster", "harm", "proxied_cluster")

LISTENER = "PROXIED"
BROKERS = 3
READING_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class ProxiedCluster:
    """Three brokers, and the proxy before each."""

    cluster: KafkaCluster
    proxies: list[TcpProxy]

    @property
    def bootstrap_servers(self) -> str:
        """The proxies' addresses, which the brokers advertise to those who come that way."""
        return ",".join(proxy.address for proxy in self.proxies)


@contextmanager
def proxied_cluster(seed: int = 0) -> Iterator[ProxiedCluster]:
    """Run three brokers behind proxies.

    Raises:
        KafkaUnavailableError: Java or Maven are missing, or a broker did not start.
    """
    # A broker that is killed is given up after 3 s.
    properties = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with ExitStack() as stack:
        proxies = [stack.enter_context(TcpProxy(seed=seed + broker)) for broker in range(BROKERS)]
        listeners = {LISTENER: [proxy.address for proxy in proxies]}
        cluster = stack.enter_context(KafkaCluster(BROKERS, listeners=listeners, properties=properties))
        for proxy, address in zip(proxies, cluster.addresses_at(LISTENER), strict=True):
            proxy.target = address
        yield ProxiedCluster(cluster, proxies)


def harm(site: ProxiedCluster, seconds: float, *, seed: int, each_kind: bool = False) -> Tally:
    """Produce to a new topic while brokers and lines are harmed, and look for every record."""
    topic = f"chaos-{uuid.uuid4().hex[:12]}"
    site.cluster.create_topic(topic, partitions=6)
    trouble = Trouble(site.cluster, site.proxies, seed=seed)
    traffic = Traffic(site.bootstrap_servers, topic, pause=0.02)
    traffic.run(lambda: trouble.go_on(seconds, each_kind=each_kind))
    delivered = sum(len(one.metadata) for one in traffic.told.values())
    records = read_back(site.cluster.bootstrap_servers, topic, delivered, timeout=READING_SECONDS)
    result = tally(traffic.counts, traffic.told, records, trouble.events)
    if result.failed == 0:  # or some that failed may be in the log, and were not counted as delivered
        assert traffic.metrics is not None
        assert traffic.metrics.records_delivered_total == len(records)
    return result
