"""Join sends to their outcomes, for the whole process: install a tracer that every producer asks.

Producers that were made before it was installed ask it, too, and forked children go on asking it. One that has a
``tracer`` of its own does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dekaf._protocol.error_codes import name_of_error
from dekaf.abc import RecordEvent, RecordTracer, Sleep
from dekaf.errors import ConfigurationError
from dekaf.metrics import ProducerMetrics
from dekaf.producer._core.exit_hook import run_after_drain, running
from dekaf.producer._core.status import measured
from dekaf.producer._core.tracing import PROCESS
from dekaf.producer._engine.batch_observer import PROCESS_OBSERVER
from dekaf.producer._waiting import record_trace
from dekaf.producer.async_producer import AsyncProducer
from dekaf.producer.options import to_tracer
from dekaf.producer.sync_producer import Producer
from dekaf.reports import BatchOutcome

__all__ = (
    "TOKEN_COST",
    "BatchOutcome",
    "RecordEvent",
    "RecordTracer",
    "Sleep",
    "after_drain",
    "error_type",
    "install",
    "installed",
    "observe_batches",
    "running_metrics",
    "uninstall",
)

TOKEN_COST: Final = int(record_trace.TOKEN_COST)  # bytes of `buffer_memory` that a token takes until it is finished


def install(tracer: RecordTracer, target: Producer[Any, Any] | AsyncProducer[Any, Any] | None = None) -> None:
    """Ask this tracer about each record, in place of the one that was installed before.

    What that one has started, it still finishes.

    Args:
        tracer: The object.
        target: The producer about whose records it is asked, views included; None: those of all producers.

    Raises:
        ConfigurationError: It has no such methods, or they are coroutines.
    """
    try:
        checked = to_tracer(tracer)
    except ValueError as error:
        fault = f"tracer: {error}"
        raise ConfigurationError(fault) from error
    if target is None:
        PROCESS.use(checked)
    else:
        target._core.use_tracer(checked)  # noqa: SLF001 # it is the same package's


def uninstall(
    tracer: RecordTracer | None = None, target: Producer[Any, Any] | AsyncProducer[Any, Any] | None = None
) -> None:
    """Ask no tracer any more.

    Args:
        tracer: Only if it is the one installed; None: whichever is. Of no meaning with a target.
        target: A producer, which asks the tracer of its configuration again, or else the process's.
    """
    if target is not None:
        target._core.use_tracer(None)  # noqa: SLF001 # it is the same package's
    elif tracer is None or PROCESS.tracer is tracer:
        PROCESS.use(None)


def installed() -> RecordTracer | None:
    """Return the tracer that is installed; None: none is."""
    return PROCESS.tracer


def observe_batches(observe: Callable[[BatchOutcome], object] | None) -> None:
    """Have a function called once for each batch whose outcome is known, of every producer of the process.

    It runs on the producers' callback threads. What it raises is counted in `metrics()`, and logged once per producer.

    Args:
        observe: In place of the one before; None: none.
    """
    PROCESS_OBSERVER.observe = observe


def running_metrics() -> tuple[ProducerMetrics, ...]:
    """Return what the producers of this process that are at work count and measure, wherever they were made."""
    found: list[ProducerMetrics] = []
    for life in running():
        engine = life.engine
        if engine is not None:
            found.append(measured(life.client_id, engine, engine.accumulator, life.statistics))
    return tuple(found)


def after_drain(call: Callable[[], None]) -> None:
    """Have a function called at the interpreter's exit, once all producers are drained: to write metrics a last time.

    Args:
        call: It must not raise.
    """
    run_after_drain(call)


def error_type(error: BaseException) -> str:
    """Return Kafka's name of an error (``NOT_ENOUGH_REPLICAS``) where a broker answered with it, else its class's."""
    return name_of_error(error)
