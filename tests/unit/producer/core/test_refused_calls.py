"""Calls that are refused before their record is looked at are begun and finished once, with their error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf import AsyncProducer, Producer, ProducerMessage, telemetry
from dekaf.errors import BufferExhaustedError, ClusterUnavailableError, ProduceError
from dekaf.telemetry import Sleep
from dekaf.types import Headers, ProduceAllError
from tests.named_hooks import NotingListener, NotingTracer

MESSAGE = ProducerMessage.create("t", "1", "a")

Call = Callable[[Producer[Any, Any]], object]


@pytest.fixture
def tracer() -> Iterator[NotingTracer]:
    tracer = NotingTracer()
    telemetry.install(tracer)
    yield tracer
    telemetry.uninstall(tracer)


# Of both faces: what is returned is awaited, or not.
WAITING: dict[str, Callable[[Any], Any]] = {
    "produce": lambda producer: producer.produce("t", "1", "a"),
    "produce, of a message": lambda producer: producer.produce(MESSAGE),
    "produce, with a timeout": lambda producer: producer.produce("t", "1", "a", timeout=5),
    "produce, with a deadline": lambda producer: producer.produce("t", "1", "a", deadline=5),
    "produce, of a view": lambda producer: producer.typed(str, str).produce("t", "1", "a"),
    "produce, of a topic's view": lambda producer: producer.for_topic("t").produce("1", "a"),
    "produce_all": lambda producer: producer.produce_all([MESSAGE]),
    "produce_all, with a timeout": lambda producer: producer.produce_all([MESSAGE], timeout=5),
}


def refuse(producer: Producer[Any, Any], call: Callable[[], object]) -> None:
    producer.start()  # or the first message does, and is taken out of the buffer again
    with producer.produced.unavailable(), pytest.raises((ClusterUnavailableError, ProduceAllError)) as caught:
        call()
    assert "withdrawn" not in str(caught.value)


@pytest.mark.parametrize("name", WAITING)
def test_a_call_that_is_refused_because_kafka_is_away_is_traced(tracer: NotingTracer, name: str) -> None:
    with Producer(backend="memory") as producer:
        refuse(producer, lambda: WAITING[name](producer))

        assert tracer.started == [("t", "1", "a", Headers())]
        assert tracer.errors() == ["ClusterUnavailableError"]
        assert tracer.tokens() == [0]


@pytest.mark.parametrize("name", WAITING)
def test_the_same_of_a_coroutine(tracer: NotingTracer, name: str) -> None:
    with Producer(backend="memory") as producer:
        coroutines = AsyncProducer(_core=producer._core)

        async def call() -> None:
            await WAITING[name](coroutines)

        refuse(producer, lambda: asyncio.run(call()))

        assert tracer.started == [("t", "1", "a", Headers())]
        assert tracer.errors() == ["ClusterUnavailableError"]
        assert tracer.tokens() == [0]


def test_each_message_of_many_is_traced_and_so_are_those_for_which_no_time_is_left(tracer: NotingTracer) -> None:
    def messages() -> Iterator[ProducerMessage[str, str]]:
        yield MESSAGE
        time.sleep(0.06)  # the caller's own time
        yield MESSAGE
        yield MESSAGE

    with Producer(backend="memory") as producer:
        results = producer.produce_all(messages(), return_exceptions=True, deadline=0.05)

        assert [type(result).__name__ for result in results] == ["RecordMetadata"] + 2 * ["DeliveryTimeoutError"]
        assert tracer.tokens() == [0, 1, 2]
        assert tracer.errors() == 2 * ["DeliveryTimeoutError"]

        results = asyncio.run(
            AsyncProducer[Any, Any](_core=producer._core).produce_all(messages(), return_exceptions=True, deadline=0.05)
        )
        assert tracer.tokens() == [0, 1, 2, 3, 4, 5]
        assert tracer.errors() == 4 * ["DeliveryTimeoutError"]


@pytest.mark.parametrize("runs_loop", [False, True])
def test_a_call_with_one_callback_too_many_is_traced(tracer: NotingTracer, runs_loop: bool) -> None:
    with Producer(backend="memory", max_block_ms=1) as producer:
        face: Producer[Any, Any] | AsyncProducer[Any, Any] = producer
        if runs_loop:
            face = AsyncProducer(_core=producer._core)
        backlog = producer._core.recipients.thread_backlog
        backlog.most = 1
        backlog.add(1)
        try:
            with pytest.raises(BufferExhaustedError):
                face.fire("t", "1", "a", on_delivery=lambda _metadata, _error: None)
        finally:
            backlog.remove(1)

        assert tracer.errors() == ["BufferExhaustedError"]
        assert tracer.tokens() == [0]


@pytest.mark.parametrize("backend", ["memory", "disabled"])
def test_a_closed_producer_refuses_and_is_traced(tracer: NotingTracer, backend: Any) -> None:
    producer: Producer[Any, Any] = Producer(backend=backend)
    producer.close()
    for call in ("produce", "fire", "submit"):
        with pytest.raises(RuntimeError):
            getattr(producer, call)("t", "1", "a")

    assert tracer.errors() == 3 * ["ProducerClosedError"]
    assert tracer.tokens() == [0, 1, 2]


WRONG: dict[str, Call] = {
    "no topic": lambda producer: producer.produce(5, "1", "a"),  # type: ignore[call-overload]
    "no value": lambda producer: producer.produce("t"),  # type: ignore[call-overload]
    "no headers": lambda producer: producer.produce("t", "1", "a", headers=5),  # type: ignore[call-overload]
}


@pytest.mark.parametrize("name", WRONG)
def test_a_call_that_could_not_be_one_is_no_message(tracer: NotingTracer, name: str) -> None:
    with Producer(backend="memory") as producer:
        with producer.produced.unavailable(), pytest.raises((TypeError, ProduceError)):
            WRONG[name](producer)
        with pytest.raises(TypeError):
            WRONG[name](producer)

    assert tracer.started == []


def test_headers_of_a_refused_call_are_shown_as_they_would_have_been(tracer: NotingTracer) -> None:
    with Producer(backend="memory") as producer:
        refuse(producer, lambda: producer.produce("t", "1", "a", headers={"a": "b"}))

    assert tracer.started == [("t", "1", "a", Headers().add("a", "b"))]


def test_listeners_do_not_hear_of_a_call_that_raises() -> None:
    listener = NotingListener()
    with Producer(backend="memory", listener=listener) as producer:
        refuse(producer, lambda: producer.produce("t", "1", "a"))
        producer.flush()

    assert (listener.delivered, listener.failed) == ([], [])


def test_a_tracer_that_sleeps_or_raises_makes_no_difference() -> None:
    class Odd:
        asked = 0

        def start(self, topic: str, key: Any, value: Any, headers: Headers) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise ValueError("on purpose")
            return Sleep(60.0)

        def finish(self, token: Any, metadata: object, error: object) -> None:
            raise AssertionError("nothing was started")

    odd = Odd()
    with Producer(backend="memory", tracer=odd) as producer:
        for _ in range(5):
            refuse(producer, lambda: producer.produce("t", "1", "a"))

        assert producer.metrics().hook_failures_total == 1
    assert odd.asked == 2
