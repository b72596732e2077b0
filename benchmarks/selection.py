"""Which rows, curves and steps a command line names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.rows import CURVES, ROWS, SECURE, STEPS, WEB, Curve, Row

__all__ = ("Selection", "names_of", "select")

GROUPS = {
    "main": ["fire", "await-1000", "await-1", "block"],  # what most people ask first
    "web": [row.name for row in WEB],
    "rows": [row.name for row in ROWS],
    "secure": [row.name for row in SECURE],
    "steps": [row.name for row in STEPS],
    "curves": [curve.name for curve in CURVES],
}
SINGLE_ROWS = {row.name: row for row in (*ROWS, *SECURE, *STEPS)}
CURVES_BY_NAME = {curve.name: curve for curve in CURVES}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to measure."""

    rows: Sequence[Row]
    curves: Sequence[Curve]

    @property
    def all_rows(self) -> list[Row]:
        """The rows, then those of the curves, in order of measurement."""
        return [*self.rows, *(row for curve in self.curves for row in curve.rows.values())]


def names_of() -> str:
    """Return all names by group, for the help text."""
    return "; ".join(f"{group}: {', '.join(names)}" for group, names in GROUPS.items())


def select(names: Sequence[str]) -> Selection:
    """Return what the names stand for, in the order of the table; "all" is everything.

    Raises:
        BenchmarkError: a name is unknown.
    """
    wanted: set[str] = set()
    for name in names:
        if name == "all":
            wanted.update(*GROUPS.values())
        else:
            wanted.update(GROUPS.get(name, [name]))
    if unknown := wanted - set(SINGLE_ROWS) - set(CURVES_BY_NAME):
        raise BenchmarkError(f"unknown: {', '.join(sorted(unknown))}. There are all, {', '.join(GROUPS)}; {names_of()}")
    return Selection(
        rows=[row for name, row in SINGLE_ROWS.items() if name in wanted],
        curves=[curve for name, curve in CURVES_BY_NAME.items() if name in wanted],
    )
