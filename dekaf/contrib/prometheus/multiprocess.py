"""Metrics of all workers of a server, through prometheus_client's multiprocess mode.

That mode asks no collectors: workers write their values into files, which the one that is scraped adds up. So a thread
of each worker writes what its producers have counted since the last time, once per interval, and the worker once more
when its producers are drained.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from typing import Final, final

from prometheus_client import Counter, Gauge
from prometheus_client.utils import floatToGoString

from dekaf.contrib.prometheus.targets import Target, identity_of, named_metrics, targets_of
from dekaf.errors import ConfigurationError
from dekaf.metric_families import FAMILIES, Kind, MetricFamily, Samples
from dekaf.metrics import Histogram
from dekaf.process_lock import ProcessLock
from dekaf.telemetry import after_drain

__all__ = ("install_multiprocess",)

logger = logging.getLogger("dekaf.contrib.prometheus")

_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"

Place = tuple[str, ...]


@final
class Mirror:
    """Writes a target's metrics into those of prometheus_client."""

    def __init__(self, target: Target, interval: float) -> None:
        self._target = target
        self.interval = interval  # seconds
        self._lock = threading.RLock()  # guards what was written
        self._counters: Final[dict[str, Counter]] = {}
        self._gauges: Final[dict[str, Gauge]] = {}
        self._written: dict[tuple[int, str, Place], float] = {}  # of sums, in this process, by target
        self._targets: list[object] = []  # all there have been, so that none has the identity of another
        self._told: dict[str, Place] = {}  # each producer's information, whose labels change once
        self._has_logged = False
        for family in FAMILIES:
            self._create(family)

    def show(self, target: Target, interval: float) -> None:
        """Write another target's metrics from now on; what the one before has counted stays in the sums."""
        self.write()
        with self._lock:
            self._targets.append(self._target)
            self._target = target
            self.interval = interval

    def before_fork(self) -> None:
        """Wait until nothing is being written, and let nothing be: a child would never get prometheus_client's lock."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on writing."""
        self._lock.release()

    def begin_anew(self) -> None:
        """Begin at zero, as the producers of a forked child do."""
        self._lock = threading.RLock()
        self._written = {}

    def write(self) -> None:
        """Write what has changed; what goes wrong is logged once, and costs nothing else."""
        try:
            with self._lock:
                named = {identity_of(one): named_metrics(one) for one in targets_of(self._target)}
                everyone = [one for producers in named.values() for one in producers]
                for family in FAMILIES:
                    if family.kind in {Kind.COUNTER, Kind.HISTOGRAM}:
                        for source, producers in named.items():
                            self._add(source, family, family.samples(producers))
                    else:
                        self._set(family, family.samples(everyone))
        except Exception as error:  # a full disk, or a directory that is gone
            if not self._has_logged:
                self._has_logged = True
                logger.warning("Metrics cannot be written: %r", error, extra={"dekaf_error": type(error).__name__})

    def _create(self, family: MetricFamily) -> None:
        """Make what holds a family's values, in no registry: the files are all that is read."""
        labels = ["producer", *family.labels]
        if family.kind is Kind.COUNTER:
            self._counters[family.name] = Counter(family.name, family.description, labels, registry=None)
        elif family.kind is Kind.HISTOGRAM:
            # There is no way to add to a histogram's buckets. Gauges that keep the values of dead workers have the
            # same names, and add up as well.
            parts = {"_bucket": [*labels, "le"], "_sum": labels, "_count": labels}
            for suffix, own_labels in parts.items():
                name = f"{family.name}{suffix}"
                self._gauges[name] = Gauge(name, family.description, own_labels, registry=None, multiprocess_mode="sum")
        else:
            is_largest = family.is_extreme or family.kind is Kind.INFO
            self._gauges[family.name] = Gauge(
                family.name,
                family.description,
                labels,
                registry=None,
                multiprocess_mode="livemax" if is_largest else "livesum",
            )

    def _add(self, source: int, family: MetricFamily, samples: Samples) -> None:
        """Add what has come to sums since the last time; those that are zero are told, too: increases begin there."""
        for place, value in samples.items():
            if isinstance(value, Histogram):
                for name, labels, part in _parts(family.name, place, value):
                    self._increase(source, name, self._gauges[name], labels, part)
            else:
                self._increase(source, family.name, self._counters[family.name], place, value)

    def _increase(self, source: int, name: str, metric: Counter | Gauge, place: Place, value: float) -> None:
        child = metric.labels(*place)
        more = value - self._written.get((source, name, place), 0.0)
        if more > 0:
            child.inc(more)
        self._written[source, name, place] = value

    def _set(self, family: MetricFamily, samples: Samples) -> None:
        for place, value in samples.items():
            assert not isinstance(value, Histogram)
            if family.kind is Kind.INFO and self._told.setdefault(place[0], place) != place:
                self._gauges[family.name].labels(*self._told[place[0]]).set(0)  # files forget nothing
                self._told[place[0]] = place
            self._gauges[family.name].labels(*place).set(value)


def install_multiprocess(target: Target, *, interval: float = 1.0) -> None:
    """Show what a target's producers count and measure in all worker processes, in multiprocess mode.

    Call it where a worker makes its application; to do it again replaces the target. What producers had counted when a
    worker was ended is shown exactly; one that was killed has been shown as it was an interval before, at the most.

    Args:
        target: A registry, a producer, or several.
        interval: Seconds between two looks.

    Raises:
        ConfigurationError: prometheus_client is not in multiprocess mode.
        TypeError: The target is nothing that has metrics.
        ValueError: The interval is not positive.
    """
    if not os.environ.get(_DIRECTORY):
        raise ConfigurationError(
            f"install_multiprocess needs prometheus_client's multiprocess mode: set {_DIRECTORY} to an empty directory "
            "before the server starts. In a single process, use collect()."
        )
    if interval <= 0:
        fault = f"interval must be positive, not {interval!r}"
        raise ValueError(fault)
    named_metrics(target)  # to say at once what is wrong with it
    with _installing:
        if _installed:
            _installed[0].show(target, interval)
        else:
            _installed.append(Mirror(target, interval))
            _begin(_installed[0])


_installing: Final = ProcessLock()  # guards _installed
_installed: Final[list[Mirror]] = []  # one, or none: two would count everything twice


def _begin(mirror: Mirror) -> None:
    _run(mirror)
    after_drain(mirror.write)

    def run_in_child() -> None:
        mirror.begin_anew()
        _run(mirror)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=mirror.before_fork, after_in_parent=mirror.after_fork_in_parent, after_in_child=run_in_child
        )


def _run(mirror: Mirror) -> None:
    def write_for_ever() -> None:
        pause = threading.Event()
        while not pause.wait(mirror.interval):
            mirror.write()

    threading.Thread(target=write_for_ever, name="dekaf-prometheus", daemon=True).start()


def _parts(name: str, place: Place, histogram: Histogram) -> Iterable[tuple[str, Place, float]]:
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    for bound, count in zip(bounds, histogram.cumulative(), strict=True):
        yield f"{name}_bucket", (*place, bound), count
    yield f"{name}_sum", place, histogram.sum
    yield f"{name}_count", place, histogram.count
