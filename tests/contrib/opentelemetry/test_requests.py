"""One trace from a request over the message to its consumer: FastAPI and Django."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from dekaf.contrib.django import get_producer
from dekaf.contrib.django.producers import discard_producers
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan
from dekaf.contrib.opentelemetry import instrument
from dekaf.testing import FakeCluster
from tests.contrib.opentelemetry.conftest import Telescope
from tests.contrib.opentelemetry.test_spans import eventually


@pytest.fixture
def instrumented(telescope: Telescope) -> Telescope:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    return telescope


def consume(cluster: FakeCluster, telescope: Telescope) -> ReadableSpan:
    """Do what an instrumented consumer does with a record, and return its span."""
    (record,) = cluster.wait_for_records("orders", 1)
    carrier = {name: (value or b"").decode() for name, value in record.headers}
    with telescope.tracer.start_as_current_span(
        "process orders", context=propagate.extract(carrier), kind=SpanKind.CONSUMER
    ) as span:
        pass
    assert isinstance(span, ReadableSpan)
    return span


def assert_one_trace(request: trace.SpanContext, send: ReadableSpan, consumed: ReadableSpan) -> None:
    assert send.parent is not None
    assert consumed.parent is not None
    assert send.context is not None
    assert send.parent.span_id == request.span_id
    assert consumed.parent.span_id == send.context.span_id
    assert consumed.parent.trace_id == request.trace_id


def test_request_of_fastapi(cluster: FakeCluster, instrumented: Telescope) -> None:
    app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": cluster.bootstrap_servers, "linger_ms": 50}))
    requests: list[trace.SpanContext] = []

    @app.post("/orders")
    async def order(producer: ProducerDep) -> None:
        with instrumented.tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER) as span:
            requests.append(span.get_span_context())
            producer.fire("orders", "42", "paid")  # it lingers: the answer is out before it is sent

    with TestClient(app) as client:
        assert client.post("/orders").status_code == 200
        consumed = consume(cluster, instrumented)
        eventually(instrumented.sends)

    assert_one_trace(requests[0], instrumented.sends()[0], consumed)


def place_order(request: HttpRequest) -> HttpResponse:
    with request.META["tests.tracer"].start_as_current_span("POST /orders", kind=SpanKind.SERVER) as span:
        get_producer().fire("orders", "42", "paid")  # it lingers, too
        return HttpResponse(f"{span.get_span_context().span_id} {span.get_span_context().trace_id}")


urlpatterns = [path("orders", place_order)]


def test_request_of_django(cluster: FakeCluster, instrumented: Telescope) -> None:
    options = {"bootstrap_servers": cluster.bootstrap_servers, "linger_ms": 50}
    with override_settings(DEKAF=options, ROOT_URLCONF=__name__):
        answer = Client().post("/orders", **{"tests.tracer": instrumented.tracer})
        consumed = consume(cluster, instrumented)
        eventually(instrumented.sends)
        discard_producers()

    span_id, trace_id = map(int, answer.content.split())
    request = trace.SpanContext(trace_id, span_id, is_remote=False)
    assert_one_trace(request, instrumented.sends()[0], consumed)
