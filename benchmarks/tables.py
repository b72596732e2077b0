"""Tables of figures and verdicts in Markdown, which reads well on a terminal, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.results import Results
from benchmarks.rows import Curve, Row
from benchmarks.samples import Sample, spread_of, values_of
from benchmarks.selection import Selection
from benchmarks.targets import METRICS, judge

__all__ = ("curve_table", "markdown_table", "report", "row_table")

NOTE = """\
Medians, with the lowest and the highest round in parentheses. A ratio is the median of the ratios round by round; where
several contenders are named, it is to the best of them. How this was measured, and what it cannot show: the README
beside the harness."""


def report(results: Results, selection: Selection) -> str:
    """Return the whole report: everything that was measured, the settings, the machine."""
    measured = {sample.row for sample in results.samples}
    rows = [row_table(row, results.samples) for row in selection.rows if row.name in measured]
    curves = [
        curve_table(curve, results.samples)
        for curve in selection.curves
        if any(row.name in measured for row in curve.rows.values())
    ]
    facts = [f"- {name}: {value}" for name, value in {**results.settings, **results.machine}.items()]
    ending = ["## Settings, machine, versions", "", *facts, ""]
    return "\n".join(["# Benchmark results", "", NOTE, "", *rows, *curves, *ending])


def row_table(row: Row, samples: Sequence[Sample]) -> str:
    """Return one row's figures, and its targets with their verdicts."""
    heads = ["contender", *(f"{METRICS[metric].title}, {METRICS[metric].unit}" for metric in row.columns)]
    lines = [
        [contender, *(_cell(samples, row.name, contender, metric) for metric in row.columns)]
        for contender in row.contenders
    ]
    verdicts = [f"- {judge(target, row.name, samples)}" for target in row.targets]
    failures = _failures([row], samples)
    return "\n".join([f"### {row.title}", "", *markdown_table(heads, lines), "", *verdicts, *failures, ""])


def curve_table(curve: Curve, samples: Sequence[Sample]) -> str:
    """Return a curve's rates: a line per point, a column per contender."""
    metric = "rate"
    contenders = list(next(iter(curve.rows.values())).contenders)
    lines = [
        [f"{point:,}", *(_cell(samples, row.name, contender, metric) for contender in contenders)]
        for point, row in curve.rows.items()
    ]
    title = f"### {METRICS[metric].unit} by {curve.axis} ({curve.title})"
    failures = _failures(curve.rows.values(), samples)
    return "\n".join([title, "", *markdown_table([curve.axis, *contenders], lines), "", *failures, ""])


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Return a table whose first column is text and whose others are numbers, aligned."""
    rows = [list(heads), *(list(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    text = ["| " + " | ".join(_aligned(row, widths)) + " |" for row in rows]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return [text[0], rule, *text[1:]]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def _cell(samples: Sequence[Sample], row: str, contender: str, metric: str) -> str:
    spread = spread_of(list(values_of(samples, row, contender, metric).values()))
    if spread is None:
        return "-"
    form = METRICS[metric].form
    return f"{form.format(spread.median)} ({form.format(spread.low)} to {form.format(spread.high)})"


def _failures(rows: Iterable[Row], samples: Sequence[Sample]) -> list[str]:
    names = {row.name for row in rows}
    failed = [sample for sample in samples if sample.row in names and sample.error]
    return [
        f"- {sample.row}, {sample.contender}, round {sample.round} FAILED: {sample.error.splitlines()[-1]}"
        for sample in failed
    ]
