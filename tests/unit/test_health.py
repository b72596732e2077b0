"""How a producer is, by what its status says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dekaf import AsyncProducer, Producer
from dekaf.health import Health, producer_health, worst
from dekaf.types import ProducerState, ProducerStatus

NOWHERE = "localhost:1"


def status(**changes: object) -> ProducerStatus:
    with Producer(backend="memory") as producer:
        plain = producer.status()
    return replace(plain, **{"state": ProducerState.RUNNING, "buffer_memory": 1_000, **changes})  # type: ignore[arg-type]


class Stub:
    """A producer of which only the status matters."""

    def __init__(self, given: ProducerStatus) -> None:
        self._given = given

    def status(self) -> ProducerStatus:
        return self._given


def health_of(**changes: object) -> Health:
    return producer_health(Stub(status(**changes))).health


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Health.UP),
        ({"state": ProducerState.IDLE}, Health.UP),
        ({"connected_brokers": 0}, Health.UP),  # idle connections are closed: it says nothing
        ({"unavailable_for": 0.0}, Health.DEGRADED),
        ({"unavailable_for": 3600.0}, Health.DEGRADED),  # for all processes at once: no reason to stop serving
        ({"buffered_bytes": 899}, Health.UP),
        ({"buffered_bytes": 900}, Health.DEGRADED),
        ({"buffered_bytes": 899, "waiting_for_space": 5}, Health.UP),
        ({"buffered_bytes": 900, "waiting_for_space": 1}, Health.DOWN),
        ({"unavailable_for": 9.0, "buffered_bytes": 1_000, "waiting_for_space": 1}, Health.DOWN),
        ({"state": ProducerState.CLOSING}, Health.DOWN),
        ({"state": ProducerState.CLOSED}, Health.DOWN),
        ({"buffer_memory": 0}, Health.UP),
    ],
)
def test_health_follows_from_the_status(changes: dict[str, object], expected: Health) -> None:
    report = producer_health(Stub(status(**changes)))

    assert report.health is expected
    assert report.is_ready is (expected is not Health.DOWN)
    assert bool(report.reasons) is (expected is not Health.UP)


@pytest.mark.parametrize("state", ProducerState)
def test_only_a_closed_producer_is_not_live(state: ProducerState) -> None:
    report = producer_health(Stub(status(state=state, unavailable_for=9.0, buffered_bytes=1_000, waiting_for_space=9)))

    assert report.is_live is (state is not ProducerState.CLOSED)


def test_the_limit_of_the_buffer_can_be_moved() -> None:
    given = Stub(status(buffered_bytes=500, waiting_for_space=1))

    assert producer_health(given, max_buffer=0.5).health is Health.DOWN
    assert producer_health(given, max_buffer=0.6).health is Health.UP


def test_nothing_inside_is_shown_unless_asked_for() -> None:
    report = producer_health(Stub(status(last_error="kafka-7.internal:9092 refused", unavailable_for=7.4)))

    shown = json.dumps(report.as_dict())
    assert "kafka-7" not in shown
    assert "No broker has been reachable for 7 s." in shown
    assert "kafka-7" in json.dumps(report.as_dict(details=True))


def test_of_several_the_worst_counts() -> None:
    reports = [producer_health(Stub(status())), producer_health(Stub(status(unavailable_for=1.0)))]

    assert worst(reports) is Health.DEGRADED
    assert worst([]) is Health.UP


def test_both_faces_and_doubles_have_health() -> None:
    with Producer(backend="memory") as double, Producer(bootstrap_servers=NOWHERE, close_timeout_ms=0) as real:
        view = AsyncProducer(backend="memory")
        assert [producer_health(one).health for one in (double, real, view)] == [Health.UP] * 3
    assert producer_health(real).health is Health.DOWN
