"""Row: one kind of work, who takes part, and what is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.measures.interface import Measure
from benchmarks.rows.names import OURS
from benchmarks.targets import Bound, Target

__all__ = ("Curve", "Row", "at_least", "at_most")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of work.

    `columns` are the metrics its table shows; `needs_broker` tells whether Kafka has to run, `needs_security` whether
    with TLS and SASL; `repeats` how often the contenders take turns for each round asked for, where one measurement is
    short.
    """

    name: str
    title: str
    contenders: Mapping[str, Measure]
    columns: tuple[str, ...]
    targets: tuple[Target, ...] = ()
    needs_broker: bool = True
    needs_security: bool = False
    repeats: int = 1


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The same work at growing sizes of one thing: `rows` by that thing's size."""

    name: str
    title: str
    axis: str
    rows: Mapping[int, Row]


def at_least(metric: str, limit: float, *against: str, ours: str = OURS) -> Target:
    """Return a target that asks for more: `limit` times the best of `against`."""
    return Target(metric=metric, bound=Bound.AT_LEAST, limit=limit, against=against, ours=ours)


def at_most(metric: str, limit: float, *against: str, ours: str = OURS) -> Target:
    """Return a target that asks for less: `limit` times the best of `against`."""
    return Target(metric=metric, bound=Bound.AT_MOST, limit=limit, against=against, ours=ours)
