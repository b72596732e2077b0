"""What a producer measures, as one typed snapshot: what ``metrics()`` of both faces and of registries returns.

All of it is kept per batch, never per record. Never compiled, as reports are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any, Final

__all__ = ("MOST_TOPICS", "OTHER_TOPICS", "BrokerMetrics", "Histogram", "ProducerMetrics", "TopicMetrics")

MOST_TOPICS: Final = 200  # that are told apart; names are the application's, and may be without end
OTHER_TOPICS: Final = "__other__"  # what the others are counted under


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often a measurement fell where.

    Args:
        bounds: The upper bounds of the buckets, each included in its own, ascending; a last bucket has none.
        counts: How many measurements are in each bucket alone: one more than there are bounds.
        sum: All measurements added up.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float

    @property
    def count(self) -> int:
        """How many measurements there were."""
        return sum(self.counts)

    def cumulative(self) -> tuple[int, ...]:
        """Return how many measurements were at most as large as each bound, and then all: as Prometheus counts."""
        return tuple(accumulate(self.counts))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMetrics:
    """What became of the records for one topic.

    Args:
        topic: Its name; `OTHER_TOPICS` stands for all that came after the first `MOST_TOPICS`.
        records_delivered_total: Records acknowledged.
        records_failed_total: Records that were accepted and failed, by Kafka's name of the error
            (``NOT_ENOUGH_REPLICAS``), or else the name of the exception's class.
        sent_bytes_total: Bytes of batches handed to connections, repeats included.
    """

    topic: str
    records_delivered_total: int
    records_failed_total: Mapping[str, int]
    sent_bytes_total: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerMetrics:
    """How one broker answers produce requests.

    Args:
        broker: Its id in the cluster.
        request_latency_seconds: From handing a produce request over until its answer was read.
        throttle_seconds_total: For how long it has asked this producer to pause, because of a quota.
    """

    broker: int
    request_latency_seconds: Histogram
    throttle_seconds_total: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerMetrics:
    """A snapshot of what a producer counts and measures. Counters begin at zero in every process, a forked one, too.

    Args:
        client_id: The producer's.
        version: Of dekaf.
        cluster_id: As the brokers name their cluster; None: not known yet, or they do not.
        pid: The process this snapshot was taken in.
        topics: What became of the records, by topic, in the order in which topics were first used.
        brokers: How brokers answer.
        records_undelivered_unnoticed_total: Failures of ``fire`` that no callback was told about.
        batches_retried_total: Batches sent again.
        send_latency_seconds: From the call until the outcome was known, good or bad: once per batch, as the age of its
            oldest record, weighted by its records. So it is an upper bound: each record took that long at the most.
        batch_size_bytes: Of batches, as they were first sent.
        batch_records: How many records they held.
        buffer_used_bytes: How much of ``buffer_memory`` is taken.
        buffer_limit_bytes: ``buffer_memory``.
        buffer_records: Records accepted whose outcome is not known yet.
        buffer_oldest_age_seconds: The age of the oldest of these; 0 without any.
        waiting_for_room: Calls that wait for space in the buffer.
        buffer_exhausted_total: Calls refused because there was no space, or none in time.
        connected_brokers: Brokers with an open connection.
        known_brokers: Brokers named by the cluster's metadata.
        unavailable_seconds: For how long no broker has been reachable; 0 while one is, or may be.
        connects_total: Connections that became ready, to bootstrap servers, too.
        engine_restarts_total: How often the I/O engine was replaced after an unexpected error.
        producer_id_resets_total: How often a new producer id had to be asked for.
        hook_failures_total: How often a tracer or a listener raised, or returned what it must not.
    """

    client_id: str
    version: str
    cluster_id: str | None
    pid: int
    topics: tuple[TopicMetrics, ...]
    brokers: tuple[BrokerMetrics, ...]
    records_undelivered_unnoticed_total: int
    batches_retried_total: int
    send_latency_seconds: Histogram
    batch_size_bytes: Histogram
    batch_records: Histogram
    buffer_used_bytes: int
    buffer_limit_bytes: int
    buffer_records: int
    buffer_oldest_age_seconds: float
    waiting_for_room: int
    buffer_exhausted_total: int
    connected_brokers: int
    known_brokers: int
    unavailable_seconds: float
    connects_total: int
    engine_restarts_total: int
    producer_id_resets_total: int
    hook_failures_total: int

    @property
    def records_delivered_total(self) -> int:
        """How many records were acknowledged, whatever their topic."""
        return sum(topic.records_delivered_total for topic in self.topics)

    @property
    def records_failed_total(self) -> int:
        """How many accepted records failed, whatever their topic and error."""
        return sum(sum(topic.records_failed_total.values()) for topic in self.topics)

    @property
    def sent_bytes_total(self) -> int:
        """How many bytes of batches were handed to connections, whatever their topic."""
        return sum(topic.sent_bytes_total for topic in self.topics)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; topics, brokers and histograms likewise."""
        return _as_dict(self)


def _as_dict(value: Histogram | TopicMetrics | BrokerMetrics | ProducerMetrics) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> object:
    """Return the value of a field in JSON's types."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Histogram | TopicMetrics | BrokerMetrics):
        return value.as_dict()
    return dict(value) if isinstance(value, Mapping) else value
