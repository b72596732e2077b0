"""One step of the sender, driven without a thread or a socket, in a process of its own."""

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
    """Run one of `benchmarks.workers.sender_steps`."""

    step: str
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Measure once."""
        command = python("-m", "benchmarks.workers.sender_steps", self.step)
        output = run(command, env=environment(bench, self.build), timeout=TIMEOUT_SECONDS)
        answer = Answer.from_json(output.splitlines()[-1])
        check_build(self.build, answer.facts)
        return Measured(metrics=answer.metrics, facts=answer.facts)
