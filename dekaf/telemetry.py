"""Join sends to their outcomes, for the whole process: install a tracer that every producer asks.

Producers that were made before it was installed ask it, too, and forked children go on asking it. One that has a
``tracer`` of its own does not.
"""

from __future__ import annotations

from typing import Final

from dekaf._protocol.error_codes import name_of_error
from dekaf.abc import RecordEvent, RecordTracer, Sleep
from dekaf.errors import ConfigurationError
from dekaf.producer._core.tracing import PROCESS
from dekaf.producer._waiting import record_trace
from dekaf.producer.options import to_tracer

__all__ = ("TOKEN_COST", "RecordEvent", "RecordTracer", "Sleep", "error_type", "install", "installed", "uninstall")

TOKEN_COST: Final = int(record_trace.TOKEN_COST)  # bytes of `buffer_memory` that a token takes until it is finished


def install(tracer: RecordTracer) -> None:
    """Ask this tracer about each record, in place of the one that was installed before.

    What that one has started, it still finishes.

    Args:
        tracer: The object.

    Raises:
        ConfigurationError: It has no such methods, or they are coroutines.
    """
    try:
        checked = to_tracer(tracer)
    except ValueError as error:
        fault = f"tracer: {error}"
        raise ConfigurationError(fault) from error
    PROCESS.use(checked)


def uninstall(tracer: RecordTracer | None = None) -> None:
    """Ask no tracer any more; one that is given only if it is the one installed."""
    if tracer is None or PROCESS.tracer is tracer:
        PROCESS.use(None)


def installed() -> RecordTracer | None:
    """Return the tracer that is installed; None: none is."""
    return PROCESS.tracer


def error_type(error: BaseException) -> str:
    """Return Kafka's name of an error (``NOT_ENOUGH_REPLICAS``) where a broker answered with it, else its class's."""
    return name_of_error(error)
