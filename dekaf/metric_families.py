"""Metric families: the names, kinds and labels under which exporters show what producers measure.

One table for all exporters, so that a dashboard finds the same names whichever of them is in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from dekaf.metrics import Histogram, ProducerMetrics

__all__ = ("FAMILIES", "Kind", "MetricFamily", "Samples")

Value: TypeAlias = float | Histogram
Labels: TypeAlias = tuple[str, ...]
Samples: TypeAlias = dict[Labels, Value]


class Kind(StrEnum):
    """What a family's values are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"  # the labels are all there is to it


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFamily:
    """One metric of all producers.

    Args:
        name: As Prometheus has it.
        kind: What its values are.
        description: A sentence for people.
        unit: As OpenTelemetry writes it (UCUM).
        read: Returns a snapshot's values, each with its labels.
        labels: Their names; ``producer`` comes before.
        is_extreme: Of producers that share their labels the largest value is shown, instead of the sum.
    """

    name: str
    kind: Kind
    description: str
    unit: str
    read: Callable[[ProducerMetrics], Iterable[tuple[Labels, Value]]]
    labels: Labels = ()
    is_extreme: bool = False

    def samples(self, producers: Iterable[tuple[str, ProducerMetrics]]) -> Samples:
        """Return the values by labels, the producer's name first; those with equal labels are added up."""
        samples: Samples = {}
        for producer, metrics in producers:
            for labels, value in self.read(metrics):
                place = (producer, *labels)
                samples[place] = self._joined(samples[place], value) if place in samples else value
        return samples

    def joined(self, samples: Samples, others: Samples) -> Samples:
        """Return two sets of samples as one; values with equal labels are added up."""
        both = dict(samples)
        for place, value in others.items():
            both[place] = self._joined(both[place], value) if place in both else value
        return both

    def _joined(self, one: Value, other: Value) -> Value:
        if isinstance(one, Histogram) and isinstance(other, Histogram):
            counts = tuple(a + b for a, b in zip(one.counts, other.counts, strict=True))
            return Histogram(bounds=one.bounds, counts=counts, sum=one.sum + other.sum)
        assert not isinstance(one, Histogram)
        assert not isinstance(other, Histogram)
        if self.kind is Kind.INFO:
            return 1
        return max(one, other) if self.is_extreme else one + other


def _one(name: str) -> Callable[[ProducerMetrics], Iterable[tuple[Labels, Value]]]:
    def read(metrics: ProducerMetrics) -> Iterable[tuple[Labels, Value]]:
        yield (), getattr(metrics, name)

    return read


def _by_topic(name: str) -> Callable[[ProducerMetrics], Iterable[tuple[Labels, Value]]]:
    def read(metrics: ProducerMetrics) -> Iterable[tuple[Labels, Value]]:
        return (((topic.topic,), getattr(topic, name)) for topic in metrics.topics)

    return read


def _by_broker(name: str) -> Callable[[ProducerMetrics], Iterable[tuple[Labels, Value]]]:
    def read(metrics: ProducerMetrics) -> Iterable[tuple[Labels, Value]]:
        return (((str(broker.broker),), getattr(broker, name)) for broker in metrics.brokers)

    return read


def _failures(metrics: ProducerMetrics) -> Iterable[tuple[Labels, Value]]:
    for topic in metrics.topics:
        for error, count in topic.records_failed_total.items():
            yield (topic.topic, error), count


def _info(metrics: ProducerMetrics) -> Iterable[tuple[Labels, Value]]:
    yield (metrics.version, metrics.client_id, metrics.cluster_id or ""), 1


def _counter(name: str, description: str, unit: str) -> MetricFamily:
    return MetricFamily(name=f"dekaf_{name}", kind=Kind.COUNTER, description=description, unit=unit, read=_one(name))


def _gauge(name: str, description: str, unit: str, *, is_extreme: bool = False) -> MetricFamily:
    return MetricFamily(
        name=f"dekaf_{name}",
        kind=Kind.GAUGE,
        description=description,
        unit=unit,
        read=_one(name),
        is_extreme=is_extreme,
    )


def _histogram(name: str, description: str, unit: str) -> MetricFamily:
    return MetricFamily(name=f"dekaf_{name}", kind=Kind.HISTOGRAM, description=description, unit=unit, read=_one(name))


FAMILIES: Final[tuple[MetricFamily, ...]] = (
    MetricFamily(
        name="dekaf_records_delivered_total",
        kind=Kind.COUNTER,
        description="Records acknowledged.",
        unit="{record}",
        read=_by_topic("records_delivered_total"),
        labels=("topic",),
    ),
    MetricFamily(
        name="dekaf_records_failed_total",
        kind=Kind.COUNTER,
        description="Records that were accepted and failed.",
        unit="{record}",
        read=_failures,
        labels=("topic", "error"),
    ),
    MetricFamily(
        name="dekaf_sent_bytes_total",
        kind=Kind.COUNTER,
        description="Bytes of batches handed to connections, repeats included.",
        unit="By",
        read=_by_topic("sent_bytes_total"),
        labels=("topic",),
    ),
    _counter("records_undelivered_unnoticed_total", "Failures of fire that no callback was told about.", "{record}"),
    _counter("batches_retried_total", "Batches sent again.", "{batch}"),
    _histogram("send_latency_seconds", "From the call until the outcome was known, at the most.", "s"),
    MetricFamily(
        name="dekaf_request_latency_seconds",
        kind=Kind.HISTOGRAM,
        description="From a produce request until its answer.",
        unit="s",
        read=_by_broker("request_latency_seconds"),
        labels=("broker",),
    ),
    _histogram("batch_size_bytes", "Sizes of batches as they were first sent.", "By"),
    _histogram("batch_records", "Records in a batch as it was first sent.", "{record}"),
    _gauge("buffer_used_bytes", "How much of buffer_memory is taken.", "By"),
    _gauge("buffer_limit_bytes", "The option buffer_memory.", "By"),
    _gauge("buffer_records", "Records accepted whose outcome is not known yet.", "{record}"),
    _gauge("buffer_oldest_age_seconds", "The age of the oldest of these.", "s", is_extreme=True),
    _gauge("waiting_for_room", "Calls that wait for space in the buffer.", "{call}"),
    _counter("buffer_exhausted_total", "Calls refused because there was no space.", "{call}"),
    _gauge("connected_brokers", "Brokers with an open connection.", "{broker}"),
    _gauge("known_brokers", "Brokers named by the cluster's metadata.", "{broker}"),
    _gauge("unavailable_seconds", "For how long no broker has been reachable.", "s", is_extreme=True),
    _counter("connects_total", "Connections that became ready.", "{connection}"),
    MetricFamily(
        name="dekaf_throttle_seconds_total",
        kind=Kind.COUNTER,
        description="For how long brokers have asked for pauses, because of a quota.",
        unit="s",
        read=_by_broker("throttle_seconds_total"),
        labels=("broker",),
    ),
    _counter("engine_restarts_total", "Engines replaced after an unexpected error.", "{restart}"),
    _counter("producer_id_resets_total", "New producer ids that had to be asked for.", "{reset}"),
    _counter("hook_failures_total", "Failures of tracers and listeners.", "{failure}"),
    MetricFamily(
        name="dekaf_info",
        kind=Kind.INFO,
        description="The producer, and the cluster it is connected to.",
        unit="1",
        read=_info,
        labels=("version", "client_id", "cluster_id"),
    ),
)
