"""Switch traces and metrics on and off."""

from __future__ import annotations

import functools
import threading
from typing import Any, Final, Literal, NamedTuple, TypeAlias, final

from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider

from dekaf import AsyncProducer, Producer, ProducerRegistry, telemetry
from dekaf.contrib.opentelemetry.ended_counters import EndedCounters
from dekaf.contrib.opentelemetry.instruments import Durations, Instruments
from dekaf.contrib.opentelemetry.tracers import PropagatingTracer, SpanTracer
from dekaf.metrics import ProducerMetrics

__all__ = ("Spans", "Target", "instrument", "uninstrument")

Spans: TypeAlias = Literal["send", "propagate", "off"]
AnyProducer: TypeAlias = Producer[Any, Any] | AsyncProducer[Any, Any]
Target: TypeAlias = AnyProducer | ProducerRegistry
Tracing: TypeAlias = SpanTracer | PropagatingTracer


@final
class Shown(NamedTuple):
    """Whose metrics are shown where."""

    target: Target | None  # None: all of the process
    producers: frozenset[int]  # their identities
    where: Instruments


@final
class Instrumentation:
    """What is switched on in this process; one object, guarded by a lock."""

    def __init__(self) -> None:
        self.lock: Final = threading.RLock()
        self.tracer: Tracing | None = None  # the process's
        self.targets: list[AnyProducer] = []  # that have a tracer of their own
        self.instruments: list[Instruments] = []
        self.shown: list[Shown] = []
        self.ended: Final = EndedCounters()
        self.durations_by: tuple[Target | None] | None = None  # whose call switched them on

    def trace(self, target: Target | None, tracer: Tracing | None) -> None:
        """Have a target's messages traced; None: no longer."""
        if target is None:
            self._untrace_process()
            if tracer is not None:
                telemetry.install(tracer)
                self.tracer = tracer
            return
        for producer in _producers_of(target):
            self.targets = [one for one in self.targets if one is not producer]
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
        """Show a target's metrics through a provider, in place of where they were shown before."""
        producers = frozenset() if target is None else frozenset(map(telemetry.identity, _producers_of(target)))
        self._hide(target)
        self.shown.append(Shown(target, producers, self._instruments_of(provider)))
        self._show()

    def hide(self, target: Target | None) -> None:
        """Show a target's metrics no longer; None: those of any."""
        self._hide(target)
        self._show()

    def _hide(self, target: Target | None) -> None:
        self.shown = [] if target is None else [one for one in self.shown if one.target is not target]

    def _show(self) -> None:
        is_for_all = any(one.target is None for one in self.shown)
        if self.ended.is_kept != is_for_all:
            self.ended.keep(wanted=is_for_all)
        for instruments in self.instruments:
            shown = [one for one in self.shown if one.where is instruments]
            instruments.show(functools.partial(self._metrics_of, shown) if shown else None, self.ended)

    def _instruments_of(self, provider: MeterProvider | None) -> Instruments:
        if provider is get_meter_provider():
            provider = None  # also through the stand-in that it had before it was set
        for made in self.instruments:
            if made.provider is provider:
                return made
        made = Instruments(provider)
        self.instruments.append(made)
        return made

    def _metrics_of(self, shown: list[Shown]) -> list[ProducerMetrics]:
        """Return the metrics of targets at the moment, those of each producer once."""
        if any(one.target is None for one in shown):
            return self.ended.take()
        registries = [one for one in shown if isinstance(one.target, ProducerRegistry)]
        told = frozenset[int]().union(*[one.producers for one in registries])
        found: list[ProducerMetrics] = []
        for one in shown:
            if isinstance(one.target, ProducerRegistry):
                found.extend(one.target.metrics().values())
            elif one.target is not None and not one.producers <= told:
                found.append(one.target.metrics())
                told |= one.producers
        return found

    def record_durations(self, target: Target | None, provider: MeterProvider | None) -> None:
        """Record the durations of batches, of all producers."""
        telemetry.observe_batches(Durations(provider).observe)
        self.durations_by = (target,)

    def end_durations(self, target: Target | None) -> None:
        """Record them no longer, if the call for that target, or for all, has switched them on."""
        if self.durations_by is not None and (target is None or self.durations_by[0] is target):
            telemetry.observe_batches(None)
            self.durations_by = None

    def end(self) -> None:
        """Switch everything off."""
        self._untrace_process()
        for producer in self.targets:
            telemetry.uninstall(target=producer)
        self.targets.clear()
        self.end_durations(None)
        self.hide(None)


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
        TypeError: `target` is neither.
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
        else:
            _INSTRUMENTATION.hide(target)
        if metrics == "full":
            _INSTRUMENTATION.record_durations(target, meter_provider)
        else:
            _INSTRUMENTATION.end_durations(target)
    telemetry.flush_before_exit_hooks()


def uninstrument() -> None:
    """Neither trace nor measure any more, whatever was instrumented; open spans still end with their messages."""
    with _INSTRUMENTATION.lock:
        _INSTRUMENTATION.end()


def _producers_of(target: Target) -> list[AnyProducer]:
    """Return the producers of a target; doubles of tests have nothing to be traced.

    Raises:
        TypeError: It is nothing that has producers.
    """
    if isinstance(target, ProducerRegistry):
        made: list[object] = [target.async_producer(alias) for alias in target.aliases]
        return [one for one in made if isinstance(one, Producer | AsyncProducer)]
    given: object = target
    if isinstance(given, Producer | AsyncProducer):
        return [given]
    fault = f"producers and registries are instrumented, not {type(target).__name__}; without it, all of the process"
    raise TypeError(fault)
