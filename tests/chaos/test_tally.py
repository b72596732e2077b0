"""The tally finds what was lost, doubled, reordered or flagged wrongly, and counts the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dekaf import DeliveryTimeoutError, RecordMetadata
from tests.broker.traffic import Told
from tests.chaos.tally import Tally, tally
from tests.kafka import ConsumedRecord

SURE = DeliveryTimeoutError("late")
UNSURE = DeliveryTimeoutError("late", may_be_persisted=True)


def log_of(*numbers: int) -> list[ConsumedRecord]:
    """Return a partition with these messages of the caller `c`."""
    return [
        ConsumedRecord(topic="t", partition=0, offset=at, key=b"c", value=b"%d" % number, headers=(), timestamp_ms=0)
        for at, number in enumerate(numbers)
    ]


def told(*offsets: int | DeliveryTimeoutError) -> dict[str, Told]:
    """Return what the caller was told of its messages: an offset, or an error."""
    one = Told()
    for number, outcome in enumerate(offsets):
        one.note(
            number,
            RecordMetadata("t", 0, outcome, 0) if isinstance(outcome, int) else None,
            None if isinstance(outcome, int) else outcome,
        )
    return {"c": one}


def test_what_was_kept_is_counted() -> None:
    result = tally({"c": 4}, told(0, 1, SURE, UNSURE), log_of(0, 1, 3), {"reset": 2})

    assert result == Tally(produced=4, delivered=2, failed=2, in_doubt=1, events={"reset": 2})
    assert result.is_kept
    assert str(result).startswith("4 records through 2 reset: 2 delivered, 2 failed (1 in doubt), 0 untold")


@pytest.mark.parametrize(
    ("offsets", "numbers", "found"),
    [
        ((0, 1), (0,), Tally(delivered=2, lost=1)),
        ((0, 1), (0, 1, 1), Tally(delivered=2, doubled=1, reordered=0)),
        ((1, 0), (1, 0), Tally(delivered=2, reordered=1)),
        ((0, SURE), (0, 1), Tally(delivered=1, failed=1, misflagged=1)),
        ((0,), (0,), Tally(delivered=1, untold=1)),
    ],
)
def test_what_was_broken_is_found(
    offsets: tuple[int | DeliveryTimeoutError, ...], numbers: tuple[int, ...], found: Tally
) -> None:
    result = tally({"c": 2}, told(*offsets), log_of(*numbers))

    assert result == replace(found, produced=2)
    assert not result.is_kept
