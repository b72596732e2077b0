"""Traces and metrics through OpenTelemetry: spans that end with the acknowledgement, and context in the headers.

It needs ``opentelemetry-api`` alone: without an SDK, or a span that records, nothing happens.
"""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("opentelemetry", "opentelemetry"):
    from dekaf.contrib.opentelemetry.instrumentation import Spans, Target, instrument, uninstrument
    from dekaf.contrib.opentelemetry.instrumentor import DekafInstrumentor

__all__ = ("DekafInstrumentor", "Spans", "Target", "instrument", "uninstrument")
