"""Start a fuzzing process and watch over it: an input that kills it, or keeps it for ever, is a finding as well."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.campaign import Finding
from tests.fuzz.slot import Progress, Slot
from tests.fuzz.worker import FOUND

__all__ = ("Report", "problem_of", "watch")

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 60.0  # seconds without a single input done
_GLANCE: Final = 0.5  # seconds between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one target."""

    target: str
    progress: Progress
    seconds: float
    finding: Finding | None


def watch(
    target: str, runs: int, seed: int, tell: Callable[[str, Progress], None], *, patience: float = PATIENCE
) -> Report:
    """Fuzz one target in a process of its own.

    Args:
        target: its name.
        runs: how many inputs.
        seed: of the randomness.
        tell: called twice a second with how far it has come.
        patience: seconds that one input may take before the process is given up.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dekaf-fuzz-") as folder:
        path = Path(folder) / "slot"
        with Slot.create(path) as slot:
            command = [sys.executable, "-m", "tests.fuzz.worker", target, str(runs), str(seed), str(path)]
            with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
                try:
                    problem = problem_of(process, slot, patience, lambda: tell(target, slot.progress()))
                finally:
                    process.kill()
            variant, data = slot.current()
            return Report(
                target=target,
                progress=slot.progress(),
                seconds=time.monotonic() - started,
                finding=None if problem is None else Finding(target, variant, data, problem),
            )


def problem_of(process: subprocess.Popen[str], slot: Slot, patience: float, tell: Callable[[], None]) -> str | None:
    """Wait for the end of a process; return what went wrong, if anything did."""
    seen = -1
    moved = time.monotonic()
    while True:
        try:
            _, complaint = process.communicate(timeout=_GLANCE)
        except subprocess.TimeoutExpired:
            tell()
            runs = slot.progress().runs
            if runs != seen:
                seen, moved = runs, time.monotonic()
            elif time.monotonic() - moved > patience:
                return f"The reader has not come back for {patience:.0f} s."
            continue
        if process.returncode == 0:
            return None
        return complaint if process.returncode == FOUND else f"{_cause_of_death(process.returncode)}\n{complaint}"


def _cause_of_death(code: int) -> str:
    if code < 0:
        return f"The reader killed its process: {signal.Signals(-code).name}."
    return f"The reader ended its process with exit code {code}."
