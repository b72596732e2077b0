"""How long an import takes in a fresh interpreter."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.builds import Build
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import check_build, environment, python, run

__all__ = ("ImportTime",)

PROCESSES = 8  # the quickest counts: the others waited for the disk or for a core
TIMEOUT_SECONDS = 60

PROGRAM = """
import time
began = time.perf_counter()
{statement}
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, kw_only=True)
class ImportTime:
    """Time an import statement."""

    statement: str
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Run some interpreters and return the quickest import's time."""
        env = environment(bench, self.build)
        facts: dict[str, str] = {}
        if self.build is not None:
            tell = "import dekaf; print('compiled' if dekaf.compiled else 'interpreted')"
            facts["build"] = run(python("-c", tell), env=env, timeout=TIMEOUT_SECONDS).strip()
            check_build(self.build, facts)
        command = python("-c", PROGRAM.format(statement=self.statement))
        seconds = [float(run(command, env=env, timeout=TIMEOUT_SECONDS)) for _ in range(PROCESSES)]
        return Measured(metrics={"import_ms": min(seconds) * 1e3}, facts=facts)
