"""What the probes of an orchestrator are answered: whether a process lives, may be sent requests, and has started.

Unless told otherwise all of it is taken from ``status()``: nothing asks Kafka, blocks or raises. Where Kafka is asked,
one probe at a time does it and the others take the last answer, so that no number of probes becomes a load.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, final

from dekaf.errors import ConfigurationError, DekafError
from dekaf.health import MAX_BUFFER, Health, HealthReport, producer_health, worst
from dekaf.process_lock import ProcessLock
from dekaf.producer import AsyncProducer, Producer
from dekaf.registry import DEFAULT_ALIAS, ProducerRegistry

__all__ = ("CHECK_TIMEOUT", "ProbeAnswer", "Probes")

CHECK_TIMEOUT: Final = 0.8  # seconds; Kubernetes gives a probe one, unless told otherwise
KEPT: Final = 5.0  # seconds for which an answer of Kafka's stands
KEPT_REFUSAL: Final = 1.0  # seconds for which it stands that there was none

OK: Final = 200
UNAVAILABLE: Final = 503

_NOT_ASKED: Final = "Kafka is being asked for the first time."
_NO_ANSWER: Final = "No broker answers."
_NO_TOPICS: Final = "Kafka does not answer, or a topic does not exist."


@final
@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answer to one probe.

    Args:
        status: 200 or 503.
        body: What JSON takes; without addresses, topics and texts of errors unless they were asked for.
    """

    status: int
    body: dict[str, Any]


