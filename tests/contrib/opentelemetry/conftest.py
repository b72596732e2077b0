"""An SDK whose exporters keep everything in memory, and producers of a fake cluster."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import django
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from dekaf.contrib.opentelemetry import uninstrument
from dekaf.testing import FakeCluster

with warnings.catch_warnings():
    # Starlette's client prefers a fork of httpx from some version on, and says so when it is imported.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401 # here first, so that no test is blamed for it

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.contrib.django.settings")
django.setup()


class Telescope:
    """An SDK, and what it has exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader])
        self.tracer = self.tracer_provider.get_tracer("tests")

    def sends(self) -> list[ReadableSpan]:
        """Return the spans of messages that have ended."""
        return [span for span in self._exporter.get_finished_spans() if span.kind is SpanKind.PRODUCER]

    def values(self, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
        """Return the values of a metric by its attributes."""
        data = self._reader.get_metrics_data()
        found: dict[tuple[tuple[str, Any], ...], float] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name != name:
                        continue
                    for point in metric.data.data_points:
                        place = tuple(sorted((point.attributes or {}).items()))
                        assert place not in found, "observed twice"
                        found[place] = point.count if isinstance(point, HistogramDataPoint) else point.value  # type: ignore[union-attr] # nor is any exponential
        return found

    def histograms(self, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
        """Return how often a histogram was recorded, by its attributes."""
        return self.values(name)

    def close(self) -> None:
        """End the SDK."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


@pytest.fixture
def telescope() -> Iterator[Telescope]:
    telescope = Telescope()
    yield telescope
    uninstrument()
    telescope.close()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster
