"""Join sends to their outcomes, for the whole process: install a tracer that every producer asks.

Producers that were made before it was installed ask it, too, and forked children go on asking it. One that has a
``tracer`` of its own does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from dekaf._protocol.error_codes import name_of_error
from dekaf.abc import RecordEvent, RecordTracer, Sleep
from dekaf.errors import ConfigurationError
from dekaf.metrics import ProducerMetrics
from dekaf.producer._core import exit_hook
from dekaf.producer._core.closing import AFTER_DRAIN
from dekaf.producer._core.exit_hook import ENDED
from dekaf.producer._core.life import ProducerLife
from dekaf.producer._core.status import counted, measured
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
    "ProcessMetrics",
    "RecordEvent",
    "RecordTracer",
    "Sleep",
    "after_drain",
    "error_type",
    "flush_before_exit_hooks",
    "identity",
    "install",
    "installed",
    "keep_ended",
    "observe_batches",
    "take_metrics",
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


def identity(producer: Producer[Any, Any] | AsyncProducer[Any, Any]) -> int:
    """Return a number that views of one producer have in common, while it lives."""
    return id(producer._core)  # noqa: SLF001 # it is the same package's


def installed() -> RecordTracer | None:
    """Return the tracer that is installed; None: none is."""
    return PROCESS.tracer


def observe_batches(observe: Callable[[BatchOutcome], object] | None) -> None:
    """Have a function called once for each batch whose outcome is known, of every producer of the process.

    It runs on the producers' callback threads. What it raises is counted in `metrics()`, and logged once per producer.
    While it is 10,000 batches behind, further ones are left out.

    Args:
        observe: In place of the one before; None: none.
    """
    PROCESS_OBSERVER.observe = observe


class ProcessMetrics(NamedTuple):
    """What the producers of this process count and measure, wherever they were made.

    Attributes:
        running: Those that were used and have not ended.
        ended: Those that have ended since `take_metrics` was called before: their counters, for the last time.
    """

    running: tuple[ProducerMetrics, ...]
    ended: tuple[ProducerMetrics, ...]


def keep_ended(*, wanted: bool) -> None:
    """Keep what producers had counted when they ended, until `take_metrics` is called, of up to 1,000 producers."""
    ENDED.is_wanted = wanted
    ENDED.clear()


def take_metrics() -> ProcessMetrics:
    """Return what is counted and measured; each count of a producer that has ended is told once, to one caller."""
    begun = exit_hook.begun()  # first: one that ends meanwhile is in both, and told as ended
    ended = {id(one.statistics): one for one in ENDED.fetch()}
    running = [life for life in begun if id(life.statistics) not in ended]
    return ProcessMetrics(
        running=tuple(_measured(running)),
        ended=tuple(counted(one.client_id, one.statistics, one.connects) for one in ended.values()),
    )


def _measured(lives: Iterable[ProducerLife]) -> Iterator[ProducerMetrics]:
    for life in lives:
        engine = life.engine
        if engine is not None:
            yield measured(life.client_id, engine, engine.accumulator, life.statistics)


def after_drain(call: Callable[[], None]) -> None:
    """Have a function called whenever a producer was drained, and once more at the interpreter's exit.

    By then all has its outcome: to write metrics a last time, for one. Not every process lives to run exit hooks:
    uvicorn ends by the signal that it was sent, once it has closed the application.

    Args:
        call: It must not raise. It runs on the thread that has closed the producer.
    """
    AFTER_DRAIN.append(call)
    exit_hook.run_after_drain(call)


def flush_before_exit_hooks() -> None:
    """Have producers flushed, at the interpreter's exit, before what is registered with `atexit` by now is called.

    To be called once there is an exporter, whose own hook ends it: it then hears of the last outcomes, too.
    """
    exit_hook.flush_before_exit_hooks()


def error_type(error: BaseException) -> str:
    """Return Kafka's name of an error (``NOT_ENOUGH_REPLICAS``) where a broker answered with it, else its class's."""
    return name_of_error(error)
