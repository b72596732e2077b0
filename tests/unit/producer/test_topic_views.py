"""Views of one topic: every argument reaches the producer behind them, and nothing else happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
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

    def produce_all(self, *arguments: object, **options: object) -> object:
        return self._note("produce_all", arguments, options)

    def flush(self, *arguments: object, **options: object) -> object:
        return self._note("flush", arguments, options)

    def _note(self, name: str, arguments: tuple[object, ...], options: dict[str, object]) -> object:
        self.calls.append((name, arguments, options))
        return {"produce": METADATA, "submit": SUBMITTED, "produce_all": []}.get(name)


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


PAIRS = [("42", "paid"), (None, "gift"), ("43", None)]


def test_pairs_become_messages_to_the_topic_with_every_option() -> None:
    with Producer(backend="memory", key=str, value=str) as producer:
        results = producer.for_topic("orders").produce_all(iter(PAIRS), timeout=5.0, return_exceptions=True)

        assert [type(result).__name__ for result in results] == ["RecordMetadata"] * 3
        assert [(message.topic, message.key, message.value) for message in producer.produced.messages] == [
            ("orders", b"42", b"paid"),
            ("orders", None, b"gift"),
            ("orders", b"43", None),
        ]


def test_options_of_many_reach_the_producer() -> None:
    double: Any = Double()

    TopicProducer(double, "orders").produce_all([], return_exceptions=True, timeout=1.0, deadline=2.0)

    assert double.calls[0][2] == {"return_exceptions": True, "timeout": 1.0, "deadline": 2.0}


@pytest.mark.parametrize("nonsense", ["ab", ("only one",), ["42", "paid"], None])
def test_what_is_no_pair_is_refused(nonsense: Any) -> None:
    with (
        Producer(backend="memory") as producer,
        pytest.raises(TypeError, match="takes tuples of key and value, not"),
    ):
        producer.for_topic("orders").produce_all([nonsense])


def test_pairs_are_taken_one_by_one() -> None:
    wrong: Any = "no pair"
    with Producer(backend="memory") as producer:
        with pytest.raises(TypeError):
            producer.for_topic("orders").produce_all([("42", "paid"), wrong])

        assert len(producer.produced) == 1


@pytest.mark.asyncio
async def test_awaited_pairs_are_taken_one_by_one() -> None:
    wrong: Any = "no pair"
    async with AsyncProducer(backend="memory") as producer:
        with pytest.raises(TypeError):
            await producer.for_topic("orders").produce_all([("42", "paid"), wrong])

        assert len(producer.produced) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("is_async", [False, True])
async def test_awaited_pairs_become_messages_to_the_topic(is_async: bool) -> None:
    async def one_by_one() -> AsyncIterator[tuple[str | None, str | None]]:
        for pair in PAIRS:
            yield pair

    async with AsyncProducer(backend="memory", key=str, value=str) as producer:
        results = await producer.for_topic("orders").produce_all(one_by_one() if is_async else PAIRS)

        assert [result.topic for result in results] == ["orders"] * 3
        assert [message.value for message in producer.produced.messages] == [b"paid", b"gift", None]


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
