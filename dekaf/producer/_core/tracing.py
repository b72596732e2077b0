"""Which tracer is asked about records: the process's, or a producer's own."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from dekaf.abc import RecordTracer

NEVER_MS: Final = 1 << 62  # milliseconds


@final
class Tracing:
    """A tracer, and when it wants to be asked again."""

    def __init__(self, tracer: RecordTracer | None) -> None:
        self.tracer: RecordTracer | None = None
        # Milliseconds since 1970. Callers compare it once per record: without a tracer, that is all there is to it.
        self.wakes_at: i64 = NEVER_MS
        self.use(tracer)

    def use(self, tracer: RecordTracer | None) -> None:
        """Ask this tracer from now on; None: none."""
        self.wakes_at = NEVER_MS
        self.tracer = tracer
        if tracer is not None:
            self.wakes_at = 0

    def sleep(self, tracer: RecordTracer, until: i64) -> None:
        """Ask a tracer again at that time; on any thread, so another one may be installed by now."""
        if self.tracer is tracer:
            self.wakes_at = until


PROCESS: Final = Tracing(None)
