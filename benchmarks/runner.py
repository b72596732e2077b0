"""Run rows in interleaved rounds: every contender once, then every contender again, each time in another order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.errors import BenchmarkError
from benchmarks.measures.interface import Bench, Measure
from benchmarks.rows import Row
from benchmarks.samples import Sample
from benchmarks.targets import METRICS

__all__ = ("order_of_round", "run_row")

Say = Callable[[str], None]


def run_row(row: Row, bench: Bench, *, rounds: int, say: Say) -> list[Sample]:
    """Measure a row and return its samples, the failed ones included."""
    samples: list[Sample] = []
    rounds *= row.repeats
    for number in range(1, rounds + 1):
        for contender in order_of_round(list(row.contenders), number):
            began = time.monotonic()
            sample = _take(row, contender, bench, number)
            samples.append(sample)
            say(f"  round {number}/{rounds}  {contender:<46}{_figures(sample)}  [{time.monotonic() - began:.0f} s]")
    return samples


def order_of_round(contenders: Sequence[str], number: int) -> list[str]:
    """Return who runs after whom in a round: turned by one each time, so that nobody always follows the same one."""
    turn = (number - 1) % len(contenders)
    return [*contenders[turn:], *contenders[:turn]]


def _take(row: Row, contender: str, bench: Bench, number: int) -> Sample:
    measure: Measure = row.contenders[contender]
    try:
        measured = measure.take(bench)
    except BenchmarkError as error:
        return Sample(row=row.name, contender=contender, round=number, error=str(error))
    except Exception as error:  # a run of hours goes on without the figure
        return Sample(row=row.name, contender=contender, round=number, error=f"{type(error).__name__}: {error}")
    return Sample(row=row.name, contender=contender, round=number, metrics=measured.metrics, facts=measured.facts)


def _figures(sample: Sample) -> str:
    if sample.error:
        return f"FAILED: {sample.error.splitlines()[-1][:200]}"
    known: Mapping[str, float] = {name: value for name, value in sample.metrics.items() if name in METRICS}
    return "  ".join(f"{METRICS[name].form.format(value):>9} {METRICS[name].unit}" for name, value in known.items())
