"""Switch traces and metrics on and off."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias, final

from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider

from dekaf import AsyncProducer, Producer, ProducerRegistry, telemetry
from dekaf.contrib.opentelemetry.instruments import Durations, Instruments
from dekaf.contrib.opentelemetry.tracers import PropagatingTracer, SpanTracer
from dekaf.metrics import ProducerMetrics

__all__ = ("Spans", "Target", "instrument", "uninstrument")

Spans: TypeAlias = Literal["send", "propagate", "off"]
Target: TypeAlias = Producer[Any, Any] | AsyncProducer[Any, Any] | ProducerRegistry
Tracing: TypeAlias = SpanTracer | PropagatingTracer


@final
class Instrumentation:
    """What is switched on in this process; one object, guarded by a lock."""

    def __init__(self) -> None:
        self.lock: Final = threading.RLock()
        self.tracer: Tracing | None = None  # the process's
        self.targets: list[Producer[Any, Any] | AsyncProducer[Any, Any]] = []
        self.instruments: list[Instruments] = []

    def trace(self, target: Target | None, tracer: Tracing | None) -> None:
        """Have a target's messages traced; None: no longer."""
        if target is None:
            self._untrace_process()
            if tracer is not None:
                telemetry.install(tracer)
                self.tracer = tracer
            return
        for producer in _producers_of(target):
            if tracer is None:
                telemetry.uninstall(target=producer)
            else:
                telemetry.install(tracer, producer)
                self.targets.append(producer)

    def _untrace_process(self) -> None:
        if self.tracer is not None:
            telemetry.uninstall(self.tracer)
            self.tracer = None

    def measure(self, target: Target | None, provider: MeterProvider | None) -> None:
        """Show a target's metrics through a provider, in place of what it showed before."""
        if provider is get_meter_provider():
            provider = None  # also through the stand-in that it had before it was set
        for made in self.instruments:
            if made.provider is provider:
                break
        else:
            made = Instruments(provider)
            self.instruments.append(made)
        made.show(functools.partial(_metrics_of, target))

    def end(self) -> None:
        """Switch everything off."""
        self._untrace_process()
        for producer in self.targets:
            telemetry.uninstall(target=producer)
        self.targets.clear()
        telemetry.observe_batches(None)
        for instruments in self.instruments:
            instruments.show(None)


_INSTRUMENTATION: Final = Instrumentation()


def instrument(  # options, all by keyword
    target: Target | None = None,
    *,
    spans: Spans = "send",
    metrics: bool | Literal["full"] = True,
    message_keys: bool = False,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Trace and measure, through OpenTelemetry. To do it again replaces what was before: nothing is doubled.

    Args:
        target: A producer, or a registry: all that it has. None: every producer of the process, also those made before.
        spans: ``send``: a span for each message, from the call until the brokers' acknowledgement, whose context goes
            into the headers. ``propagate``: only the context of the span that is current. ``off``: neither.
        metrics: Show what `metrics()` tells, as observable instruments. ``full``: and record the histogram
            `messaging.client.operation.duration`, once per batch, as the age of its oldest message; of all producers,
            whatever the target is.
        message_keys: Show keys in spans; they may be personal data.
        tracer_provider: Default: the global one, also if it is set later.
        meter_provider: The same.

    Raises:
        ValueError: `spans` is none of these.
    """
    if spans not in {"send", "propagate", "off"}:
        fault = f"spans must be 'send', 'propagate' or 'off', not {spans!r}"
        raise ValueError(fault)
    tracer: Tracing | None = None
    if spans == "send":
        tracer = SpanTracer(tracer_provider, message_keys=message_keys)
    elif spans == "propagate":
        tracer = PropagatingTracer(tracer_provider)
    with _INSTRUMENTATION.lock:
        _INSTRUMENTATION.trace(target, tracer)
        if metrics:
            _INSTRUMENTATION.measure(target, meter_provider)
        if metrics == "full":
            telemetry.observe_batches(Durations(meter_provider).observe)


def uninstrument() -> None:
    """Neither trace nor measure any more, whatever was instrumented; open spans still end with their messages."""
    with _INSTRUMENTATION.lock:
        _INSTRUMENTATION.end()


def _producers_of(target: Target) -> list[Producer[Any, Any] | AsyncProducer[Any, Any]]:
    if isinstance(target, ProducerRegistry):
        return [target.async_producer(alias) for alias in target.aliases]
    return [target]


def _metrics_of(target: Target | None) -> Iterable[tuple[str, ProducerMetrics]]:
    """Return the metrics of a target at the moment, by client id."""
    if target is None:
        found: Iterable[ProducerMetrics] = telemetry.running_metrics()
    elif isinstance(target, ProducerRegistry):
        found = target.metrics().values()
    else:
        found = (target.metrics(),)
    return [(one.client_id, one) for one in found]
