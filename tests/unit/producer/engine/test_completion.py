"""What happens around telling an outcome: everything is in its place when somebody hears of it."""

from __future__ import annotations

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import DeliveryTimeoutError, NotEnoughReplicasError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener, BatchWaits, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
    cluster_of,
    constant_backoff,
    open_topic,
)

DELIVERY_TIMEOUT = 30.0  # seconds


class Looks(Heard):
    """A listener that looks at the buffer whenever it hears of an outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.accumulator: RecordAccumulator | None = None
        self.taken: list[int] = []

    def listener(self) -> BatchListener:
        heard = super().listener()

        def look(waits: BatchWaits) -> None:
            assert self.accumulator is not None
            buffer = self.accumulator.buffer
            self.taken.append(int(buffer.capacity - buffer.free))
            self.groups.append(waits)

        return BatchListener(heard.unobserved_failure, heard.callback_failed, look)


def in_flight(looks: Looks, *, age: float = 0.0) -> tuple[BatchCompletion, ProducerBatch]:
    """Return a completion, and a batch of one record that was sent; it is `age` seconds old when its answer comes."""
    accumulator = looks.accumulator = accumulator_of(heard=looks)
    topic = open_topic(accumulator)
    append(accumulator, topic, recipient=CallbackNotes(), route=CALLBACKS)
    queue: PartitionQueue = topic.partitions[0]
    batch = queue.current
    assert batch is not None
    queue.current = None
    batch.seal(None)
    batch.number(None, -1)
    queue.in_flight.append(batch)
    completion = BatchCompletion(
        accumulator,
        cluster_of(accumulator),
        ProducerIdSource(constant_backoff, is_needed=False),
        RetrySettings(DELIVERY_TIMEOUT, constant_backoff),
        ProducerStatistics(),
        lambda: batch.created + age,
    )
    return completion, batch


@pytest.mark.parametrize("code", [ErrorCode.NONE, ErrorCode.INVALID_RECORD], ids=lambda code: code.name)
def test_room_is_given_back_before_anybody_hears_of_the_outcome(code: ErrorCode) -> None:
    looks = Looks()
    completion, batch = in_flight(looks)

    completion.complete(batch, int(code), None)

    assert looks.taken == [0]


def test_refusal_that_comes_when_the_time_is_over_says_what_to_do_about_it() -> None:
    completion, batch = in_flight(Looks(), age=DELIVERY_TIMEOUT)

    completion.complete(batch, int(ErrorCode.NOT_ENOUGH_REPLICAS), None)

    assert isinstance(batch.error, DeliveryTimeoutError)
    assert isinstance(batch.error.__cause__, NotEnoughReplicasError)
    assert "delivery_timeout_ms=30000" in str(batch.error)
    assert "min.insync.replicas" in str(batch.error)


def test_error_at_the_end_of_the_time_tells_topic_and_advice_once() -> None:
    completion, batch = in_flight(Looks(), age=DELIVERY_TIMEOUT)

    completion.complete(batch, int(ErrorCode.NOT_ENOUGH_REPLICAS), None)

    text = str(batch.error)
    assert (text.count("t-0"), text.count("min.insync.replicas"), text.count("is safe")) == (1, 1, 1), text
