"""Medians, spreads, and ratios within rounds."""

from __future__ import annotations

import pytest

from benchmarks.samples import Sample, paired_ratios, spread_of, values_of


def test_spread_has_the_median_and_both_ends() -> None:
    spread = spread_of([3.0, 1.0, 10.0])

    assert spread is not None
    assert (spread.median, spread.low, spread.high, spread.count) == (3.0, 1.0, 10.0, 3)


def test_nothing_has_no_spread() -> None:
    assert spread_of([]) is None


def test_values_are_those_of_one_row_contender_and_metric() -> None:
    samples = [
        Sample(row="fire", contender="dekaf", round=1, metrics={"rate": 5.0}),
        Sample(row="fire", contender="dekaf", round=2, error="killed after 60 s"),
        Sample(row="fire", contender="dekaf", round=3, metrics={"rate": 7.0, "cpu_us": 1.0}),
        Sample(row="fire", contender="aiokafka", round=1, metrics={"rate": 1.0}),
        Sample(row="block", contender="dekaf", round=1, metrics={"rate": 2.0}),
    ]

    assert values_of(samples, "fire", "dekaf", "rate") == {1: 5.0, 3: 7.0}


def test_ratios_are_taken_within_rounds() -> None:
    ratios = paired_ratios({1: 10.0, 2: 40.0}, {1: 5.0, 2: 10.0})

    assert ratios == pytest.approx([2.0, 4.0])


def test_a_round_that_one_side_failed_gives_no_ratio() -> None:
    assert paired_ratios({1: 10.0, 3: 9.0}, {1: 5.0, 2: 10.0}) == [2.0]


@pytest.mark.parametrize("theirs", [0.0, -0.4])
def test_a_round_in_which_the_peer_cost_nothing_measurable_gives_no_ratio(theirs: float) -> None:
    assert paired_ratios({1: 10.0}, {1: theirs}) == []
