"""What must hold at the end of a story: the logs against what was told, as pure functions.

Each returns what is wrong, in words, with the message's number; nothing, if a promise was kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from dekaf.errors import DeliveryAbortedError, ProduceError
from dekaf.reports import DrainReport, ProducerStatus
from dekaf.testing import LoggedRecord
from dekaf.types import Acks, RecordMetadata
from tests.stories.plot import Plot
from tests.stories.stage import Life
from tests.stories.told import AWAIT, Told

__all__ = ("Evidence", "LogChecks", "problems_at_the_end", "problems_in_logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a story that is over.

    Args:
        plot: what its seed decided.
        lives: all logs there were.
        told: what was told of every message, in the order of producing.
    """

    plot: Plot
    lives: list[Life]
    told: list[Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWords:
    """What a producer says of itself when it is closed.

    Args:
        reports: of every flush, and of the close, which is the last.
        status: afterwards.
        undelivered: what `on_undelivered` got.
        violations: what the cluster objects to.
    """

    reports: list[DrainReport]
    status: ProducerStatus
    undelivered: list[bytes]
    violations: list[str] = field(default_factory=list)


def problems_in_logs(evidence: Evidence) -> list[str]:
    """Return what was lost, doubled, overtaken or flagged wrongly."""
    checks = LogChecks(evidence)
    return [*checks.untold(), *checks.lost(), *checks.doubled(), *checks.overtaken(), *checks.misflagged()]


class LogChecks:
    """The logs of a story against what was told."""

    def __init__(self, evidence: Evidence) -> None:
        self._plot = evidence.plot
        self._lives = evidence.lives
        self._told = evidence.told
        self._places: dict[bytes, list[LoggedRecord]] = defaultdict(list)
        for life in evidence.lives:
            for record in life.records:
                self._places[record.value or b""].append(record)

    def untold(self) -> Iterator[str]:
        """Every outcome is told, once."""
        for told in self._told:
            if len(told.outcomes) != 1:
                yield f"{_name(told)} was told {len(told.outcomes)} outcomes"

    def lost(self) -> Iterator[str]:
        """What was told as delivered is in the log, at its place, unless brokers were not to answer."""
        for told in self._told:
            metadata = told.metadata
            if metadata is None or self._plot.acks is Acks.NONE:
                continue
            found = self._places.get(told.message.value, [])
            if not any(_is_there(record, metadata) for record in found):
                places = [(record.topic, record.partition, record.offset) for record in found]
                yield f"{_name(told)} was lost: told {metadata}, and is at {places}"

    def doubled(self) -> Iterator[str]:
        """With idempotence nothing is in a log twice, unless its leader forgot its producers in between."""
        if not self._plot.is_idempotent:
            return
        for life in self._lives:
            last: dict[bytes, int] = {}
            for record in life.records:
                value = record.value or b""
                before = last.get(value)
                last[value] = record.offset
                if before is not None and not life.forgot_between(before, record.offset):
                    yield f"{value[:6]!r} was doubled in {life.topic}-{life.partition}: {before} and {record.offset}"

    def overtaken(self) -> Iterator[str]:
        """What was delivered is in each log in the order of producing.

        What failed, but may be written, can lie in a broker and come out of turn; what is there twice, in two lives of
        a topic or because the leader forgot its producers, came at one of these times. And a leader that forgets once
        more, after it has taken a later batch before an earlier one, takes that, too.
        """
        if not self._plot.keeps_order:
            return
        turn = {told.message.value: told.message.number for told in self._told if self._has_a_turn(told)}
        for life in self._lives:
            last, last_at = -1, -1
            for record in life.records:
                value = record.value or b""
                number = turn.get(value)
                if number is None or len(self._places[value]) > 1:
                    continue
                if number > last:
                    last, last_at = number, record.offset
                elif not life.forgot_between(last_at, record.offset):
                    yield f"#{number} was overtaken by #{last} in {life.topic}-{life.partition}"

    def _has_a_turn(self, told: Told) -> bool:
        in_line = self._plot.tasks_wait_in_line and told.message.way == AWAIT
        return told.metadata is not None and not in_line

    def misflagged(self) -> Iterator[str]:
        """What is told not to be persisted is not in the log there is."""
        present = {record.value for life in self._lives if life.is_present for record in life.records}
        for told in self._told:
            if told.message.value not in present or not told.outcomes:
                continue
            error = told.error
            if told.was_refused or (error is not None and not error.may_be_persisted):
                yield f"{_name(told)} is in the log, and was told not to be persisted: {told.outcomes[0]!r}"


def problems_at_the_end(told: list[Told], words: LastWords) -> list[str]:
    """Return what is wrong about what a producer says of itself when it is closed."""
    return [
        *_leftovers(words.status),
        *_miscounted(told, words),
        *_misreported(told, words),
        *(f"a violation of the protocol: {violation}" for violation in words.violations),
    ]


def _leftovers(status: ProducerStatus) -> Iterator[str]:
    left = {
        "buffered_records": status.buffered_records,
        "buffered_bytes": status.buffered_bytes,
        "waiting_for_space": status.waiting_for_space,
        "in_flight_requests": status.in_flight_requests,
    }
    for name, value in left.items():
        if value:
            yield f"after the close, {name} is {value}"
    if status.engine_restarts:
        yield f"the engine restarted {status.engine_restarts} times: {status.last_error}"


def _miscounted(told: list[Told], words: LastWords) -> Iterator[str]:
    delivered = sum(1 for one in told if one.metadata is not None)
    # Its caller was told that its own time was over; what becomes of the record is counted all the same.
    in_doubt = sum(1 for one in told if one.error is not None and one.error.may_be_persisted)
    failed = sum(1 for one in told if one.error is not None and not one.was_refused)
    status, close = words.status, words.reports[-1]
    if not delivered <= status.delivered_total <= delivered + in_doubt:
        yield f"{delivered} were delivered, {in_doubt} in doubt, and {status.delivered_total} are counted"
    if status.failed_total > failed:
        yield f"{failed} failed, and {status.failed_total} are counted"
    if sum(report.delivered for report in words.reports) != status.delivered_total:
        yield f"the reports have {[report.delivered for report in words.reports]} of {status.delivered_total} delivered"
    if close.pending:
        yield "the close is pending"


def _misreported(told: list[Told], words: LastWords) -> Iterator[str]:
    aborted = Counter(one.message.value for one in told if isinstance(one.error, DeliveryAbortedError))
    in_doubt = Counter(one.message.value for one in told if one.error is not None and one.error.may_be_persisted)
    handed_over = Counter(words.undelivered)
    if aborted - handed_over:
        yield f"{aborted.total()} were given up, and on_undelivered got only {handed_over.total()}"
    # Those whose callers had been told that their own time was over stayed accepted, and were given up later.
    if handed_over - aborted - in_doubt:
        yield f"on_undelivered got {handed_over.total()}, of which only {aborted.total()} were told to be given up"
    if words.reports[-1].undelivered != handed_over.total():
        yield f"the close reports {words.reports[-1].undelivered} undelivered of {handed_over.total()} handed over"


def _is_there(record: LoggedRecord, metadata: RecordMetadata) -> bool:
    place = (record.topic, record.partition, record.offset)
    if not metadata.has_offset:  # a broker that no longer knew the offset of what it recognised
        return place[:2] == (metadata.topic, metadata.partition)
    return place == (metadata.topic, metadata.partition, metadata.offset)


def _name(told: Told) -> str:
    message = told.message
    place = "?" if message.partition is None else message.partition
    return f"#{message.number} to {message.topic}-{place}"


def safe_to_retry(error: ProduceError | None) -> bool:
    """Return whether an error says that its message may be produced again."""
    return error is not None and error.is_retriable and not error.may_be_persisted
