"""What must hold of every producer's run, whatever went wrong on the way."""

from __future__ import annotations

import concurrent.futures
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dekaf.errors import ProduceError
from dekaf.testing import FakeCluster, LoggedRecord
from dekaf.types import ProducerStatus, RecordMetadata
from tests.scenarios.faces import PATIENCE, Face, Handle


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a producer said about one message."""

    value: bytes
    metadata: RecordMetadata | None
    error: ProduceError | None


class Ledger:
    """Everything that was produced to one topic, in order, with distinct values."""

    def __init__(self, face: Face, topic: str) -> None:
        self._face = face
        self._topic = topic
        self._entries: list[tuple[bytes, Handle]] = []

    def produce(self, count: int, *, partition: int | None = 0, key: bytes | None = None) -> list[Handle]:
        """Produce that many messages."""
        first = len(self._entries)
        for number in range(first, first + count):
            value = b"%06d" % number
            self._entries.append((value, self._face.produce(self._topic, value, key=key, partition=partition)))
        return [handle for _, handle in self._entries[first:]]

    def outcomes(self) -> list[Outcome]:
        """Wait for all outcomes, and return them in the order of producing."""
        return [_outcome(value, handle) for value, handle in self._entries]

    def unanswered(self) -> int:
        """Return how many messages have no outcome yet."""
        return sum(1 for _, handle in self._entries if not handle.done())


def succeed_in_order(cluster: FakeCluster, topic: str, outcomes: list[Outcome]) -> None:
    """Assert that every message was delivered, and all that `keep_promises` does."""
    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
    keep_promises(cluster, topic, outcomes)


def keep_promises(cluster: FakeCluster, topic: str, outcomes: list[Outcome], *, is_idempotent: bool = True) -> None:
    """Assert what a producer promises.

    Every acknowledged message is in the log, at its offset; nothing is in the log twice or out of order (with
    idempotence); and a failed message that is in the log after all said that it may be.
    """
    by_value = _by_value(cluster.log(topic))
    for outcome in outcomes:
        found = by_value.get(outcome.value, [])
        if is_idempotent:
            assert len(found) <= 1, f"{outcome.value!r} was written {len(found)} times; {outcome}"
        if outcome.metadata is not None:
            _assert_delivered(outcome.metadata, found)
        else:
            assert outcome.error is not None
            assert not found or outcome.error.may_be_persisted, f"{outcome} is in the log"
    if is_idempotent:
        _assert_order(cluster.log(topic), outcomes)
    assert set(by_value) <= {outcome.value for outcome in outcomes}
    assert cluster.violations == []


def leave_nothing_behind(status: ProducerStatus, outcomes: Iterable[Outcome]) -> None:
    """Assert that a closed producer holds nothing any more, and has counted every outcome once."""
    outcomes = list(outcomes)
    assert status.buffered_records == 0
    assert status.buffered_bytes == 0
    assert status.waiting_for_space == 0
    assert status.delivered_total == sum(1 for outcome in outcomes if outcome.metadata is not None)
    assert status.failed_total == sum(1 for outcome in outcomes if outcome.error is not None)


def _outcome(value: bytes, handle: Handle) -> Outcome:
    try:
        return Outcome(value, handle.result(PATIENCE), None)
    except concurrent.futures.TimeoutError:
        if handle.done():  # the producer's own error is a TimeoutError, too
            error = handle.exception()
            assert isinstance(error, ProduceError), error
            return Outcome(value, None, error)
        raise AssertionError(f"{value!r} never got an outcome") from None
    except ProduceError as error:
        return Outcome(value, None, error)


def _by_value(log: list[LoggedRecord]) -> dict[bytes, list[LoggedRecord]]:
    by_value: dict[bytes, list[LoggedRecord]] = defaultdict(list)
    for record in log:
        assert record.value is not None
        by_value[record.value].append(record)
    return dict(by_value)


def _assert_delivered(metadata: RecordMetadata, found: list[LoggedRecord]) -> None:
    assert found, f"{metadata} was acknowledged and is not in the log"
    if not metadata.has_offset:
        return
    places = [(record.partition, record.offset) for record in found]
    assert (metadata.partition, metadata.offset) in places, f"{metadata} is at {places}"


def _assert_order(log: list[LoggedRecord], outcomes: list[Outcome]) -> None:
    """Check what was delivered. What failed, but may be written, can lie in a broker and come out of turn."""
    turn = {outcome.value: number for number, outcome in enumerate(outcomes) if outcome.error is None}
    last: dict[int, int] = {}
    for record in log:
        assert record.value is not None
        number = turn.get(record.value)
        if number is None:
            continue
        assert number > last.get(record.partition, -1), f"{record} was overtaken"
        last[record.partition] = number
