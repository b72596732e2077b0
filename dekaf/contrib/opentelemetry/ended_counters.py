"""What producers that have ended had counted: a sum must not become smaller when one of them closes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Final, final

from dekaf import telemetry
from dekaf.metric_families import FAMILIES, Kind, MetricFamily, Samples
from dekaf.metrics import ProducerMetrics

__all__ = ("EndedCounters",)

_COUNTERS: Final = tuple(family for family in FAMILIES if family.kind is Kind.COUNTER)

# Client ids that are told apart once their producers have ended: an application may make one for each of its requests.
MOST_CLIENTS: Final = 200
OTHER_CLIENTS: Final = "__other__"


@final
class EndedCounters:
    """Those of all producers of this process, by client id; a forked child has none of its parent's."""

    def __init__(self) -> None:
        self.is_kept = False
        self._lock = threading.RLock()  # guards what follows; no producer takes it
        self._pid = os.getpid()
        self._clients: set[str] = set()
        self._samples: dict[str, Samples] = {}  # by family

    def keep(self, *, wanted: bool) -> None:
        """Keep them from now on, beginning at zero, or no longer."""
        self.is_kept = wanted
        self._forget()
        telemetry.keep_ended(wanted=wanted)

    def take(self) -> list[ProducerMetrics]:
        """Add what has ended since; return what the producers that have not count and measure."""
        if self._pid != os.getpid():
            self._forget()
        with self._lock:
            metrics = telemetry.take_metrics()
            self._add(metrics.ended)
            return list(metrics.running)

    def joined(self, family: MetricFamily, samples: Samples) -> Samples:
        """Return a family's samples with what has ended added."""
        with self._lock:
            return family.joined(samples, self._samples.get(family.name, {}))

    def _add(self, ended: Iterable[ProducerMetrics]) -> None:
        for one in ended:
            client = one.client_id
            if client not in self._clients and len(self._clients) >= MOST_CLIENTS:
                client = OTHER_CLIENTS
            self._clients.add(client)
            for family in _COUNTERS:
                before = self._samples.get(family.name, {})
                self._samples[family.name] = family.joined(before, family.samples([(client, one)]))

    def _forget(self) -> None:
        self._lock = threading.RLock()  # a parent's thread may have held it
        self._pid = os.getpid()
        self._clients = set()
        self._samples = {}
