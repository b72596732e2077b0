"""Start Python processes that see the intended build of dekaf, and nothing else of this tree before it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.builds import ROOT, Build
from benchmarks.errors import BenchmarkError
from benchmarks.measures.interface import Bench

__all__ = ("check_build", "environment", "python", "run")


def python(*arguments: str) -> list[str]:
    """Return a command line of this interpreter that does not put the working directory on the path.

    The working directory has dekaf's sources, which would win over the build that is to be measured.
    """
    return [sys.executable, "-P", *arguments]


def environment(bench: Bench, build: Build | None) -> dict[str, str]:
    """Return the environment of a process that measures this build."""
    folders = [*([str(bench.builds[build])] if build else []), str(ROOT)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DEKAF_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(folders)}


def run(command: Sequence[str], *, env: dict[str, str] | None = None, timeout: float) -> str:
    """Run a process to its end and return what it printed.

    Raises:
        BenchmarkError: it failed, or took too long and was killed.
    """
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"killed after {timeout:.0f} s") from error
    if done.returncode != 0:
        raise BenchmarkError(f"exit code {done.returncode}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def check_build(build: Build | None, facts: dict[str, str]) -> None:
    """Refuse figures of another build than the one they would be reported under.

    Raises:
        BenchmarkError: the process ran another build.
    """
    found = facts.get("build")
    if build is not None and found != build.value:
        raise BenchmarkError(f"this was to measure dekaf {build.value}, but it ran {found or 'no dekaf'}")
