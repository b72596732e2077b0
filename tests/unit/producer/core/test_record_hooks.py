"""All that looks at each record of a producer, on its way in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.abc import ProducerListener, Sleep
from dekaf.producer._core.record_hooks import RecordHooks
from dekaf.producer._core.tracing import PROCESS
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.types import Headers
from tests.named_hooks import NotingListener, NotingTracer

PATIENCE = 10.0
NOW = 1_700_000_000_000


class Sleepy(NotingTracer):
    """One that wants to be asked again in half a second."""

    def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
        super().start(topic, key, value, headers)
        return Sleep(0.5)


@pytest.fixture
def callbacks() -> Iterator[CallbackThread]:
    thread = CallbackThread()
    yield thread
    thread.stop(PATIENCE)


@pytest.fixture
def statistics() -> ProducerStatistics:
    return ProducerStatistics()


def test_record_s_way_in_looks_at_the_time_of_whoever_wants_it(
    callbacks: CallbackThread, statistics: ProducerStatistics
) -> None:
    class Ear(ProducerListener):
        def on_acknowledged(self, metadata: Any) -> None: ...

    sleepy = RecordHooks((), Sleepy(), callbacks, statistics)
    listening = RecordHooks((NotingListener(),), Sleepy(), callbacks, statistics)
    for hooks in (sleepy, listening):
        hooks.begin("t", None, "a", None, NOW)

    assert RecordHooks((), None, callbacks, statistics).awaited is PROCESS
    assert RecordHooks((Ear(),), None, callbacks, statistics).awaited is PROCESS
    assert RecordHooks((NotingListener(),), None, callbacks, statistics).awaited.wakes_at == 0
    assert RecordHooks((), NotingTracer(), callbacks, statistics).awaited.wakes_at == 0
    assert sleepy.awaited.wakes_at == NOW + 500
    assert listening.awaited.wakes_at == 0


def test_tracer_sees_the_headers_that_listeners_left(callbacks: CallbackThread, statistics: ProducerStatistics) -> None:
    class Ear(ProducerListener):
        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            return headers.add("heard", "1")

    tracer = NotingTracer()
    hooks = RecordHooks((Ear(),), tracer, callbacks, statistics)

    headers, trace = hooks.begin("t", 1, "a", None, NOW)

    assert tracer.started == [("t", 1, "a", Headers([("heard", "1")]))]
    assert headers == Headers([("heard", "1"), ("token", "0")])
    assert trace is not None
    assert (trace.token, trace.is_kept) == (0, False)


def test_process_s_tracer_is_asked_without_one_of_the_producer_s(
    callbacks: CallbackThread, statistics: ProducerStatistics
) -> None:
    tracer = NotingTracer()
    PROCESS.use(tracer)
    try:
        _, trace = RecordHooks((), None, callbacks, statistics).begin("t", 1, "a", None, NOW)
    finally:
        PROCESS.use(None)

    assert trace is not None
    trace.refuse(ValueError())
    assert tracer.errors() == ["ValueError"]


def test_sleeping_tracer_is_asked_again_when_it_said(callbacks: CallbackThread, statistics: ProducerStatistics) -> None:
    sleepy = Sleepy()
    hooks = RecordHooks((), sleepy, callbacks, statistics)

    asked = []
    for milliseconds in (0, 1, 499, 500):
        assert hooks.begin("t", 1, "a", None, NOW + milliseconds) == (None, None)
        asked.append(len(sleepy.started))

    assert asked == [1, 1, 1, 2]
