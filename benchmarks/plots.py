"""Plots as SVG: medians as bars or lines, with the lowest and the highest round as whiskers. Needs matplotlib."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Results
from benchmarks.rows import Curve, Row
from benchmarks.samples import Sample, Spread, spread_of, values_of
from benchmarks.selection import Selection
from benchmarks.targets import METRICS

__all__ = ("draw",)

OURS_COLOUR, PEERS_COLOUR = "#2563eb", "#9ca3af"


def draw(results: Results, selection: Selection, folder: Path) -> list[Path]:
    """Draw everything that was measured, and return the files; none without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        return []
    _matplotlib().rcParams["svg.hashsalt"] = "dekaf"  # the same figures give the same file
    measured = {sample.row for sample in results.samples if sample.metrics}
    rows = [_draw_row(row, results.samples, folder) for row in selection.rows if row.name in measured]
    curves = [
        _draw_curve(curve, results.samples, folder)
        for curve in selection.curves
        if any(row.name in measured for row in curve.rows.values())
    ]
    return [*rows, *curves]


def _matplotlib(module: str = "") -> Any:
    # Optional, and not among the packages that the type checker sees.
    return importlib.import_module(f"matplotlib{module}")


def _new_figure(**options: Any) -> Any:
    return _matplotlib(".figure").Figure(**options)


def _draw_row(row: Row, samples: Sequence[Sample], folder: Path) -> Path:
    contenders = list(row.contenders)[::-1]  # the first on top
    figure = _new_figure(figsize=(5 * len(row.columns), 0.9 + 0.35 * len(contenders)), layout="constrained")
    figure.suptitle(row.title)
    for axes, metric in zip(figure.subplots(1, len(row.columns), squeeze=False)[0], row.columns, strict=True):
        spreads = [spread_of(list(values_of(samples, row.name, name, metric).values())) for name in contenders]
        known = [(name, spread) for name, spread in zip(contenders, spreads, strict=True) if spread is not None]
        axes.barh(
            [name for name, _ in known],
            [spread.median for _, spread in known],
            xerr=_whiskers([spread for _, spread in known]),
            color=[OURS_COLOUR if name.startswith("dekaf") else PEERS_COLOUR for name, _ in known],
            capsize=3,
        )
        axes.set_xlabel(f"{METRICS[metric].title}, {METRICS[metric].unit}")
        _plain_axis(axes.xaxis)
    return _save(figure, folder / f"{row.name}.svg")


def _draw_curve(curve: Curve, samples: Sequence[Sample], folder: Path) -> Path:
    figure = _new_figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for contender in next(iter(curve.rows.values())).contenders:
        found = [
            (point, spread_of(list(values_of(samples, row.name, contender, "rate").values())))
            for point, row in curve.rows.items()
        ]
        known = [(point, spread) for point, spread in found if spread is not None]
        axes.errorbar(
            [point for point, _ in known],
            [spread.median for _, spread in known],
            yerr=_whiskers([spread for _, spread in known]),
            label=contender,
            marker="o",
            capsize=3,
        )
    axes.set(xscale="log", yscale="log", xlabel=curve.axis, ylabel=METRICS["rate"].unit, title=curve.title)
    axes.set_xticks(list(curve.rows), [f"{point:,}" for point in curve.rows])
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return _save(figure, folder / f"{curve.name}.svg")


def _whiskers(spreads: Sequence[Spread]) -> tuple[list[float], list[float]]:
    below = [spread.median - spread.low for spread in spreads]
    above = [spread.high - spread.median for spread in spreads]
    return below, above


def _plain_axis(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.get_major_locator().set_params(nbins=5)


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, metadata={"Date": None})
    return path
