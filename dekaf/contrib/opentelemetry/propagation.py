"""The context of a span as headers, by the propagator that the application has set."""

from __future__ import annotations

from typing import Final, NamedTuple

from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Link, Span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dekaf.types import Headers

__all__ = ("links_of", "with_context")

_PARENT: Final = "traceparent"
_STATE: Final = "tracestate"
_OF_PARENT: Final = frozenset({_PARENT, _STATE})
# The default pair. Through their interface they take two thirds of what a span does, mostly to look up what is at hand.
_W3C: Final = (TraceContextTextMapPropagator, W3CBaggagePropagator)


class _Judged(NamedTuple):
    """A propagator, and whether it is the default pair."""

    propagator: TextMapPropagator | None
    is_w3c: bool


_judged = [_Judged(None, is_w3c=False)]  # the application's


def with_context(headers: Headers, span: Span, context: Context) -> Headers:
    """Return the headers with the context of a span; what the caller has put there stays.

    Args:
        headers: Those given.
        span: One that records.
        context: The current one; its baggage goes along.
    """
    if _is_w3c(propagate.get_global_textmap()) and not (context and baggage.get_all(context)):
        return headers if headers.get(_PARENT) is not None else _with_parent(headers, span)
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span, context))
    has_parent = headers.get(_PARENT) is not None
    for name, value in carrier.items():
        if has_parent and name in _OF_PARENT:
            continue  # the caller's context is where the message was created
        if headers.get(name) is None:
            headers = headers.add(name, value)
    return headers


def links_of(headers: Headers) -> list[Link] | None:
    """Return a link to the context that the caller has put into the headers, if there is one."""
    if not headers or headers.get(_PARENT) is None:
        return None
    carrier = {name: value.decode("latin-1") for name, value in headers if value is not None}
    created = trace.get_current_span(propagate.extract(carrier, Context())).get_span_context()
    return [Link(created)] if created.is_valid else None


def _with_parent(headers: Headers, span: Span) -> Headers:
    """Return the headers with what W3C's recommendation says of a span (https://www.w3.org/TR/trace-context/)."""
    own = span.get_span_context()
    if not own.is_valid:
        return headers
    headers = headers.add(_PARENT, f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}")
    if own.trace_state and headers.get(_STATE) is None:
        headers = headers.add(_STATE, own.trace_state.to_header())
    return headers


def _is_w3c(propagator: TextMapPropagator) -> bool:
    judged = _judged[0]
    if judged.propagator is not propagator:
        # Its parts have no public name; without them it is asked through its interface, like any other.
        parts = getattr(propagator, "_propagators", ()) if type(propagator) is CompositePropagator else ()
        judged = _judged[0] = _Judged(propagator, is_w3c=tuple(map(type, parts)) == _W3C)
    return judged.is_w3c
