"""Calls that are over: which are ended, what they hear, and what becomes of their records."""

from __future__ import annotations

import math

from dekaf.errors import BrokerConnectionError, DekafError, DeliveryTimeoutError, ProduceError
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.withdrawal import rid_of_withdrawn
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.waiting_calls import RecordFate, WaitingCalls, limit_error
from dekaf.producer._waiting.delivery import DeliveryFuture
from dekaf.producer._waiting.mailbox import CALLBACK_COST, DEADLINE, DELIVERY_COST, OutcomeRoute, WaitKind
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    NoConnections,
    accumulator_of,
    append,
    cluster_of,
    open_topic,
)

GONE = BrokerConnectionError("The broker is gone.")
CALL_TIMEOUT = 20.0
CALL = OutcomeRoute(WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False, is_call=True)


class Gone(NoConnections):
    """A client whose brokers are all gone."""

    def node_error(self, _node_id: int) -> DekafError | None:
        """Tell why."""
        return GONE


class Lot:
    """One partition, what its records hear, and the parked records' next end."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.accumulator = accumulator_of(heard=self.heard, batch_size=100_000)
        self.topic = open_topic(self.accumulator)
        self.queue = self.topic.partitions[0]
        self.cluster = cluster_of(self.accumulator, Gone())
        self.statistics = ProducerStatistics()
        self.parked_end = math.inf
        self.calls = WaitingCalls(
            self.accumulator, self.cluster, self.statistics, CALL_TIMEOUT, lambda _now: self.parked_end
        )

    def add(self, route: OutcomeRoute | None) -> CallbackNotes:
        """Append a record whose outcome goes to a route."""
        notes = CallbackNotes()
        append(self.accumulator, self.topic, recipient=notes, route=route)
        self.cluster.queues.adopt_activated()
        return notes

    def end_over(self, now: float, *sent: ProducerBatch) -> float:
        """Let time pass."""
        due = self.calls.end_over(list(sent), now)
        self.heard.notify_all()
        return due

    def send(self) -> ProducerBatch:
        """Take the open batch out, as the sender does."""
        batch = self.queue.current
        assert batch is not None
        self.queue.current = None
        return batch


def only_error(notes: CallbackNotes) -> ProduceError:
    ((metadata, error),) = notes
    assert metadata is None
    assert error is not None
    return error


def test_record_leaves_its_batch_at_its_calls_end_and_the_others_stay() -> None:
    lot = Lot()
    before, called, after = lot.add(CALLBACKS), lot.add(CALL.ending(10.0, "the limit")), lot.add(None)

    assert lot.end_over(9.9) == 10.0
    assert called == []
    assert lot.end_over(10.0) == math.inf

    error = only_error(called)
    assert isinstance(error, DeliveryTimeoutError)
    assert (error.topic, error.partition, error.is_retriable, error.may_be_persisted) == ("t", 0, True, False)
    assert "the limit" in str(error)
    assert error.__cause__ is GONE
    assert (before, after) == ([], [])
    (batch,) = lot.queue.full  # nothing is appended to it any more
    assert [int(index) for index in batch.withdrawn] == [1]
    assert (lot.statistics.failed, lot.accumulator.pending_records()) == (1, 2)
    assert lot.heard.unheard == []


def test_batch_of_which_nothing_is_left_is_given_up() -> None:
    lot = Lot()
    told: list[int] = []
    for end in (10.0, 11.0):
        lot.add(CALL.ending(end, "the limit"))
    assert lot.queue.current is not None
    lot.queue.current.flushes.append(lambda: told.append(1))

    assert lot.end_over(10.5) == 11.0
    assert told == []
    lot.end_over(11.0)

    assert told == [1]
    assert not lot.queue.has_unsent()
    assert not lot.queue.is_listed
    assert lot.accumulator.buffer.free == lot.accumulator.buffer.capacity
    assert lot.accumulator.pending_records() == 0


def test_batch_that_is_compressed_meanwhile_stays_until_it_is_drained() -> None:
    lot = Lot()
    lot.add(CALL.ending(10.0, "the limit"))
    batch = lot.send()
    batch.is_compressing = True
    lot.queue.full.append(batch)

    lot.end_over(10.0)

    assert list(lot.queue.full) == [batch]
    assert rid_of_withdrawn([batch], None, lot.accumulator.buffer) == []
    assert batch.state is BatchState.DONE
    assert lot.accumulator.buffer.free == lot.accumulator.buffer.capacity


def test_record_that_was_sent_stays_and_its_caller_hears_that_it_may_be_written() -> None:
    lot = Lot()
    other, called = lot.add(CALLBACKS), lot.add(CALL.ending(10.0, "the limit"))
    batch = lot.send()

    lot.end_over(10.0, batch)

    error = only_error(called)
    assert (error.is_retriable, error.may_be_persisted) == (True, True)
    assert batch.state is BatchState.OPEN
    assert batch.withdrawn == []
    assert (lot.statistics.failed, lot.accumulator.pending_records()) == (0, 2)
    batch.fail(ProduceError("no", topic="t"))  # of which its caller does not hear any more: the log does
    lot.heard.notify_all()
    assert len(called) == 1
    assert len(other) == 1
    assert [count for _, count, _ in lot.heard.unheard] == [1]


def test_all_calls_can_be_ended_and_nothing_else_is() -> None:
    lot = Lot()
    sent_call, sent = lot.add(CALL), lot.add(CALLBACKS)
    batch = lot.send()
    call, left = lot.add(CALL), lot.add(CALLBACKS.ending(50.0, "a deadline"))
    fates: list[RecordFate] = []

    def outage_error(batch: ProducerBatch, _route: OutcomeRoute, fate: RecordFate) -> ProduceError:
        fates.append(fate)
        return ProduceError("away", topic=batch.topic, partition=int(batch.partition))

    lot.calls.end_all([batch], outage_error)
    lot.heard.notify_all()

    assert [only_error(notes).partition for notes in (call, sent_call)] == [0, 0]
    assert fates == [RecordFate.WITHDRAWN, RecordFate.SENT]
    assert (left, sent) == ([], [])


def test_next_look_is_due_when_the_first_call_may_end() -> None:
    lot = Lot()
    assert lot.calls.due_at(math.inf) == math.inf
    assert lot.calls.due_at(100.0) == 100.0 + CALL_TIMEOUT  # in a batch of that age there may be calls as old
    lot.accumulator.expect_end(105.0)
    assert lot.calls.due_at(math.inf) == 105.0
    assert lot.calls.due_at(math.inf) == 105.0  # until somebody has looked
    lot.parked_end = 130.0
    lot.end_over(105.0)
    assert lot.calls.due_at(math.inf) == 130.0


def test_error_without_a_cause_is_a_sentence() -> None:
    error = limit_error("t", None, CALL.ending(1.0, "produce_timeout_ms=5"), RecordFate.WITHDRAWN, None)

    assert str(error) == (
        "t: Not sent within produce_timeout_ms=5, and withdrawn. It was not written: producing it again is safe."
    )


def test_batch_whose_time_was_over_before_needs_no_look() -> None:
    """Its request may be under way for long: a moment that is over would bring one pass after the other."""
    lot = Lot()
    called = lot.add(CALL.ending(10.0, "the limit"))
    batch = lot.send()
    batch.fail(ProduceError("its own time was over", topic="t"))

    assert lot.end_over(11.0, batch) == math.inf
    assert len(called) == 1


def test_caller_who_has_given_up_leaves_the_record_to_the_producer_but_a_deadline_is_the_records_own() -> None:
    lot = Lot()
    for limit in ("the limit", DEADLINE):
        handle = DeliveryFuture("t", lambda _: None)
        handle.is_abandoned = True
        route = OutcomeRoute(WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False, is_call=True)
        append(lot.accumulator, lot.topic, recipient=handle, route=route.ending(10.0, limit))
    lot.cluster.queues.adopt_activated()

    assert lot.end_over(10.0) == math.inf

    (batch,) = lot.queue.full
    assert [int(index) for index in batch.withdrawn] == [1]
    assert lot.statistics.failed == 1
