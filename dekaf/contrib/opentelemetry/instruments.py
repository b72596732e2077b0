"""Metrics as observable instruments: read when they are collected, so that a message costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, final

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter_provider

from dekaf import __version__
from dekaf.contrib.opentelemetry.ended_counters import EndedCounters
from dekaf.metric_families import FAMILIES, Kind, MetricFamily
from dekaf.metrics import Histogram, ProducerMetrics
from dekaf.telemetry import BatchOutcome, error_type

__all__ = ("Durations", "Instruments", "Source")

# Returns the producers to be shown.
Source = Callable[[], Iterable[ProducerMetrics]]

_SCOPE: Final = "dekaf"
_SENT: Final = "messaging.client.sent.messages"
_OUTCOMES: Final = frozenset({"dekaf_records_delivered_total", "dekaf_records_failed_total"})  # which are its values
_ATTRIBUTES: Final = {"topic": "messaging.destination.name", "broker": "dekaf.broker.id", "error": "error.type"}


# Those that the conventions advise for messaging, in seconds.
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


@final
class Durations:
    """Records how long messages take, once per batch: OpenTelemetry has no histogram that is read when it is asked."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = (get_meter_provider() if provider is None else provider).get_meter(_SCOPE, __version__)
        self._histogram: Final = meter.create_histogram(
            "messaging.client.operation.duration",
            unit="s",
            description="From the call until the outcome was known: the age of each batch's oldest message.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )

    def observe(self, outcome: BatchOutcome) -> None:
        """Record a batch."""
        attributes = {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": outcome.topic,
        }
        if outcome.client_id is not None:
            attributes["messaging.client.id"] = outcome.client_id
        if outcome.error is not None:
            attributes["error.type"] = error_type(outcome.error)
        self._histogram.record(outcome.oldest_age, attributes)


@final
class Instruments:
    """Those of one meter provider. They cannot be taken back, so they are made once, and may be silent."""

    def __init__(self, provider: MeterProvider | None) -> None:
        self.provider: Final = provider  # None: the global one
        self._source: Source | None = None
        self._ended: EndedCounters | None = None
        meter = (get_meter_provider() if provider is None else provider).get_meter(_SCOPE, __version__)
        meter.create_observable_counter(
            _SENT, [self._sent], unit="{message}", description="Messages that were sent, or failed to be."
        )
        for family in FAMILIES:
            if family.kind in {Kind.COUNTER, Kind.GAUGE} and family.name not in _OUTCOMES:
                self._create(meter, family)

    def show(self, source: Source | None, ended: EndedCounters) -> None:
        """Show these producers from now on, with those that have ended in their counters; None: none."""
        self._source = source
        self._ended = ended

    def _create(self, meter: Meter, family: MetricFamily) -> None:
        name = f"dekaf.producer.{family.name.removeprefix('dekaf_').removesuffix('_total').removesuffix('_seconds')}"
        create = meter.create_observable_counter if family.kind is Kind.COUNTER else meter.create_observable_gauge

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return self._observed(family)

        create(name, [observe], unit=family.unit, description=family.description)

    def _observed(self, family: MetricFamily) -> list[Observation]:
        source = self._source
        if source is None:
            return []
        observations = []
        samples = family.samples((one.client_id, one) for one in source())
        if self._ended is not None and family.kind is Kind.COUNTER:
            samples = self._ended.joined(family, samples)
        for (producer, *labels), value in samples.items():
            assert not isinstance(value, Histogram)
            attributes = {_ATTRIBUTES[name]: label for name, label in zip(family.labels, labels, strict=True)}
            observations.append(Observation(value, {"messaging.client.id": producer, **attributes}))
        return observations

    def _sent(self, _: CallbackOptions) -> Iterable[Observation]:
        observations = []
        for family in FAMILIES:
            if family.name in _OUTCOMES:
                observations += self._observed(family)
        always = {"messaging.system": "kafka", "messaging.operation.name": "send"}
        return [Observation(one.value, {**always, **(one.attributes or {})}) for one in observations]
