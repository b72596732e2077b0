"""The process that reads the inputs: `python -m tests.fuzz.worker TARGET RUNS SEED SLOT`, started by `tests.fuzz`.

It ends with `FOUND` and the problem on standard error when a reader misbehaves. Should the reader kill it, or never
come back, the slot tells which input it was.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.fuzz.campaign import Finding, Tally, explore
from tests.fuzz.slot import Progress, Slot
from tests.fuzz.targets import TARGETS, Seed

__all__ = ("FOUND", "HEADROOM")

FOUND: Final = 3  # the exit code
# Address space that reading may take over what the process had before: a window of zstd's largest allowed size, and
# the largest output, with room to spare.
HEADROOM: Final = 256 * 1024 * 1024

_LOOK_EVERY: Final = 4096  # inputs between two looks at the memory


def main(target: str, runs: int, seed: int, path: Path) -> int:
    """Explore one target; return the exit code."""
    with Slot(path) as slot:
        chosen = TARGETS[target]
        chosen.seeds()  # so that everything is imported before the memory is looked at
        before = peak = peak_memory()
        limit_memory()

        def note(fed: Seed, tally: Tally) -> None:
            nonlocal peak
            if tally.runs % _LOOK_EVERY == 0:
                peak = peak_memory()
            slot.write(Progress(tally.values, tally.refused, before, peak), fed.variant, fed.data)

        outcome = explore(chosen, runs, seed, note)
        if isinstance(outcome, Finding):
            sys.stderr.write(outcome.problem)
            return FOUND
        slot.write(Progress(outcome.values, outcome.refused, before, peak_memory()), 0, b"")
    return 0


def peak_memory() -> int:
    """Return the most memory this process has had resident, in bytes; 0 where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limit_memory() -> None:
    """Turn every wish for unreasonably much memory into a MemoryError, where the system lets us."""
    statistics = Path("/proc/self/statm")
    if not statistics.exists():
        return
    import resource  # noqa: PLC0415 - not on Windows

    used = int(statistics.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + HEADROOM, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
