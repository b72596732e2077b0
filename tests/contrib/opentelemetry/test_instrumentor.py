"""Instrumentation without a line of code, and what there is without an SDK: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from dekaf import telemetry
from dekaf.contrib.opentelemetry import DekafInstrumentor
from dekaf.contrib.opentelemetry.tracers import PropagatingTracer, SpanTracer
from tests.contrib.opentelemetry.conftest import Telescope


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="opentelemetry_instrumentor", name="dekaf")

    assert found.load() is DekafInstrumentor


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("", PropagatingTracer), ("propagate", PropagatingTracer), ("Send", SpanTracer), ("off", type(None))],
)
def test_zero_code_propagates_unless_the_environment_says_otherwise(
    telescope: Telescope, monkeypatch: pytest.MonkeyPatch, variable: str, expected: type
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DEKAF_SPANS", variable)
    instrumentor = DekafInstrumentor()

    instrumentor.instrument(
        skip_dep_check=True, raise_exception_on_conflict=True, meter_provider=telescope.meter_provider
    )

    assert type(telemetry.installed()) is expected
    instrumentor.uninstrument(skip_dep_check=True)
    assert telemetry.installed() is None


def test_it_never_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DEKAF_SPANS", "everything")

    DekafInstrumentor().instrument()

    assert telemetry.installed() is None
    assert "not 'everything'" in caplog.text


WITHOUT_SDK = """
import sys
from dekaf import Producer
assert "opentelemetry" not in sys.modules
from dekaf.contrib.opentelemetry import instrument
instrument(spans={spans!r})
with Producer(backend="memory") as producer:
    for _ in range(3):
        producer.produce("orders", "1", "a")
    assert [len(message.headers) for message in producer.produced.messages] == [0, 0, 0]
assert "opentelemetry.sdk" not in sys.modules
"""


@pytest.mark.parametrize("spans", ["send", "propagate"])
def test_without_an_sdk_nothing_happens(spans: str) -> None:
    run(WITHOUT_SDK.format(spans=spans))


LATE_SDK = """
from time import monotonic
from dekaf import Producer
from dekaf.contrib.opentelemetry import instrument
from opentelemetry import trace, metrics
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
instrument()
exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
with Producer(backend="memory") as producer:
    producer.produce("orders", "1", "before")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    instrument()
    until = monotonic() + 10
    while not exporter.get_finished_spans() and monotonic() < until:
        producer.produce("orders", "1", "after")
        producer.flush()
    names = [m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
print(exporter.get_finished_spans()[0].name, names.count("messaging.client.sent.messages"))
"""


def test_providers_that_are_set_later_are_found() -> None:
    assert run(LATE_SDK) == "send orders 1\n"
