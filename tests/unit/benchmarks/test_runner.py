"""Rounds: who runs when, and what becomes of a failure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import check_build
from benchmarks.results import Results, load, save
from benchmarks.rows import Row
from benchmarks.runner import order_of_round, run_row
from benchmarks.samples import Sample
from tests.kafka import KafkaCluster


@dataclass(frozen=True)
class Scripted:
    """A measure that gives the same figure each time, or fails."""

    rate: float
    error: Exception | None = None
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        if self.error is not None:
            raise self.error
        return Measured(metrics={"rate": self.rate * bench.scale})


@pytest.fixture
def bench() -> Bench:
    return Bench(cluster=KafkaCluster(0), builds={})  # never started


def row_of(**contenders: Scripted) -> Row:
    return Row(name="row", title="a row", contenders=contenders, columns=("rate",))


def test_every_contender_runs_once_per_round(bench: Bench) -> None:
    samples = run_row(row_of(a=Scripted(1), b=Scripted(2)), bench, rounds=3, say=lambda _: None)

    assert sorted((sample.round, sample.contender) for sample in samples) == [
        (1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (3, "b"),
    ]  # fmt: skip


def test_short_measurements_take_more_turns(bench: Bench) -> None:
    row = Row(name="row", title="a row", contenders={"a": Scripted(1), "b": Scripted(2)}, columns=("rate",), repeats=4)

    samples = run_row(row, bench, rounds=5, say=lambda _: None)

    assert [sample.round for sample in samples if sample.contender == "a"] == list(range(1, 21))
    assert [sample.contender for sample in samples[:4]] == ["a", "b", "b", "a"]


def test_the_order_turns_with_every_round() -> None:
    orders = [order_of_round(["a", "b", "c"], number) for number in (1, 2, 3, 4)]

    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


@pytest.mark.parametrize("error", [BenchmarkError("the log is short"), OSError("the log is short")])
def test_a_failure_is_kept_as_such_and_the_others_go_on(bench: Bench, error: Exception) -> None:
    told: list[str] = []

    samples = run_row(row_of(a=Scripted(1, error), b=Scripted(2)), bench, rounds=1, say=told.append)

    assert [(sample.contender, "the log is short" in sample.error, sample.metrics) for sample in samples] == [
        ("a", True, {}),
        ("b", False, {"rate": 2.0}),
    ]
    assert "FAILED" in told[0]


@pytest.mark.parametrize("facts", [{}, {"build": "interpreted"}])
def test_an_interpreted_process_is_never_reported_as_compiled(facts: dict[str, str]) -> None:
    with pytest.raises(BenchmarkError, match="was to measure dekaf compiled"):
        check_build(Build.COMPILED, facts)


def test_samples_survive_being_written_and_read(tmp_path: Path) -> None:
    samples = [
        Sample(row="fire", contender="dekaf", round=1, metrics={"rate": 1.5}, facts={"build": "compiled"}),
        Sample(row="fire", contender="aiokafka", round=1, error="killed after 60 s"),
    ]
    results = Results(machine={"Python": "CPython 3.12"}, settings={"rounds": "1"}, samples=samples)

    save(results, tmp_path / "new")

    assert load(tmp_path / "new") == results
