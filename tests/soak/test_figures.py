"""The limits of a soak are broken by what grows, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.figures import Sample, broken_limits, memory_slope

CALM = [
    Sample(
        at=at * 10.0,
        memory_mib=80.0 + at % 3,
        descriptors=12 + at % 2,
        threads=6,
        futures=40 + at % 7,
        p50_ms=2.0,
        p99_ms=9.0 + at % 4,
        delivered=at * 1000,
    )
    for at in range(360)
]


def test_what_only_varies_breaks_no_limit() -> None:
    assert broken_limits(CALM) == []
    assert abs(memory_slope(CALM)) < 0.1


def test_what_grows_while_the_process_warms_up_breaks_no_limit() -> None:
    cold = [replace(one, memory_mib=one.memory_mib - max(0.0, 40.0 - one.at)) for one in CALM]

    assert broken_limits(cold) == []


@pytest.mark.parametrize(
    ("field", "step", "problem"),
    [
        ("memory_mib", 0.05, "memory grew by 18.0 MiB an hour"),
        ("descriptors", 0.05, "descriptors grew"),
        ("threads", 0.05, "threads grew"),
        ("futures", 1.0, "futures grew"),
        ("p99_ms", 1.0, "p99 grew"),
    ],
)
def test_what_grows_and_grows_breaks_its_limit(field: str, step: float, problem: str) -> None:
    growing = [replace(one, **{field: getattr(one, field) + step * number}) for number, one in enumerate(CALM)]

    (broken,) = broken_limits(growing)

    assert problem in broken


def test_too_few_looks_say_nothing() -> None:
    assert broken_limits(CALM[:5]) == ["4 looks are too few to say anything"]
