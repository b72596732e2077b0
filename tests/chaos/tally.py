"""What became of every record: what its caller was told, against what a consumer finds in the log."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.broker.traffic import Told
from tests.kafka import ConsumedRecord

__all__ = ("Tally", "tally")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records came to what.

    Args:
        produced: handed to the producer.
        delivered: told to be in the log.
        failed: told to have failed.
        in_doubt: of those that failed, told that they may be in the log.
        untold: of which nothing was told.
        lost: delivered, and not where they were told to be.
        doubled: in the log more than once.
        reordered: delivered, and in the log behind a later one of the same caller.
        misflagged: in the log, and told not to be.
    """

    produced: int = 0
    delivered: int = 0
    failed: int = 0
    in_doubt: int = 0
    untold: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    misflagged: int = 0
    events: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.untold or self.lost or self.doubled or self.reordered or self.misflagged)

    def __str__(self) -> str:
        events = ", ".join(f"{count} {name}" for name, count in sorted(self.events.items())) or "nothing"
        return (
            f"{self.produced:,} records through {events}: {self.delivered:,} delivered, {self.failed:,} failed "
            f"({self.in_doubt:,} in doubt), {self.untold} untold, {self.lost} lost, {self.doubled} doubled, "
            f"{self.reordered} reordered, {self.misflagged} misflagged"
        )


def tally(
    counts: Mapping[str, int],
    told: Mapping[str, Told],
    records: Sequence[ConsumedRecord],
    events: Mapping[str, int] | None = None,
) -> Tally:
    """Count what became of the records.

    Args:
        counts: how many each caller has produced, numbered from 0; its name is their key, a number their value.
        told: what each was told.
        records: what is in the topic, by partition and offset.
        events: what happened meanwhile.
    """
    places: dict[str, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    turns: dict[str, list[int]] = defaultdict(list)
    for record in records:
        caller, number = (record.key or b"").decode(), int(record.value or b"-1")
        places[caller][number].append((record.partition, record.offset))
        if number in told[caller].metadata:
            turns[caller].append(number)
    errors = [error for one in told.values() for error in one.errors.values()]
    return Tally(
        produced=sum(counts.values()),
        delivered=sum(len(one.metadata) for one in told.values()),
        failed=len(errors),
        in_doubt=sum(1 for error in errors if error.may_be_persisted),
        untold=sum(counts[caller] - len(one.metadata) - len(one.errors) for caller, one in told.items()),
        lost=sum(
            1
            for caller, one in told.items()
            for number, metadata in one.metadata.items()
            if (metadata.partition, metadata.offset) not in places[caller].get(number, [])
        ),
        doubled=sum(1 for found in places.values() for where in found.values() if len(where) > 1),
        reordered=sum(1 for turn in turns.values() for one, next_ in itertools.pairwise(turn) if next_ < one),
        misflagged=sum(
            1
            for caller, one in told.items()
            for number, error in one.errors.items()
            if number in places[caller] and not error.may_be_persisted
        ),
        events=dict(events or {}),
    )
