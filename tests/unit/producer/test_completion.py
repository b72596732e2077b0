"""What happens around telling an outcome: everything is in its place when somebody hears of it."""

from __future__ import annotations

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import DekafError, DeliveryTimeoutError, NotEnoughReplicasError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener, BatchWaits, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._engine.completion import BatchCompletion, CompletionHost, RetrySettings
from dekaf.producer._engine.queues_by_leader import QueuesByLeader
from dekaf.producer._engine.statistics import ProducerStatistics
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    accumulator_of,
    append,
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


class Owner(CompletionHost):
    """An engine that asks for nothing."""

    def want_metadata(self) -> None:
        """Do not."""

    def connection_error(self, node_id: int) -> DekafError | None:
        """Have none."""
        return None


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
    owner = Owner()
    completion = BatchCompletion(
        accumulator,
        QueuesByLeader(accumulator, owner.want_metadata),
        RetrySettings(DELIVERY_TIMEOUT, constant_backoff),
        ProducerStatistics(),
        owner,
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
