"""How long a fresh interpreter takes until a client is imported, or until its first message is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import check_build, environment, python, run
from benchmarks.topics import count_records, fresh_topic

__all__ = ("FirstMessageTime", "ImportTime")

TIMEOUT_SECONDS = 60

# The client tells its build after the clock has stopped.
PROGRAM = """
import sys, time
servers, topic = sys.argv[1:]
began = time.perf_counter()
{statements}
seconds = time.perf_counter() - began
dekaf = sys.modules.get("dekaf")
print(seconds, "none" if dekaf is None else "compiled" if dekaf.compiled else "interpreted")
"""


@dataclass(frozen=True, kw_only=True)
class ImportTime:
    """Time an import statement, in one process."""

    statement: str
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Import once."""
        seconds, facts = _timed(bench, self.build, self.statement)
        return Measured(metrics={"import_ms": seconds * 1e3}, facts=facts)


@dataclass(frozen=True, kw_only=True)
class FirstMessageTime:
    """Time the import and the first message of a process; `servers` and `topic` are names of the statements."""

    statements: str
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Produce one message to a topic that is there."""
        with fresh_topic(bench.cluster, partitions=4) as topic:
            seconds, facts = _timed(bench, self.build, self.statements, bench.cluster.bootstrap_servers, topic)
            found = count_records(bench.cluster.bootstrap_servers, topic)
        if found != 1:
            raise BenchmarkError(f"one message was produced, {found} are in the topic")
        return Measured(metrics={"first_message_ms": seconds * 1e3}, facts=facts)


def _timed(
    bench: Bench, build: Build | None, statements: str, servers: str = "", topic: str = ""
) -> tuple[float, dict[str, str]]:
    command = python("-c", PROGRAM.format(statements=statements), servers, topic)
    seconds, found = run(command, env=environment(bench, build), timeout=TIMEOUT_SECONDS).split()
    facts = {} if build is None else {"build": found}
    check_build(build, facts)
    return float(seconds), facts
