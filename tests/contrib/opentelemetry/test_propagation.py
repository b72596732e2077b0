"""A span's context as headers: the same as through the application's propagator, whichever that is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import CarrierT, Setter, TextMapPropagator, default_setter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dekaf.contrib.opentelemetry.propagation import links_of, with_context
from dekaf.types import Headers

STATE = TraceState([("vendor", "1")])


class Shouting(TextMapPropagator):
    """What some company has instead."""

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        setter.set(carrier, "x-span", f"{trace.get_current_span(context).get_span_context().span_id:X}")

    def extract(self, carrier: object, context: Context | None = None, getter: object = None) -> Context:
        return Context()

    @property
    def fields(self) -> set[str]:
        return {"x-span"}


@pytest.fixture(autouse=True)
def _propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]))
    yield
    propagate.set_global_textmap(before)


@pytest.fixture
def span() -> Span:
    return TracerProvider().get_tracer("test").start_span("send t")


def _of_another_service(*, state: TraceState | None = None) -> Span:
    return NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1), trace_state=state))


def _through_the_propagator(span: Span, context: Context) -> Headers:
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span, context))
    return Headers(list(carrier.items()))


@pytest.mark.parametrize("state", [None, STATE], ids=["no state", "state"])
def test_the_default_propagators_text_is_written(state: TraceState | None) -> None:
    span = _of_another_service(state=state)

    written = with_context(Headers(), span, Context())

    assert written == _through_the_propagator(span, Context())
    assert written.get("traceparent") == b"00-00000000000000000000000000000abc-0000000000000def-01"


def test_baggage_goes_along(span: Span) -> None:
    context = baggage.set_baggage("tenant", "7")

    written = with_context(Headers(), span, context)

    assert written == _through_the_propagator(span, context)
    assert written.get("baggage") == b"tenant=7"


def test_a_span_without_a_valid_context_adds_nothing() -> None:
    assert with_context(Headers([("a", "b")]), INVALID_SPAN, Context()) == Headers([("a", "b")])


def test_the_callers_own_context_stays(span: Span) -> None:
    mine = Headers([("traceparent", "00-1-2-01"), ("tracestate", "mine=1")])

    assert with_context(mine, span, Context()) == mine
    assert with_context(mine, span, baggage.set_baggage("tenant", "7")) == mine.add("baggage", "tenant=7")


def test_the_callers_own_state_stays() -> None:
    written = with_context(Headers([("tracestate", "mine=1")]), _of_another_service(state=STATE), Context())

    assert written.get("tracestate") == b"mine=1"
    assert written.get("traceparent") is not None


@pytest.mark.parametrize(
    "propagator",
    [Shouting(), CompositePropagator([TraceContextTextMapPropagator(), Shouting()]), TraceContextTextMapPropagator()],
    ids=["another", "one more", "only the parent"],
)
def test_another_propagator_is_asked_also_when_it_is_set_later(span: Span, propagator: TextMapPropagator) -> None:
    with_context(Headers(), span, Context())

    propagate.set_global_textmap(propagator)

    assert with_context(Headers(), span, Context()) == _through_the_propagator(span, Context())


def test_a_context_among_the_headers_is_linked_to() -> None:
    there = with_context(Headers(), _of_another_service(), Context())

    (link,) = links_of(there) or []

    assert (link.context.trace_id, link.context.span_id) == (0xABC, 0xDEF)
    assert links_of(Headers()) is None
    assert links_of(Headers([("traceparent", "nonsense")])) is None
