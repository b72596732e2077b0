"""One run: three brokers, a proxy before each, traffic of threads and tasks, trouble, and the tally."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dekaf.metrics import ProducerMetrics
from tests.broker.traffic import Traffic
from tests.chaos.tally import Tally, tally
from tests.chaos.trouble import Trouble
from tests.kafka import KafkaCluster, read_back
from tests.kafka.log_dump import DumpedBatch
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
    assert traffic.metrics is not None
    if result.failed == 0:  # or some that failed may be in the log, and were not counted as delivered
        _compare(traffic.metrics, topic, len(records), _on_disk(site.cluster, topic, len(records)))
    return result


def _on_disk(cluster: KafkaCluster, topic: str, records: int) -> list[DumpedBatch]:
    """Return the batches on a broker's disk, once it has caught up with the others."""
    until = time.monotonic() + READING_SECONDS
    while True:
        batches = cluster.dumped_batches(topic)
        if sum(batch.count for batch in batches) >= records or time.monotonic() > until:
            return batches


def _compare(metrics: ProducerMetrics, topic: str, held: int, on_disk: list[DumpedBatch]) -> None:
    """Hold what was counted against the log, in which each batch is once, however often it was sent."""
    (of_topic,) = metrics.topics
    assert (of_topic.topic, of_topic.records_delivered_total, of_topic.records_failed_total) == (topic, held, {})
    assert metrics.send_latency_seconds.count == held
    assert metrics.batch_records.sum == held
    assert metrics.batch_records.count == len(on_disk)
    assert metrics.batch_size_bytes.sum == sum(batch.size_bytes for batch in on_disk)
    assert metrics.batches_retried_total > 0
    assert of_topic.sent_bytes_total > metrics.batch_size_bytes.sum  # with what was sent again
    assert (metrics.buffer_records, metrics.buffer_used_bytes, metrics.hook_failures_total) == (0, 0, 0)
