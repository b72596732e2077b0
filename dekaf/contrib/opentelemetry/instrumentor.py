"""The entry point for ``opentelemetry-instrument``: traces without a line of code."""

from __future__ import annotations

import logging
import os
from typing import Any, Final, final

from dekaf.contrib.opentelemetry.instrumentation import instrument, uninstrument

__all__ = ("SPANS_VARIABLE", "DekafInstrumentor")

# `send`, `propagate` or `off`; without it the context is propagated, which costs next to nothing.
SPANS_VARIABLE: Final = "OTEL_PYTHON_DEKAF_SPANS"

logger = logging.getLogger("dekaf.contrib.opentelemetry")


@final
class DekafInstrumentor:
    """What the entry point group ``opentelemetry_instrumentor`` expects, without its base class; it never raises."""

    def instrument(self, **kwargs: Any) -> None:
        """Instrument all producers of the process; what is not an argument of `instrument` is passed over.

        Args:
            kwargs: Those of `dekaf.contrib.opentelemetry.instrument`, and the auto-instrumentation's own, such as
                ``skip_dep_check``.
        """
        known = {"target", "spans", "metrics", "message_keys", "tracer_provider", "meter_provider"}
        options = {name: value for name, value in kwargs.items() if name in known}
        options.setdefault("spans", os.environ.get(SPANS_VARIABLE, "").strip().lower() or "propagate")
        try:
            instrument(**options)
        except Exception as error:  # an application must start without its traces, too
            facts = {"dekaf_error": type(error).__name__}
            logger.warning("dekaf is not instrumented: %r. Look at %s", error, SPANS_VARIABLE, extra=facts)

    def uninstrument(self, **_: Any) -> None:
        """Take it back."""
        try:
            uninstrument()
        except Exception as error:
            logger.warning("dekaf is still instrumented: %r", error, extra={"dekaf_error": type(error).__name__})
