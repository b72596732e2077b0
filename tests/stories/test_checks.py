"""The checks of a story find what they are there for, and nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from dekaf.errors import DeliveryAbortedError, DeliveryTimeoutError, ProduceError
from dekaf.reports import DrainReport, ProducerState, ProducerStatus
from dekaf.testing import LoggedRecord, TopicSettings
from dekaf.testing.partition_log import PartitionLog
from dekaf.types import Acks, RecordMetadata
from tests.stories.checks import Evidence, LastWords, problems_at_the_end, problems_in_logs
from tests.stories.plot import FaceKind, Plot, draw
from tests.stories.stage import Life
from tests.stories.told import Message, Told

PLOT: Plot = replace(
    draw(0), face=FaceKind.THREAD, acks=Acks.ALL, options={"acks": "all", "max_in_flight_requests_per_connection": 5}
)
STATUS = ProducerStatus(
    state=ProducerState.CLOSED,
    buffered_records=0,
    buffered_bytes=0,
    buffer_memory=1,
    waiting_for_space=0,
    in_flight_requests=0,
    known_brokers=0,
    connected_brokers=0,
    topics=(),
    delivered_total=0,
    failed_total=0,
    unobserved_failures_total=0,
    retries_total=0,
    engine_restarts=0,
    producer_id_resets=0,
    last_error=None,
    pid=1,
)


def told(number: int, *outcomes: RecordMetadata | ProduceError) -> Told:
    message = Message(number=number, topic="t", partition=0, key=None, value=b"%d" % number)
    return Told(message, list(outcomes))


def at(offset: int) -> RecordMetadata:
    return RecordMetadata("t", 0, offset, 0)


def life(*numbers: int, forgets: Iterable[int] = (), is_present: bool = True) -> Life:
    log = PartitionLog("t", 0, TopicSettings())
    for offset, number in enumerate(numbers):
        log.records.append(
            LoggedRecord(
                topic="t",
                partition=0,
                offset=offset,
                timestamp_ms=0,
                key=None,
                value=b"%d" % number,
                headers=(),
                producer_id=1,
                producer_epoch=0,
                sequence=offset,
            )
        )
    return Life("t", 0, log, list(forgets), is_present)


def problems(lives: list[Life], *outcomes: Told, plot: Plot = PLOT) -> list[str]:
    return problems_in_logs(Evidence(plot=plot, lives=lives, told=list(outcomes)))


UNSURE = DeliveryTimeoutError("late", is_retriable=True, may_be_persisted=True)
SURE = DeliveryTimeoutError("late", is_retriable=True)


def test_promises_that_were_kept_are_no_problem() -> None:
    assert problems([life(0, 1, 2)], told(0, at(0)), told(1, UNSURE), told(2, at(2)), told(3, SURE)) == []


@pytest.mark.parametrize(
    ("lives", "outcomes", "problem"),
    [
        ([life()], [told(0)], "told 0 outcomes"),
        ([life(0)], [told(0, at(0), at(0))], "told 2 outcomes"),
        ([life()], [told(0, at(0))], "was lost"),
        ([life(1, 0)], [told(0, at(0))], "was lost"),  # it is elsewhere
        ([life(0, 0)], [told(0, at(0))], "was doubled"),
        ([life(0, 0, forgets=[2])], [told(0, at(0))], "was doubled"),  # the leader forgot when both were there
        ([life(1, 0)], [told(0, at(1)), told(1, at(0))], "was overtaken"),
        ([life(0)], [told(0, SURE)], "told not to be persisted"),
    ],
)
def test_promise_that_was_broken_is_a_problem(lives: list[Life], outcomes: list[Told], problem: str) -> None:
    found = problems(lives, *outcomes)

    assert len(found) == 1
    assert problem in found[0]


def test_what_a_leader_without_memory_takes_twice_is_not_held_against_the_producer() -> None:
    assert problems([life(0, 0, forgets=[1])], told(0, at(1))) == []


def test_what_a_leader_takes_out_of_turn_because_it_forgot_again_is_not_held_against_the_producer() -> None:
    outcomes = told(0, at(1)), told(1, at(0))

    assert problems([life(1, 0, forgets=[0, 1])], *outcomes) == []
    assert len(problems([life(1, 0, forgets=[0])], *outcomes)) == 1


def test_what_is_gone_with_its_topic_was_not_persisted() -> None:
    assert problems([life(0, is_present=False), life()], told(0, SURE)) == []


def test_without_idempotence_what_is_there_twice_or_out_of_turn_is_no_problem() -> None:
    plot = replace(PLOT, acks=Acks.LEADER)

    assert problems([life(1, 0, 0)], told(0, at(1)), told(1, at(0)), plot=plot) == []


@pytest.mark.parametrize(("acks", "keeps_order"), [(Acks.LEADER, True), (Acks.NONE, False)])
def test_one_request_at_a_time_keeps_the_order_where_it_is_acknowledged(acks: Acks, keeps_order: bool) -> None:
    plot = replace(PLOT, acks=acks, options={"acks": acks, "max_in_flight_requests_per_connection": 1})

    found = problems([life(1, 0)], told(0, at(1)), told(1, at(0)), plot=plot)

    assert plot.keeps_order is keeps_order
    assert any("was overtaken" in problem for problem in found) is keeps_order


@pytest.mark.parametrize(
    ("status", "report", "undelivered", "problem"),
    [
        (replace(STATUS, buffered_bytes=1), None, [], "buffered_bytes is 1"),
        (replace(STATUS, engine_restarts=1), None, [], "the engine restarted"),
        (replace(STATUS, delivered_total=1), None, [], "1 are counted"),
        (replace(STATUS, failed_total=3), None, [], "3 are counted"),
        (STATUS, DrainReport(delivered=0, failed=0, undelivered=1, elapsed=0.0, pending=True), [b"0"], "is pending"),
        (STATUS, None, [], "on_undelivered got only 0"),
        (STATUS, None, [b"0", b"9"], "only 1 were told"),
    ],
)
def test_what_is_left_behind_or_counted_wrongly_is_a_problem(
    status: ProducerStatus, report: DrainReport | None, undelivered: list[bytes], problem: str
) -> None:
    close = report or DrainReport(delivered=0, failed=0, undelivered=1, elapsed=0.0)
    words = LastWords(reports=[close], status=status, undelivered=undelivered)

    assert any(problem in found for found in problems_at_the_end([told(0, DeliveryAbortedError("closed"))], words))


def test_violation_of_the_protocol_is_a_problem() -> None:
    close = DrainReport(delivered=0, failed=0, undelivered=0, elapsed=0.0)
    words = LastWords(reports=[close], status=STATUS, undelivered=[], violations=["a gap"])

    assert problems_at_the_end([], words) == ["a violation of the protocol: a gap"]
