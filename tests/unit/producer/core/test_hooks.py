"""A listener's hooks: only those it has cost anything, and none of them can do harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.abc import ProducerListener
from dekaf.errors import InvalidRecordError, ProduceError
from dekaf.producer._core.hooks import ListenerHooks, subscribe
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.types import Headers, RecordMetadata
from tests.unit.producer.rooms import Heard, T, accumulator_of, append, batches_of, open_topic

PATIENCE = 10.0
Failures = list[tuple[str, BaseException]]


class Ear(ProducerListener):
    """Hears of everything."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        self.heard.append((topic, headers))
        return headers.add("seen", "1")

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.heard.append(metadata)

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        self.heard.append((topic, partition, error))

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        self.heard.append((topic, partition, record_count, size_bytes))


class Broken(ProducerListener):
    """Raises everywhere."""

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        raise ValueError("on purpose")

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        raise SystemExit("on purpose")

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def callbacks() -> Iterator[CallbackThread]:
    thread = CallbackThread()
    yield thread
    thread.stop(PATIENCE)


class Desk:
    """A listener, and a batch of three records that reports to it."""

    def __init__(self, listener: ProducerListener, callbacks: CallbackThread, *, partition: int = 0) -> None:
        self.failures: Failures = []
        self.callbacks = callbacks
        self.hooks = ListenerHooks(listener, callbacks, lambda topic, error: self.failures.append((topic, error)))
        accumulator = accumulator_of(batch_size=10_000, heard=Heard())
        topic = open_topic(accumulator)
        for number in range(3):
            append(accumulator, topic, timestamp=T + number)
        (self.batch,) = batches_of(topic.partitions[0])
        subscribe([self.hooks], self.batch.listener)
        self.batch.seal(None)

    def finish(self) -> None:
        """Wait until every hook was called."""
        self.callbacks.stop(PATIENCE)


def test_listener_that_does_nothing_is_never_called(callbacks: CallbackThread) -> None:
    desk = Desk(ProducerListener(), callbacks)

    assert desk.hooks.on_send() is None
    assert desk.batch.listener.batch_done is None
    assert desk.batch.listener.batch_sent is None
    assert not desk.batch.listener.keeps_timestamps


def test_hook_set_on_the_object_counts_as_one(callbacks: CallbackThread) -> None:
    listener = ProducerListener()
    listener.on_error = lambda *_: None  # type: ignore[method-assign]  # as a test's double may

    desk = Desk(listener, callbacks)

    assert desk.batch.listener.batch_done is not None
    assert not desk.batch.listener.keeps_timestamps  # nobody hears of acknowledged records


def test_acknowledged_records_are_told_one_by_one_with_their_own_times(callbacks: CallbackThread) -> None:
    ear = Ear()
    desk = Desk(ear, callbacks)

    desk.batch.succeed(100, -1)
    desk.finish()

    assert ear.heard == [RecordMetadata("t", 0, 100 + number, T + number) for number in range(3)]


def test_failed_records_are_told_one_by_one_each_with_its_own_error(callbacks: CallbackThread) -> None:
    ear = Ear()
    desk = Desk(ear, callbacks)
    desk.batch.record_errors = {1: "too old"}

    desk.batch.fail(InvalidRecordError("rejected", topic="t", partition=0, code=87))
    desk.finish()

    assert [(topic, partition, "too old" in str(error)) for topic, partition, error in ear.heard] == [
        ("t", 0, False),
        ("t", 0, True),
        ("t", 0, False),
    ]


def test_size_of_a_batch_is_what_was_sent_even_if_its_bytes_are_gone_by_the_time_it_is_told(
    callbacks: CallbackThread,
) -> None:
    ear = Ear()
    desk = Desk(ear, callbacks)
    size = int(desk.batch.size_on_wire())

    assert desk.batch.listener.batch_sent is not None
    desk.batch.listener.batch_sent(desk.batch)
    desk.batch.forget_bytes()
    desk.finish()

    assert ear.heard == [("t", 0, 3, size)]


def test_headers_that_on_send_returns_replace_those_of_the_record(callbacks: CallbackThread) -> None:
    ear = Ear()
    on_send = Desk(ear, callbacks).hooks.on_send()
    assert on_send is not None

    assert on_send("t", None) == Headers([("seen", "1")])
    assert on_send("t", Headers([("a", "1")])) == Headers([("a", "1"), ("seen", "1")])
    assert ear.heard == [("t", Headers()), ("t", Headers([("a", "1")]))]


def test_what_hooks_raise_is_told_and_every_record_is_gone_through(callbacks: CallbackThread) -> None:
    desk = Desk(Broken(), callbacks)
    given = Headers([("a", "1")])
    on_send = desk.hooks.on_send()
    assert on_send is not None

    assert on_send("t", given) is given
    desk.batch.succeed(0, -1)
    desk.finish()

    assert [type(error) for _, error in desk.failures] == [ValueError, SystemExit, SystemExit, SystemExit]
    assert {topic for topic, _ in desk.failures} == {"t"}


def test_what_on_send_returns_besides_headers_is_told_and_left_out(callbacks: CallbackThread) -> None:
    class Wrong(ProducerListener):
        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            return {"trace-id": "1"}  # type: ignore[return-value]  # wrong on purpose

    desk = Desk(Wrong(), callbacks)
    on_send = desk.hooks.on_send()
    assert on_send is not None

    assert on_send("t", None) is None
    ((topic, error),) = desk.failures
    assert (topic, str(error)) == ("t", "on_send must return Headers or None, not dict")
