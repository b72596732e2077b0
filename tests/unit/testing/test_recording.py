from __future__ import annotations

import pickle
import threading
import time

import pytest

from dekaf.errors import (
    BufferExhaustedError,
    DeliveryTimeoutError,
    NotEnoughReplicasError,
    ProduceError,
    ProducerClosedError,
    TopicAuthorizationError,
)
from dekaf.testing import Recording
from dekaf.testing.recording import Draft
from dekaf.types import Headers, ProducerState, RecordMetadata


def draft(topic: str = "orders", *, key: bytes | None = None, partition: int | None = None) -> Draft:
    return Draft(topic=topic, key=key, value=b"v", headers=Headers.create(), partition=partition, timestamp_ms=None)


def written(recording: Recording, *drafts: Draft) -> list[RecordMetadata]:
    outcomes = [recording.write(one) for one in drafts]
    return [outcome for outcome in outcomes if isinstance(outcome, RecordMetadata)]


def test_offsets_grow_by_topic_and_partition() -> None:
    recording = Recording()

    outcomes = written(recording, draft(), draft(), draft(partition=1), draft("audit"), draft())

    assert [(one.topic, one.partition, one.offset) for one in outcomes] == [
        ("orders", 0, 0),
        ("orders", 0, 1),
        ("orders", 1, 0),
        ("audit", 0, 0),
        ("orders", 0, 2),
    ]
    assert [message.offset for message in recording.to_topic("orders")] == [0, 1, 0, 2]


def test_key_decides_the_partition_as_in_kafka() -> None:
    recording = Recording(partition_count=10)

    written(recording, draft(key=b"21"), draft(key=b"foobar"), draft())

    # The placements of the Java client: murmur2 without its sign bit, modulo ten.
    assert [message.partition for message in recording.messages] == [
        (-973932308 & 0x7FFFFFFF) % 10,
        (-790332482 & 0x7FFFFFFF) % 10,
        0,
    ]


def test_message_without_a_timestamp_has_the_time_of_the_call() -> None:
    recording = Recording()

    (outcome,) = written(recording, draft())

    assert abs(outcome.timestamp_ms - time.time() * 1000) < 60_000
    assert recording.messages[0].timestamp_ms == outcome.timestamp_ms


def test_scripted_failures_are_served_in_turn() -> None:
    recording = Recording()
    recording.fail_next("orders", NotEnoughReplicasError)
    recording.fail_next("orders", DeliveryTimeoutError, times=2)

    outcomes = [recording.write(draft()) for _ in range(4)]

    assert [type(outcome) for outcome in outcomes] == [
        NotEnoughReplicasError,
        DeliveryTimeoutError,
        DeliveryTimeoutError,
        RecordMetadata,
    ]
    assert len(recording.messages) == 1


def test_scripted_failure_concerns_its_topic_alone() -> None:
    recording = Recording()
    recording.fail_next("audit", NotEnoughReplicasError)

    assert isinstance(recording.write(draft()), RecordMetadata)
    assert isinstance(recording.write(draft("audit")), NotEnoughReplicasError)


def test_scripted_failure_can_concern_any_topic() -> None:
    recording = Recording()
    recording.fail_next(None, NotEnoughReplicasError)

    assert isinstance(recording.write(draft()), NotEnoughReplicasError)


def test_error_made_of_a_class_is_what_kafka_would_answer() -> None:
    recording = Recording()
    recording.fail_next(None, NotEnoughReplicasError)
    recording.fail_next(None, TopicAuthorizationError)
    recording.fail_next(None, DeliveryTimeoutError)
    recording.fail_next(None, ProduceError)

    errors = [error for error in (recording.write(draft()) for _ in range(4)) if isinstance(error, ProduceError)]

    assert [(error.code, error.is_retriable, error.may_be_persisted) for error in errors] == [
        (19, True, False),
        (29, False, False),
        (None, True, True),
        (None, False, False),
    ]
    assert {(error.topic, error.partition) for error in errors} == {("orders", 0)}


def test_given_error_is_copied_for_each_message() -> None:
    recording = Recording()
    given = NotEnoughReplicasError("two of three brokers are down", code=20, may_be_persisted=True)
    recording.fail_next("orders", given, times=2)

    first, second = recording.write(draft()), recording.write(draft(partition=3))

    assert isinstance(first, NotEnoughReplicasError)
    assert isinstance(second, NotEnoughReplicasError)
    assert first is not second
    assert (first.code, first.may_be_persisted, first.topic, first.partition) == (20, True, "orders", 0)
    assert second.partition == 3
    assert given.topic is None


def test_error_of_the_call_is_raised_and_no_outcome() -> None:
    recording = Recording()
    recording.fail_next("orders", BufferExhaustedError)

    with pytest.raises(BufferExhaustedError):
        recording.write(draft())
    assert recording.status().failed_total == 0


def test_report_covers_what_happened_since_the_last_one() -> None:
    recording = Recording()
    recording.fail_next("orders", NotEnoughReplicasError)
    for _ in range(3):
        recording.write(draft())

    first, second = recording.report(), recording.report()

    assert (first.delivered, first.failed, first.undelivered, first.ok) == (2, 1, 0, False)
    assert isinstance(first.failures[0], NotEnoughReplicasError)
    assert (second.delivered, second.failed, second.ok) == (0, 0, True)


def test_report_shows_a_sample_of_many_failures() -> None:
    recording = Recording()
    recording.fail_next("orders", NotEnoughReplicasError, times=100)
    for _ in range(100):
        recording.write(draft())

    report = recording.report()

    assert (report.failed, len(report.failures)) == (100, 16)


def test_status_counts() -> None:
    recording = Recording()
    assert recording.status().state is ProducerState.IDLE
    recording.fail_next("orders", NotEnoughReplicasError, times=2)
    recording.write(draft())
    recording.write(draft(), is_fire=True)
    recording.write(draft())

    status = recording.status()

    assert status.state is ProducerState.RUNNING
    assert (status.delivered_total, status.failed_total, status.unobserved_failures_total) == (1, 2, 1)
    assert status.topics == ("orders",)
    assert status.last_error is not None


def test_closed_recording_takes_nothing() -> None:
    recording = Recording()
    recording.write(draft())

    assert recording.close().delivered == 1
    assert recording.close().delivered == 0
    assert recording.status().state is ProducerState.CLOSED
    with pytest.raises(ProducerClosedError):
        recording.write(draft())


def test_cleared_recording_begins_anew() -> None:
    recording = Recording()
    recording.write(draft())
    recording.fail_next("orders", NotEnoughReplicasError)

    recording.clear()

    assert recording.messages == []
    assert [one.offset for one in written(recording, draft())] == [0]
    assert recording.report().delivered == 1


def test_partition_count_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Recording(partition_count=0)


def test_threads_share_a_recording() -> None:
    recording = Recording()
    recording.fail_next("orders", NotEnoughReplicasError, times=50)

    def write() -> None:
        for _ in range(250):
            recording.write(draft())

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [message.offset for message in recording.messages] == list(range(950))
    assert recording.status().failed_total == 50


def test_messages_pickle() -> None:
    recording = Recording()
    recording.write(draft())

    assert pickle.loads(pickle.dumps(recording.messages)) == recording.messages
