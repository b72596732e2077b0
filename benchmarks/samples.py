"""Samples: one contender's figures in one round; and what a report needs from many of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ("Sample", "Spread", "paired_ratios", "spread_of", "values_of")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one contender reached in one round of one row; `error` says why there are no figures."""

    row: str
    contender: str
    round: int
    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of some values, and the smallest and largest of them."""

    median: float
    low: float
    high: float
    count: int


def spread_of(values: Sequence[float]) -> Spread | None:
    """Return the spread of some values, None for none."""
    if not values:
        return None
    return Spread(median=statistics.median(values), low=min(values), high=max(values), count=len(values))


def values_of(samples: Iterable[Sample], row: str, contender: str, metric: str) -> dict[int, float]:
    """Return a contender's values of one metric by round; rounds that failed are missing."""
    return {
        sample.round: sample.metrics[metric]
        for sample in samples
        if (sample.row, sample.contender) == (row, contender) and metric in sample.metrics
    }


def paired_ratios(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Return ours divided by theirs, for each round that has both.

    Pairs of one round ran within seconds of each other, so that a machine which is slow for a minute is slow for both.
    Where theirs is not above zero - a difference of CPU that drowned in noise - there is nothing to divide by.
    """
    return [ours[number] / theirs[number] for number in sorted(ours) if theirs.get(number, 0) > 0]
