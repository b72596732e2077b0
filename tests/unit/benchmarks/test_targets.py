"""Verdicts on targets."""

from __future__ import annotations

from benchmarks.samples import Sample
from benchmarks.targets import Bound, Target, Verdict, judge


def samples_of(metric: str, **values: list[float]) -> list[Sample]:
    return [
        Sample(row="row", contender=contender, round=number, metrics={metric: value})
        for contender, series in values.items()
        for number, value in enumerate(series, start=1)
    ]


def at_least(limit: float, *against: str) -> Target:
    return Target(metric="rate", bound=Bound.AT_LEAST, limit=limit, against=against)


def at_most(limit: float, *against: str) -> Target:
    return Target(metric="cpu_us", bound=Bound.AT_MOST, limit=limit, against=against)


def test_a_ratio_at_the_limit_meets_the_target() -> None:
    result = judge(at_least(2, "peer"), "row", samples_of("rate", dekaf=[20.0], peer=[10.0]))

    assert result.verdict is Verdict.MET


def test_a_ratio_below_an_at_least_limit_misses_it() -> None:
    result = judge(at_least(2, "peer"), "row", samples_of("rate", dekaf=[19.0], peer=[10.0]))

    assert result.verdict is Verdict.MISSED


def test_a_ratio_above_an_at_most_limit_misses_it() -> None:
    result = judge(at_most(0.5, "peer"), "row", samples_of("cpu_us", dekaf=[6.0], peer=[10.0]))

    assert result.verdict is Verdict.MISSED


def test_the_median_of_the_ratios_is_judged_not_the_ratio_of_the_medians() -> None:
    # Round by round 1, 3 and 1; the medians are 30 and 20.
    samples = samples_of("rate", dekaf=[10.0, 30.0, 90.0], peer=[10.0, 10.0, 90.0])

    result = judge(at_least(1.2, "peer"), "row", samples)

    assert result.reached is not None
    assert result.reached.median == 1.0
    assert result.verdict is Verdict.MISSED


def test_the_quickest_peer_is_the_one_to_beat() -> None:
    samples = samples_of("rate", dekaf=[20.0], slow=[5.0], quick=[15.0])

    result = judge(at_least(2, "slow", "quick"), "row", samples)

    assert result.compared_to == "quick"
    assert result.verdict is Verdict.MISSED


def test_the_cheapest_peer_is_the_one_to_undercut() -> None:
    samples = samples_of("cpu_us", dekaf=[2.0], cheap=[3.0], dear=[9.0])

    assert judge(at_most(0.5, "dear", "cheap"), "row", samples).compared_to == "cheap"


def test_a_fixed_limit_is_compared_to_the_figure_itself() -> None:
    result = judge(at_most(2.2), "row", samples_of("cpu_us", dekaf=[2.0, 2.1, 9.0]))

    assert result.verdict is Verdict.MET


def test_without_our_figures_nothing_is_claimed() -> None:
    result = judge(at_least(2, "peer"), "row", samples_of("rate", peer=[10.0]))

    assert result.verdict is Verdict.NOT_MEASURED


def test_without_the_peers_figures_nothing_is_claimed() -> None:
    result = judge(at_least(2, "peer"), "row", samples_of("rate", dekaf=[10.0]))

    assert result.verdict is Verdict.NOT_MEASURED


def test_a_missed_target_is_printed_with_target_figure_and_verdict() -> None:
    text = str(judge(at_least(2, "peer"), "row", samples_of("rate", dekaf=[15.0], peer=[10.0])))

    assert text == "dekaf: messages ≥ 2 times peer: 1.50 times (1.50 to 1.50) MISSED"
