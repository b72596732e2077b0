"""One step by itself, without a broker, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.builds import Build
from benchmarks.job import Answer
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import check_build, environment, python, run

__all__ = ("Step",)

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Step:
    """Run a program of `benchmarks.workers` that takes the step's name and prints an answer."""

    program: str
    step: str
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Measure once."""
        command = python("-m", f"benchmarks.workers.{self.program}", self.step)
        output = run(command, env=environment(bench, self.build), timeout=TIMEOUT_SECONDS)
        answer = Answer.from_json(output.splitlines()[-1])
        check_build(self.build, answer.facts)
        return Measured(metrics=answer.metrics, facts=answer.facts)
