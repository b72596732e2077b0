"""The limits of calls: when one is over, what was not sent is withdrawn, and what was sent may be written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import BrokerConnectionError, BufferExhaustedError, DeliveryTimeoutError, ProduceError
from dekaf.message import ProducerMessage
from dekaf.testing import ApiKey, FakeCluster
from dekaf.types import ProduceAllError
from tests.scenarios.faces import Face, LoopThread, MakeFace, eventually, loop_producer, thread_producer

# The record's own life is far longer than any of these tests.
LIFE: dict[str, Any] = {"delivery_timeout_ms": 120_000, "max_block_ms": 60_000}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=1, topics={"t": 1}) as cluster:
        yield cluster


def connected(cluster: FakeCluster, make_face: MakeFace, **options: Any) -> Face:
    """Return a producer that knows the topic."""
    face = make_face(cluster.bootstrap_servers, **{**LIFE, **options})
    face.call("t", b"first", timeout=10).result(10)
    return face


def error_of(handle: Any) -> ProduceError:
    error = handle.exception(10)
    assert isinstance(error, ProduceError), error
    return error


def values(cluster: FakeCluster) -> list[bytes | None]:
    return [record.value for record in cluster.log("t")]


def take_away(cluster: FakeCluster, producer: Any) -> None:
    """Stop the broker; once the producer has noticed, it sends nothing more."""
    cluster.stop_broker(1)
    eventually(lambda: producer.status().connected_brokers == 0)


def test_call_that_was_not_sent_in_time_is_withdrawn(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300)
    take_away(cluster, face)
    began = time.monotonic()

    error = error_of(face.call("t", b"withdrawn"))

    assert 0.29 < time.monotonic() - began < 5.0
    assert isinstance(error, DeliveryTimeoutError)
    assert (error.is_retriable, error.may_be_persisted, error.partition) == (True, False, 0)
    assert "produce_timeout_ms=300" in str(error)
    assert isinstance(error.__cause__, BrokerConnectionError)
    cluster.start_broker(1)
    face.call("t", b"second").result(10)
    assert values(cluster) == [b"first", b"second"]
    assert (face.status().failed_total, face.status().delivered_total) == (1, 2)


def test_call_that_was_sent_may_be_written_and_its_record_goes_on(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300)
    held = cluster.on(ApiKey.PRODUCE).hold()

    error = error_of(face.call("t", b"sent"))

    assert isinstance(error, DeliveryTimeoutError)
    assert (error.is_retriable, error.may_be_persisted) == (True, True)
    assert "stays accepted" in str(error)
    assert face.status().failed_total == 0
    held.release()
    eventually(lambda: face.status().delivered_total == 2)
    assert values(cluster) == [b"first", b"sent"]


def test_call_for_a_topic_nobody_tells_of_is_withdrawn(make_face: MakeFace) -> None:
    face = make_face("127.0.0.1:1", **LIFE, produce_timeout_ms=300)

    error = error_of(face.call("t", b"a"))

    assert isinstance(error, DeliveryTimeoutError)
    assert (error.is_retriable, error.may_be_persisted, error.partition) == (True, False, None)
    assert "127.0.0.1:1" in str(error)
    assert face.status().buffered_bytes == 0


def test_wait_for_space_is_part_of_the_call(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300, buffer_memory=4_000)
    take_away(cluster, face)
    face.fire("t", b"x" * 3_000)
    began = time.monotonic()

    error = error_of(face.call("t", b"x" * 900))

    assert 0.29 < time.monotonic() - began < 5.0
    assert isinstance(error, BufferExhaustedError)
    assert "produce_timeout_ms=300" in str(error)
    face.close(0)


def test_what_was_fired_into_the_same_batch_stays(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300)
    told: list[Any] = []
    take_away(cluster, face)

    face.fire("t", b"before", on_delivery=lambda metadata, error: told.append(metadata or error))
    handle = face.call("t", b"called")
    eventually(lambda: face.status().buffered_records == 2)
    face.fire("t", b"after", on_delivery=lambda metadata, error: told.append(metadata or error))
    assert not error_of(handle).may_be_persisted
    cluster.start_broker(1)
    face.flush(10)
    eventually(lambda: len(told) == 2)

    assert [metadata.offset for metadata in told] == [1, 2]
    assert values(cluster) == [b"first", b"before", b"after"]
    assert face.status().buffered_bytes == 0


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_what_is_left_of_full_batches_keeps_its_order_offsets_and_timestamps(
    cluster: FakeCluster, make_face: MakeFace, compression: str
) -> None:
    face = connected(cluster, make_face, batch_size=2_000, compression_type=compression)
    told: dict[bytes, Any] = {}
    take_away(cluster, face)
    for number in range(60):
        value = b"%03d" % number + bytes(100)

        def note(metadata: Any, error: Any, value: bytes = value) -> None:
            told[value] = metadata if error is None else error

        deadline = 0.3 if number % 3 == 1 else None
        face.fire("t", value, timestamp=1_000_000 + number * 10, on_delivery=note, deadline=deadline)
    eventually(lambda: len(told) == 20)
    assert all(isinstance(one, DeliveryTimeoutError) and not one.may_be_persisted for one in told.values())

    cluster.start_broker(1)
    face.flush(10)
    eventually(lambda: len(told) == 60)

    kept = [value for value in sorted(told) if int(value[:3]) % 3 != 1]
    assert values(cluster) == [b"first", *kept]
    assert [told[value].offset for value in kept] == list(range(1, 41))
    assert [told[value].timestamp_ms for value in kept] == [1_000_000 + int(value[:3]) * 10 for value in kept]
    assert [record.timestamp_ms for record in cluster.log("t")][1:] == [told[value].timestamp_ms for value in kept]
    assert (face.status().buffered_records, face.status().buffered_bytes) == (0, 0)


def test_memory_is_free_once_nothing_of_a_batch_is_left(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300)
    take_away(cluster, face)

    errors = [error_of(handle) for handle in [face.call("t", b"x" * 1_000) for _ in range(8)]]

    assert not any(error.may_be_persisted for error in errors)
    eventually(lambda: face.status().buffered_bytes == 0)
    assert face.status().buffered_records == 0
    assert face.flush(5).undelivered == 0


@pytest.mark.parametrize("deadline", [0.2])
def test_fired_record_leaves_at_its_deadline_and_the_failure_is_counted(
    cluster: FakeCluster, make_face: MakeFace, deadline: float
) -> None:
    face = connected(cluster, make_face)
    take_away(cluster, face)

    face.fire("t", b"gone", deadline=deadline)
    face.fire("t", b"stays")
    eventually(lambda: face.status().failed_total == 1)

    assert face.status().unobserved_failures_total == 1
    cluster.start_broker(1)
    face.flush(10)
    assert values(cluster) == [b"first", b"stays"]


def test_submitted_record_leaves_at_its_deadline(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with thread_producer(cluster.bootstrap_servers, **LIFE) as producer:
        producer.produce("t", None, b"first", timeout=10)
        take_away(cluster, producer)
        handle = producer.submit("t", None, b"gone", deadline=0.2)
        with pytest.raises(DeliveryTimeoutError, match="the call's deadline"):
            handle.result(10)
        future = loop_thread.run(producer.as_async().submit("t", None, b"gone", deadline=0.2))
        with pytest.raises(DeliveryTimeoutError, match="the call's deadline"):
            loop_thread.run(_awaited(future))
        cluster.start_broker(1)
        producer.produce("t", None, b"second", timeout=10)
    assert values(cluster) == [b"first", b"second"]


async def _awaited(future: Any) -> Any:
    return await future


def test_deadline_of_a_call_replaces_the_option(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=60_000)
    take_away(cluster, face)

    error = error_of(face.call("t", b"gone", deadline=0.3))

    assert "the call's deadline" in str(error)
    assert not error.may_be_persisted


def test_timeout_of_a_call_bounds_the_wait_alone(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=300)
    take_away(cluster, face)

    error = error_of(face.call("t", b"stays", timeout=0.2))
    assert error.may_be_persisted
    long = face.call("t", b"longer", timeout=30)  # than the option allows
    time.sleep(0.6)  # not to wait for anything: the option's time has to be over
    cluster.start_broker(1)

    long.result(10)
    assert values(cluster) == [b"first", b"stays", b"longer"]


def test_calls_that_are_done_in_time_are_not_troubled(cluster: FakeCluster, make_face: MakeFace) -> None:
    """Also one that begins long after the one before: no moment is kept of which part is over already."""
    face = connected(cluster, make_face, produce_timeout_ms=200)
    for number in range(4):
        time.sleep(0.25)  # not to wait for anything: the last call's time has to be over
        assert face.call("t", b"a").result(10).offset == number + 1


def test_produce_all_ends_as_a_whole(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    messages = [ProducerMessage.create("t", None, b"%d" % number) for number in range(20)]
    with thread_producer(cluster.bootstrap_servers, **LIFE, produce_timeout_ms=300) as producer:
        producer.produce("t", None, b"first", timeout=10)
        take_away(cluster, producer)
        with pytest.raises(ProduceAllError) as caught:
            producer.produce_all(messages)
        results: list[Any] = loop_thread.run(producer.as_async().produce_all(messages, return_exceptions=True))
        results += caught.value.results

        assert len(results) == 40
        for error in results:
            assert isinstance(error, DeliveryTimeoutError)
            assert (error.is_retriable, error.may_be_persisted) == (True, False)
        cluster.start_broker(1)
        producer.produce("t", None, b"second", timeout=10)
    assert values(cluster) == [b"first", b"second"]


def test_messages_that_come_after_the_end_of_produce_all_are_not_taken(
    cluster: FakeCluster, loop_thread: LoopThread
) -> None:
    def slow() -> Iterator[ProducerMessage[Any, Any]]:
        yield ProducerMessage.create("t", None, b"in time")
        time.sleep(0.5)  # not to wait for anything: the call's time has to be over
        yield ProducerMessage.create("t", None, b"too late")

    with thread_producer(cluster.bootstrap_servers, **LIFE) as producer:
        for results in (
            producer.produce_all(slow(), deadline=0.3, return_exceptions=True),
            loop_thread.run(producer.as_async().produce_all(slow(), deadline=0.3, return_exceptions=True)),
        ):
            kinds = [type(one).__name__ for one in results]
            assert kinds == ["RecordMetadata", "DeliveryTimeoutError"]
    assert values(cluster) == [b"in time"] * 2


def test_withdrawn_record_is_not_handed_to_on_undelivered(cluster: FakeCluster, make_face: MakeFace) -> None:
    saved: list[Any] = []
    face = connected(cluster, make_face, produce_timeout_ms=200, on_undelivered=saved.extend)
    take_away(cluster, face)
    face.fire("t", b"fired")
    error_of(face.call("t", b"called"))

    report = face.close(0.2)

    assert [message.value for message in saved] == [b"fired"]
    assert (report.undelivered, report.failed) == (1, 1)


def test_call_that_ends_counts_once_whatever_becomes_of_its_batch(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = connected(cluster, make_face, produce_timeout_ms=200, request_timeout_ms=500, delivery_timeout_ms=600)
    take_away(cluster, face)
    face.fire("t", b"fired")
    error_of(face.call("t", b"called"))
    eventually(lambda: face.status().buffered_records == 0)

    assert face.status().failed_total == 2
    assert face.status().buffered_bytes == 0


@pytest.mark.parametrize(
    ("deadline", "kind", "says"),
    [
        (0, ValueError, "more than 0"),
        (-1.0, ValueError, "more than 0"),
        (float("nan"), ValueError, "more than 0"),
        ("5", TypeError, "deadline must be seconds"),
        (True, TypeError, "deadline must be seconds"),
        (121, ValueError, "beyond the record's own life.*delivery_timeout_ms=120000"),
    ],
)
def test_deadline_that_makes_no_sense_is_refused(
    cluster: FakeCluster, loop_thread: LoopThread, deadline: Any, kind: type[Exception], says: str
) -> None:
    message = ProducerMessage.create("t", None, b"a")
    with thread_producer(cluster.bootstrap_servers, **LIFE) as producer:
        on_loop = loop_producer(cluster.bootstrap_servers, **LIFE)
        for call in (
            lambda: producer.produce("t", None, b"a", deadline=deadline),
            lambda: producer.produce_all([message], deadline=deadline),
            lambda: producer.fire("t", None, b"a", deadline=deadline),
            lambda: producer.submit("t", None, b"a", deadline=deadline),
            lambda: loop_thread.run(on_loop.produce("t", None, b"a", deadline=deadline)),
            lambda: loop_thread.run(on_loop.produce_all([message], deadline=deadline)),
            lambda: on_loop.fire("t", None, b"a", deadline=deadline),
            lambda: loop_thread.run(on_loop.submit("t", None, b"a", deadline=deadline)),
        ):
            with pytest.raises(kind, match=says):
                call()
        loop_thread.run(on_loop.close())
    assert values(cluster) == []


def test_record_whose_caller_gave_up_before_stays(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    """By a timeout, or because its task was cancelled: both leave the record to the producer, whatever ends later."""
    options: dict[str, Any] = {**LIFE, "produce_timeout_ms": 600, "unavailable_after_ms": 300}
    with thread_producer(cluster.bootstrap_servers, **options) as producer:
        producer.produce("t", None, b"first", timeout=10)
        take_away(cluster, producer)
        with pytest.raises(DeliveryTimeoutError):
            producer.produce("t", None, b"timed out", timeout=0.1)
        results: list[Any] = producer.produce_all(
            [ProducerMessage.create("t", None, b"timed out, too")], timeout=0.05, return_exceptions=True
        )
        assert results[0].may_be_persisted
        task = loop_thread.start(producer.as_async().produce("t", None, b"cancelled"))
        parked = loop_thread.start(producer.as_async().produce("unknown", None, b"cancelled"))
        eventually(lambda: producer.status().buffered_records == 4)
        task.cancel()
        parked.cancel()
        eventually(lambda: (producer.status().unavailable_for or 0.0) > 0.9)  # every limit and the outage have come
        cluster.start_broker(1)
        cluster.create_topic("unknown", 1)
        producer.flush(10)
    assert values(cluster) == [b"first", b"timed out", b"timed out, too", b"cancelled"]
    assert len(cluster.log("unknown")) == 1
