"""Views of one topic: every argument reaches the producer behind them, and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dekaf.producer import AsyncProducer, Producer
from dekaf.producer.topic_views import AsyncTopicProducer, TopicProducer
from dekaf.types import RecordMetadata

REST: dict[str, Any] = {"headers": {"a": "1"}, "partition": 3, "timestamp": 1_700_000_000_000}


SUBMITTED = object()
METADATA = RecordMetadata("orders", 3, 42, 1_700_000_000_000)


class Double:
    """A producer that takes down its calls; the answers are what machine code lets through."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[object, ...], dict[str, object]]] = []

    def __repr__(self) -> str:
        return "<Double>"

    def produce(self, *arguments: object, **options: object) -> object:
        return self._note("produce", arguments, options)

    def submit(self, *arguments: object, **options: object) -> object:
        return self._note("submit", arguments, options)

    def fire(self, *arguments: object, **options: object) -> object:
        return self._note("fire", arguments, options)

    def flush(self, *arguments: object, **options: object) -> object:
        return self._note("flush", arguments, options)

    def _note(self, name: str, arguments: tuple[object, ...], options: dict[str, object]) -> object:
        self.calls.append((name, arguments, options))
        return {"produce": METADATA, "submit": SUBMITTED}.get(name)


class AsyncDouble(Double):
    """The same for coroutines."""

    async def produce(self, *arguments: object, **options: object) -> object:
        return self._note("produce", arguments, options)

    async def submit(self, *arguments: object, **options: object) -> object:
        return self._note("submit", arguments, options)

    async def flush(self, *arguments: object, **options: object) -> object:
        return self._note("flush", arguments, options)


def heard(_: object, __: object) -> None:
    """Hear of an outcome."""


def views() -> tuple[TopicProducer[Any, Any], Double]:
    double: Any = Double()
    return TopicProducer(double, "orders"), double


def async_views() -> tuple[AsyncTopicProducer[Any, Any], Double]:
    double: Any = AsyncDouble()
    return AsyncTopicProducer(double, "orders"), double


# For threads.


@pytest.mark.parametrize("by_keyword", [True, False])
def test_every_argument_of_a_call_reaches_the_producer(by_keyword: bool) -> None:
    view, double = views()
    fields: tuple[tuple[Any, ...], dict[str, Any]] = (
        ((), {"key": "k", "value": "v"}) if by_keyword else (("k", "v"), {})
    )

    produced: Any = view.produce(*fields[0], **fields[1], **REST, timeout=5.0, deadline=6.0)
    submitted: Any = view.submit(*fields[0], **fields[1], **REST, deadline=6.0)
    view.fire(*fields[0], **fields[1], **REST, on_delivery=heard, deadline=6.0)

    assert double.calls == [
        ("produce", ("orders", "k", "v"), {**REST, "timeout": 5.0, "deadline": 6.0}),
        ("submit", ("orders", "k", "v"), {**REST, "deadline": 6.0}),
        ("fire", ("orders", "k", "v"), {**REST, "on_delivery": heard, "deadline": 6.0}),
    ]
    assert (produced, submitted) == (METADATA, SUBMITTED)


@pytest.mark.parametrize(
    "call", [lambda view: view.produce(), lambda view: view.submit("k"), lambda view: view.fire(key="k")]
)
def test_value_has_to_be_written_out_even_if_it_is_none(call: Callable[[Any], object]) -> None:
    view, double = views()

    with pytest.raises(TypeError, match="value"):
        call(view)

    assert double.calls == []


def test_tombstone_is_a_value() -> None:
    view, double = views()

    view.fire(value=None, key="k")

    assert double.calls[0][1] == ("orders", "k", None)


def test_flush_is_the_producers() -> None:
    view, double = views()

    view.flush(3.0)

    assert double.calls == [("flush", (3.0,), {})]


def test_view_says_whose_it_is() -> None:
    view, _ = views()
    async_view, _ = async_views()

    assert (view.topic, async_view.topic) == ("orders", "orders")
    assert repr(view) == "<TopicProducer orders of <Double>>"
    assert repr(async_view) == "<AsyncTopicProducer orders of <Double>>"


# For coroutines.


@pytest.mark.asyncio
async def test_every_argument_of_an_awaited_call_reaches_the_producer() -> None:
    view, double = async_views()

    produced: Any = await view.produce("k", "v", **REST, timeout=5.0, deadline=6.0)
    submitted: Any = await view.submit("k", "v", **REST, deadline=6.0)
    view.fire("k", "v", **REST, on_delivery=heard, deadline=6.0)
    await view.flush(3.0)

    assert double.calls == [
        ("produce", ("orders", "k", "v"), {**REST, "timeout": 5.0, "deadline": 6.0}),
        ("submit", ("orders", "k", "v"), {**REST, "deadline": 6.0}),
        ("fire", ("orders", "k", "v"), {**REST, "on_delivery": heard, "deadline": 6.0}),
        ("flush", (3.0,), {}),
    ]
    assert (produced, submitted) == (METADATA, SUBMITTED)


@pytest.mark.asyncio
async def test_value_of_an_awaited_call_has_to_be_written_out() -> None:
    view, double = async_views()
    wrong: Any = view

    for call in (wrong.produce, wrong.submit):
        with pytest.raises(TypeError, match="value"):
            await call("k")
    with pytest.raises(TypeError, match="value"):
        wrong.fire("k")

    assert double.calls == []


# Through a producer.


def test_view_of_a_topic_writes_to_it_and_its_end_is_the_producers() -> None:
    with Producer(backend="memory", key=str, value=str) as producer:
        view = producer.for_topic("orders")
        view.produce("k", "v")
        view.flush()

        assert [one.topic for one in producer.produced.messages] == ["orders"]
        assert not hasattr(view, "close")


@pytest.mark.asyncio
async def test_awaited_view_of_a_topic_writes_to_it() -> None:
    async with AsyncProducer(backend="memory", key=str, value=str) as producer:
        await producer.for_topic("orders").produce("k", "v")

        assert [one.topic for one in producer.produced.messages] == ["orders"]
