"""The tracers: one that makes a span for each message, and one that only sends the context along.

Attributes follow OpenTelemetry's conventions for messaging and Kafka, as of 1.44:
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
"""

from __future__ import annotations

from typing import Any, Final, final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

from dekaf import __version__
from dekaf.contrib.opentelemetry.propagation import links_of, with_context
from dekaf.errors import DekafError
from dekaf.telemetry import Sleep, error_type, flush_before_exit_hooks
from dekaf.types import Headers, RecordMetadata

__all__ = ("PropagatingTracer", "SpanTracer")

SCOPE: Final = "dekaf"
SCHEMA: Final = "https://opentelemetry.io/schemas/1.44.0"
# For how long records are let through unasked while there is no SDK: one that comes later is found soon.
WITHOUT_SDK: Final = Sleep(0.1)

# What instrumentations set while they must not be traced themselves: exporters do. The API has the first alone.
_SUPPRESSED: Final = (
    getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
    "suppress_instrumentation",
)


@final
class PropagatingTracer:
    """Sends the context of the span that records, if there is one, in each message's headers."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._has_sdk = provider is not None
        self._quiet: Context | None = None  # one in which no span records, and none will: contexts do not change

    def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Headers | Sleep | None:  # a protocol's
        """Return the headers with the context."""
        context = otel_context.get_current()
        if context is self._quiet:
            return None
        span = trace.get_current_span(context)
        if span.is_recording():
            return None if _is_suppressed(context) else with_context(headers, span, context)
        if not self._has_sdk:
            self._has_sdk = _has_sdk()
            if not self._has_sdk:
                return WITHOUT_SDK
        self._quiet = context
        return None

    def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        """There is nothing to finish."""


@final
class SpanTracer:
    """Makes a span of kind PRODUCER for each message, from the call until its outcome is known.

    Args:
        provider: Makes the tracer; None: the global one, also if it is set later.
        message_keys: Show keys, as text, in the spans.
    """

    def __init__(self, provider: TracerProvider | None = None, *, message_keys: bool = False) -> None:
        self._tracer: Tracer | None = None if provider is None else _tracer_of(provider)
        self._message_keys: Final = message_keys

    def start(
        self, topic: str, key: Any, value: Any, headers: Headers
    ) -> tuple[Headers | None, object] | Headers | Sleep | None:
        """Begin a span, and return the headers with its context."""
        tracer = self._tracer
        if tracer is None:
            if not _has_sdk():
                return WITHOUT_SDK
            flush_before_exit_hooks()  # the provider's own is registered since it was made
            tracer = self._tracer = _tracer_of(trace.get_tracer_provider())
        context = otel_context.get_current()
        if _is_suppressed(context):
            return None
        span = tracer.start_span(
            f"send {topic}",
            context=context,
            kind=SpanKind.PRODUCER,
            attributes=self._attributes(topic, key, value),
            links=links_of(headers),
        )
        if not span.is_recording():
            return None
        return with_context(headers, span, context), span

    def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        """End the span."""
        span: Span = token
        if metadata is not None:
            span.set_attribute("messaging.destination.partition.id", str(metadata.partition))
            if metadata.has_offset:
                span.set_attribute("messaging.kafka.offset", metadata.offset)
        if error is not None:
            partition = getattr(error, "partition", None)
            if partition is not None:
                span.set_attribute("messaging.destination.partition.id", str(partition))
            span.set_attribute("error.type", error_type(error))
            # The texts of our own errors have neither keys nor values in them; others' may.
            span.set_status(Status(StatusCode.ERROR, str(error) if isinstance(error, DekafError) else None))
        span.end()

    def _attributes(self, topic: str, key: object, value: object) -> dict[str, str | bool]:
        attributes: dict[str, str | bool] = {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": topic,
        }
        if value is None:
            attributes["messaging.kafka.message.tombstone"] = True
        text = _key_text(key) if self._message_keys else None
        if text is not None:
            attributes["messaging.kafka.message.key"] = text
        return attributes


def _tracer_of(provider: TracerProvider) -> Tracer:
    return provider.get_tracer(SCOPE, __version__, schema_url=SCHEMA)


def _has_sdk() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _is_suppressed(context: Context) -> bool:
    return len(context) > 0 and any(context.get(key) for key in _SUPPRESSED)


def _key_text(key: object) -> str | None:
    """Return a key as text; None if it has no plain form."""
    if isinstance(key, bytes):
        try:
            return key.decode()
        except UnicodeDecodeError:
            return None
    return str(key) if isinstance(key, str | int) or type(key).__name__ == "UUID" else None