@final
class _Question:
    """Something to ask Kafka, by one probe at a time."""

    def __init__(self, refusal: str, kept: float) -> None:
        self.fault: str | None = _NOT_ASKED  # None: the answer was good
        self.error: str | None = None  # what was raised: it may name addresses and topics
        self._refusal: Final = refusal
        self._kept: Final = kept
        self._lock: Final = ProcessLock()  # guards what follows
        self._asked_by = 0  # the process in which a probe asks just now: a fork may come between; 0: none does
        self._not_before = 0.0  # monotonic seconds

    def is_due(self) -> bool:
        """Return whether the caller shall ask, within `asking`."""
        with self._lock:
            if self._asked_by == os.getpid() or monotonic() < self._not_before:
                return False
            self._asked_by = os.getpid()
            return True

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Note what comes of it: no DekafError, or one, which ends here; a probe that is cancelled has no answer."""
        is_good = False
        self.error = None
        try:
            yield
            is_good = True
        except DekafError as error:
            self.error = str(error)
        finally:
            with self._lock:
                self._asked_by = 0
                self.fault = None if is_good else self._refusal
                self._not_before = monotonic() + (self._kept if is_good else KEPT_REFUSAL)


@final
class Probes:
    """The answers about the producers of one process. May be asked by any thread and any event loop.

    Args:
        aliases: Which producers; default: all that are configured.
        require_kafka: Whether a process is ready only while a broker answers. All processes become unready at once
            when Kafka is away, and requests that need no Kafka find no server any more.
        topics: What has to exist before the process has started: topics of the producer `default`, or by alias.
        details: Whether bodies have what ``status()`` says, with addresses and texts of errors.
        max_buffer: The part of ``buffer_memory``, 0.0 to 1.0, from which on a buffer counts as full.
        timeout: Seconds that Kafka has to answer, whatever is asked; default 0.8.

    Raises:
        ConfigurationError: `topics` or `aliases` is a single text.
    """

    def __init__(
        self,
        *,
        aliases: Iterable[str] | None = None,
        require_kafka: bool = False,
        topics: Iterable[str] | Mapping[str, Iterable[str]] = (),
        details: bool = False,
        max_buffer: float = MAX_BUFFER,
        timeout: float = CHECK_TIMEOUT,
    ) -> None:
        self._aliases: Final = None if aliases is None else _names("aliases", aliases)
        self._require_kafka: Final = require_kafka
        self._topics: Final = _by_alias(topics)
        self._details: Final = details
        self._max_buffer: Final = max_buffer
        self._timeout: Final = timeout
        self._kafka: Final = _Question(_NO_ANSWER, KEPT)
        self._start: Final = _Question(_NO_TOPICS, float("inf"))  # what has started has started

    def live(self, registry: ProducerRegistry) -> ProbeAnswer:
        """Answer a liveness probe: 503 only where nothing but a new process helps. Never asks Kafka."""
        reports = self._reports(registry)
        return self._answer(reports, [], is_good=all(report.is_live for report in reports.values()))

    def ready(self, registry: ProducerRegistry) -> ProbeAnswer:
        """Answer a readiness probe on a thread that may wait: where Kafka is required, for what it says."""
        if self._require_kafka and self._kafka.is_due():
            with self._kafka.asking():
                self._ask_kafka(registry)
        return self._ready(registry)

    async def aready(self, registry: ProducerRegistry) -> ProbeAnswer:
        """Answer a readiness probe on an event loop; otherwise as `ready`."""
        if self._require_kafka and self._kafka.is_due():
            with self._kafka.asking():
                await self._ask_kafka_async(registry)
        return self._ready(registry)

    def started(self, registry: ProducerRegistry) -> ProbeAnswer:
        """Answer a start-up probe on a thread that may wait: 200 once the topics were seen; at once without any.

        Raises:
            ConfigurationError: `topics` names an alias that is not configured.
        """
        self._check_aliases(registry)
        if self._topics and self._start.is_due():
            with self._start.asking():
                self._ask_for_topics(registry)
        return self._started(registry)

    async def astarted(self, registry: ProducerRegistry) -> ProbeAnswer:
        """Answer a start-up probe on an event loop; otherwise as `started`."""
        self._check_aliases(registry)
        if self._topics and self._start.is_due():
            with self._start.asking():
                await self._ask_for_topics_async(registry)
        return self._started(registry)

    # What is answered.

    def _ready(self, registry: ProducerRegistry) -> ProbeAnswer:
        reports = self._reports(registry)
        faults = self._faults_of(self._kafka) if self._require_kafka else []
        is_good = not faults and all(report.is_ready for report in reports.values())
        return self._answer(reports, faults, is_good=is_good)

    def _started(self, registry: ProducerRegistry) -> ProbeAnswer:
        faults = self._faults_of(self._start) if self._topics else []
        return self._answer(self._reports(registry), faults, is_good=not faults)

    def _faults_of(self, question: _Question) -> list[str]:
        said = [question.fault, question.error if self._details else None]
        return [text for text in said if text] if question.fault else []

    def _answer(self, reports: dict[str, HealthReport], faults: list[str], *, is_good: bool) -> ProbeAnswer:
        health = Health.DOWN if faults else worst(list(reports.values()))
        producers = {alias: report.as_dict(details=self._details) for alias, report in reports.items()}
        body = {"status": health.value, "reasons": faults, "producers": producers}
        return ProbeAnswer(OK if is_good else UNAVAILABLE, body)

    def _reports(self, registry: ProducerRegistry) -> dict[str, HealthReport]:
        if registry.is_closed:
            return dict.fromkeys(self._which(registry), _CLOSED)
        return {alias: self._report(registry, alias) for alias in self._which(registry)}

    def _which(self, registry: ProducerRegistry) -> tuple[str, ...]:
        return registry.aliases if self._aliases is None else self._aliases

    def _report(self, registry: ProducerRegistry, alias: str) -> HealthReport:
        producer: object = registry.producer(alias)
        if not isinstance(producer, Producer):  # a double of a test, of which nothing is known
            return _of_no_kafka("A double is in its place.")
        report = producer_health(producer, max_buffer=self._max_buffer)
        backend = registry.config(alias).backend
        if backend == "kafka" or report.reasons:
            return report
        return _of_no_kafka(f"backend={backend!r}: nothing is sent to Kafka.", report.details)

    # What Kafka is asked.

    def _ask_kafka(self, registry: ProducerRegistry) -> None:
        until = monotonic() + self._timeout
        for alias in self._asked(registry):
            registry.producer(alias).check(_left(until))

    async def _ask_kafka_async(self, registry: ProducerRegistry) -> None:
        until = monotonic() + self._timeout
        for alias in self._asked(registry):
            await registry.async_producer(alias).check(_left(until))

    def _ask_for_topics(self, registry: ProducerRegistry) -> None:
        until = monotonic() + self._timeout
        for alias, topics in self._topics.items():
            producer: object = registry.producer(alias)
            if isinstance(producer, Producer):  # and no double of a test
                producer.check(_left(until))
                for topic in topics:
                    producer.partitions_for(topic, timeout=_left(until))

    async def _ask_for_topics_async(self, registry: ProducerRegistry) -> None:
        until = monotonic() + self._timeout
        for alias, topics in self._topics.items():
            producer: object = registry.async_producer(alias)
            if isinstance(producer, AsyncProducer):
                await producer.check(_left(until))
                for topic in topics:
                    await producer.partitions_for(topic, timeout=_left(until))

    def _check_aliases(self, registry: ProducerRegistry) -> None:
        """Raise what is wrong with the aliases of `topics`: no time would mend that."""
        for alias in () if registry.is_closed else self._topics:
            registry.producer(alias)

    def _asked(self, registry: ProducerRegistry) -> Iterator[str]:
        for alias in self._which(registry):
            producer: object = registry.async_producer(alias)
            if isinstance(producer, AsyncProducer) and registry.config(alias).backend == "kafka":
                yield alias


def _left(until: float) -> float:
    return max(0.0, until - monotonic())


def _of_no_kafka(reason: str, details: dict[str, Any] | None = None) -> HealthReport:
    return HealthReport(
        health=Health.UP, reasons=(reason,), is_live=True, buffer_used=0.0, details=details if details else {}
    )


# The application closes: new requests belong elsewhere, and what is still under way is no reason to kill the process.
_CLOSED: Final = HealthReport(
    health=Health.DOWN,
    reasons=("The producers are closed: this process ends.",),
    is_live=True,
    buffer_used=0.0,
    details={},
)


def _by_alias(topics: Iterable[str] | Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    by_alias = topics if isinstance(topics, Mapping) else {DEFAULT_ALIAS: topics}
    named = {alias: _names("topics", names) for alias, names in by_alias.items()}
    return {alias: names for alias, names in named.items() if names}


def _names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ConfigurationError(f"{option} must be a list such as [{names!r}], not a single text.")
    return tuple(names)
