"""The table of rows is consistent with itself."""

from __future__ import annotations

import pytest

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Row
from benchmarks.selection import select
from benchmarks.targets import METRICS

ALL_ROWS = select(["all"]).all_rows


def test_names_are_unique() -> None:
    names = [row.name for row in ALL_ROWS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.name)
def test_targets_name_contenders_and_metrics_that_exist(row: Row) -> None:
    for target in row.targets:
        assert {target.ours, *target.against} <= set(row.contenders)
        assert target.metric in METRICS


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.name)
def test_columns_are_known_metrics(row: Row) -> None:
    assert set(row.columns) <= set(METRICS)


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.name)
def test_what_is_called_interpreted_asks_for_the_interpreted_build(row: Row) -> None:
    builds = {name: measure.build for name, measure in row.contenders.items() if name.startswith("dekaf")}

    assert {name: Build.INTERPRETED if "interpreted" in name else Build.COMPILED for name in builds} == builds


def test_a_group_stands_for_its_rows() -> None:
    assert [row.name for row in select(["steps"]).rows] == [
        "step-fire",
        "step-request",
        "step-response",
        "step-await",
        "step-telemetry",
    ]


def test_rows_come_in_the_order_of_the_table() -> None:
    assert [row.name for row in select(["block", "fire"]).rows] == ["fire", "block"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BenchmarkError, match=r"unknown: fier.*fire-keyless"):
        select(["fier"])
