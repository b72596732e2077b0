"""Tables in Markdown."""

from __future__ import annotations

from benchmarks.rows import Row
from benchmarks.samples import Sample
from benchmarks.tables import markdown_table, row_table
from benchmarks.targets import Bound, Target

ROW = Row(
    name="row",
    title="some work",
    contenders={},
    columns=("rate",),
    targets=(Target(metric="rate", bound=Bound.AT_LEAST, limit=2, against=("peer",)),),
)


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    assert markdown_table(["who", "n"], [["a", "1"], ["bcde", "10"]]) == [
        "| who  |  n |",
        "|------|---:|",
        "| a    |  1 |",
        "| bcde | 10 |",
    ]


def test_a_row_that_was_not_measured_says_so() -> None:
    assert "not measured" in row_table(ROW, [])


def test_failures_are_listed_below_the_table() -> None:
    failed = Sample(row="row", contender="peer", round=2, error="a traceback\n99 messages were produced, 98 are there")

    assert "- row, peer, round 2 FAILED: 99 messages were produced, 98 are there" in row_table(ROW, [failed])
