"""What an end gives up, on its way to the user's function."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from dekaf._log_thread import LOG_THREAD
from dekaf._record.compression import codec_for
from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._engine.undelivered import Undelivered, UndeliveredHook
from dekaf.producer._waiting.callbacks import CallbackThread
from tests.unit.producer.rooms import T, accumulator_of, append, batches_of, open_topic, parked_record

PATIENCE = 10.0

Messages = Sequence[ProducerMessage[bytes, bytes]]


def batch_of(*values: bytes | None) -> ProducerBatch:
    accumulator = accumulator_of(batch_size=10_000)
    topic = open_topic(accumulator)
    for number, value in enumerate(values):
        append(accumulator, topic, value, key=b"k", timestamp=T - number)
    (batch,) = batches_of(topic.partitions[0])
    return batch


# What is taken down.


def test_open_batch_is_taken_down_with_all_its_records_carry() -> None:
    undelivered = Undelivered(None)

    undelivered.add_batch(batch_of(b"a", None, b""))

    assert [(one.topic, one.partition, one.key, one.value, one.timestamp_ms) for one in undelivered.messages()] == [
        ("t", 0, b"k", b"a", T),
        ("t", 0, b"k", None, T - 1),
        ("t", 0, b"k", b"", T - 2),
    ]


def test_compressed_batch_is_taken_down_as_it_was_before() -> None:
    codec = codec_for("gzip", None)
    batch = batch_of(b"." * 2_000)
    batch.seal(codec)
    assert batch.sealed is not None
    assert batch.sealed.codec_id != 0
    undelivered = Undelivered(codec)

    undelivered.add_batch(batch)
    batch.forget_bytes()

    assert [one.value for one in undelivered.messages()] == [b"." * 2_000]


def test_batch_that_did_not_shrink_is_not_decompressed() -> None:
    codec = codec_for("gzip", None)
    batch = batch_of(b"a")
    batch.seal(codec)
    undelivered = Undelivered(codec)

    undelivered.add_batch(batch)

    assert [one.value for one in undelivered.messages()] == [b"a"]


def test_batch_whose_outcome_was_told_before_is_left_out() -> None:
    batch = batch_of(b"a")
    batch.fail(ProduceError("refused", topic="t"))
    undelivered = Undelivered(None)

    undelivered.add_batch(batch)

    assert undelivered.is_empty()
    assert undelivered.messages() == []


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_batch_that_cannot_be_read_any_more_does_not_take_the_others_with_it(
    when: str, caplog: pytest.LogCaptureFixture
) -> None:
    codec = codec_for("gzip", None)
    assert codec is not None

    def fail(_: bytes) -> bytes:
        raise MemoryError

    codec.decompress = fail
    lost, other = batch_of(b"." * 2_000), batch_of(b"a")
    lost.seal(codec)
    if when == "before":
        lost.unreadable = MemoryError()
    undelivered = Undelivered(codec)

    undelivered.add_batch(lost)
    undelivered.add_batch(other)

    assert [one.value for one in undelivered.messages()] == [b"a"]
    LOG_THREAD.write_out(PATIENCE)
    assert "does not get 1 record(s) of topic t: MemoryError()" in caplog.text


@pytest.mark.parametrize(("asked_for", "partition"), [(-1, None), (4, 4)])
def test_parked_record_keeps_the_partition_that_was_asked_for_if_one_was(asked_for: int, partition: int | None) -> None:
    undelivered = Undelivered(None)

    undelivered.add_parked("late", parked_record(b"v", key=b"k", partition=asked_for))

    (message,) = undelivered.messages()
    assert (message.topic, message.partition, message.key, message.value, message.timestamp_ms) == (
        "late",
        partition,
        b"k",
        b"v",
        T,
    )
    assert not undelivered.is_empty()


# Handing it over.


@pytest.fixture
def callbacks() -> Iterator[CallbackThread]:
    thread = CallbackThread()
    yield thread
    thread.stop(PATIENCE)


def given_up(*values: bytes) -> Undelivered:
    undelivered = Undelivered(None)
    undelivered.add_batch(batch_of(*values))
    return undelivered


def test_function_runs_on_the_callback_thread_and_closing_can_wait_for_it(callbacks: CallbackThread) -> None:
    seen: list[tuple[list[bytes | None], bool]] = []
    gate, done = threading.Event(), threading.Event()

    def save(messages: Messages) -> None:
        gate.wait(PATIENCE)
        seen.append(([message.value for message in messages], callbacks.is_current()))

    hook = UndeliveredHook(save, callbacks)
    assert not hook.when_done(done.set)

    hook.take(given_up(b"a", b"b"))
    assert hook.is_busy()
    assert hook.when_done(done.set)
    assert not done.is_set()
    gate.set()

    assert done.wait(PATIENCE)
    assert seen == [([b"a", b"b"], True)]
    assert not hook.is_busy()


def test_what_the_function_raises_is_contained_and_it_is_no_longer_waited_for(
    callbacks: CallbackThread, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Messages) -> None:
        raise SystemExit("disk full")

    done = threading.Event()
    hook = UndeliveredHook(fail, callbacks)

    hook.take(given_up(b"secret"))
    hook.when_done(done.set)

    assert not hook.is_busy() or done.wait(PATIENCE)
    callbacks.stop(PATIENCE)
    assert "on_undelivered raised SystemExit('disk full')" in caplog.text
    assert "secret" not in caplog.text
    assert not hook.is_busy()


def test_closing_that_waits_no_longer_is_logged(callbacks: CallbackThread, caplog: pytest.LogCaptureFixture) -> None:
    UndeliveredHook(lambda _: None, callbacks).give_up()

    assert "on_undelivered has not returned in time" in caplog.text
