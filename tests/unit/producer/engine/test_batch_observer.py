"""Who hears of each batch whose outcome is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dekaf import Producer, telemetry
from dekaf.errors import ProduceError
from dekaf.producer._engine.batch_observer import PROCESS_OBSERVER, BatchObserver
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.telemetry import BatchOutcome

ERROR = ProduceError("refused", topic="t")


@pytest.fixture(autouse=True)
def nothing_stays_installed() -> Iterator[None]:
    yield
    telemetry.observe_batches(None)


def test_nobody_hears_at_first() -> None:
    assert BatchObserver().observe is None


def test_outcomes_are_told_where_callbacks_run() -> None:
    heard: list[BatchOutcome] = []
    jobs: list[Callable[[], None]] = []
    statistics = ProducerStatistics(lambda: 100.0, client_id="shop")
    statistics.post = jobs.append
    telemetry.observe_batches(heard.append)

    statistics.look_at_clock()
    statistics.record_delivered("t", 7, 99.5)
    statistics.record_failed(2, ERROR, 98.0)
    assert heard == []
    for job in jobs:
        job()

    assert heard == [
        BatchOutcome(client_id="shop", topic="t", records=7, oldest_age=0.5),
        BatchOutcome(client_id="shop", topic="t", records=2, oldest_age=2.0, error=ERROR),
    ]


def test_observer_that_raises_is_counted_and_costs_nothing() -> None:
    def broken(_: BatchOutcome) -> None:
        raise ValueError("on purpose")

    telemetry.observe_batches(broken)
    with Producer(backend="memory") as producer:
        producer.produce("t", "1", "a")
        producer.flush()

        assert producer.metrics().hook_failures_total == 1
        assert producer.metrics().records_delivered_total == 1
    assert PROCESS_OBSERVER.observe is broken
