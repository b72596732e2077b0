"""The collector of one process: it reads what producers count when it is scraped, so that a message costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final, final
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from dekaf.contrib.prometheus.targets import Target, named_metrics
from dekaf.metric_families import FAMILIES, Kind, MetricFamily, Samples
from dekaf.metrics import Histogram

__all__ = ("DekafCollector", "collect")


@final
class DekafCollector(Collector):
    """Shows what a target's producers count and measure; closed ones as they were at the end.

    Args:
        target: A registry, whose producers are named by their aliases; a producer, named by its client id; or several.

    Raises:
        TypeError: It is none of these.
    """

    def __init__(self, target: Target) -> None:
        named_metrics(target)  # to say at once what is wrong with it
        self._target: Final = target

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their values."""
        return [_metric(family, {}) for family in FAMILIES]

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are."""
        producers = named_metrics(self._target)
        return [_metric(family, family.samples(producers)) for family in FAMILIES]


_lock: Final = threading.RLock()  # guards _collectors
_collectors: Final[WeakKeyDictionary[CollectorRegistry, DekafCollector]] = WeakKeyDictionary()


def collect(target: Target, registry: CollectorRegistry = REGISTRY) -> DekafCollector:
    """Show what a target's producers count and measure; to do it again, for the same `registry`, replaces the target.

    Args:
        target: As for `DekafCollector`; those with equal names are added up.
        registry: Of prometheus_client. In its multiprocess mode collectors are not asked: see `install_multiprocess`.

    Returns:
        What was registered, to be unregistered.

    Raises:
        TypeError: It is nothing that has metrics.
    """
    collector = DekafCollector(target)
    with _lock:
        before = _collectors.pop(registry, None)
        if before is not None:
            _unregister(registry, before)
        registry.register(collector)
        _collectors[registry] = collector
    return collector


def _unregister(registry: CollectorRegistry, collector: DekafCollector) -> None:
    try:
        registry.unregister(collector)
    except KeyError:
        return  # the application has done so


def _metric(family: MetricFamily, samples: Samples) -> Metric:
    labels = ["producer", *family.labels]
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.description, labels=labels)
        for place, value in samples.items():
            assert isinstance(value, Histogram)
            bounds = [*map(floatToGoString, value.bounds), "+Inf"]
            histogram.add_metric(place, list(zip(bounds, value.cumulative(), strict=True)), value.sum)
        return histogram
    made: CounterMetricFamily | GaugeMetricFamily
    if family.kind is Kind.COUNTER:
        made = CounterMetricFamily(family.name.removesuffix("_total"), family.description, labels=labels)
    else:
        made = GaugeMetricFamily(family.name, family.description, labels=labels)
    for place, value in samples.items():
        assert not isinstance(value, Histogram)
        made.add_metric(place, value)
    return made
