"""What exporters do to a producer: nothing, also those that are dead, and those of a forked child's parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from dekaf import Producer
from dekaf.contrib.opentelemetry import instrument
from dekaf.testing import FakeCluster
from tests.contrib.opentelemetry.conftest import Telescope
from tests.contrib.opentelemetry.test_instrumentor import run


class Collector:
    """A small OTLP server, of which each request is kept."""

    def __init__(self) -> None:
        requests: list[ExportTraceServiceRequest] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.requests = requests
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def endpoint(self) -> str:
        """Where traces are sent."""
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> list[str]:
        """Return the names of all spans it was sent."""
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


class DeadExporter(SpanExporter):
    """Raises at every export."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ConnectionError("nobody listens")


def test_spans_arrive_at_a_collector(cluster: FakeCluster, telescope: Telescope, collector: Collector) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(collector.endpoint)))
    instrument(tracer_provider=provider, metrics=False)
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        for _ in range(3):
            producer.fire("orders", "1", "a")
    provider.shutdown()

    assert collector.spans() == ["send orders"] * 3


def test_dead_exporter_costs_no_message(cluster: FakeCluster, telescope: Telescope) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(DeadExporter()))
    instrument(tracer_provider=provider, metrics=False)
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        for _ in range(3):
            producer.produce("orders", "1", "a")

    assert len(cluster.log("orders")) == 3
    provider.shutdown()


FORKED = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from dekaf import Producer
from dekaf.contrib.opentelemetry import instrument
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
instrument()
producer = Producer(backend="memory")
producer.produce("orders", "1", "parent's")
producer.flush()
provider.force_flush()
exporter.clear()
pid = os.fork()
producer.produce("orders", "1", "own")
producer.close()
provider.force_flush()
print(len(exporter.get_finished_spans()), flush=True)
if pid:
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
else:
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_with_providers_that_the_parent_has_set() -> None:
    assert run(FORKED) == "1\n1\n"


AT_EXIT = """
from dekaf import Producer  # before the SDK's providers are made, as in most applications
from dekaf.testing import FakeCluster
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda span: f"span {span.name}\\n")))
trace.set_tracer_provider(provider)

def sent(data):
    found = [metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
    (sent,) = [metric for metric in found if metric.name == "messaging.client.sent.messages"]
    return f"sent {sent.data.data_points[0].value}\\n"

reader = PeriodicExportingMetricReader(ConsoleMetricExporter(formatter=sent), export_interval_millis=600_000)
metrics.set_meter_provider(MeterProvider([reader]))

from dekaf.contrib.opentelemetry import instrument
instrument()
cluster = FakeCluster(topics={"orders": 1}).start()
producer = Producer(bootstrap_servers=cluster.bootstrap_servers, linger_ms=15_000)
producer.fire("orders", "1", "a")
"""


def test_what_lingers_when_the_interpreter_exits_is_exported() -> None:
    assert sorted(run(AT_EXIT).splitlines()) == ["sent 1", "span send orders"]
