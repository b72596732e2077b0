"""Feed one target damaged inputs, one after the other, and stop at the first that is a finding."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import Seed, Target

__all__ = ("Finding", "Tally", "examine", "explore")

# CPU seconds one input may take: a thousand times what the slowest good one takes.
LONGEST: Final = 2.0
LARGEST_INPUT: Final = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that a reader neither understood nor refused properly."""

    target: str
    variant: int
    data: bytes
    problem: str

    def __str__(self) -> str:
        return f"{self.problem.rstrip()}\n\nIt is repeated by:\n  {self.command}"

    @property
    def command(self) -> str:
        """The command that feeds the same input again."""
        return f"python -m tests.fuzz --reproduce {self.target}:{self.variant}:{self.data.hex()}"


@dataclass(slots=True)
class Tally:
    """How many inputs were read as something, and how many were refused."""

    values: int = 0
    refused: int = 0

    @property
    def runs(self) -> int:
        """How many inputs there were."""
        return self.values + self.refused


def explore(target: Target, runs: int, seed: int, note: Callable[[Seed, Tally], None] | None = None) -> Tally | Finding:
    """Feed a target so many damaged inputs.

    Args:
        target: the target.
        runs: how many inputs; the good ones come first.
        seed: of the randomness; the same seed makes the same inputs.
        note: told of every input before it is read, for whoever has to know it if this process dies of it.
    """
    chance = random.Random(f"{seed} {target.name}")
    seeds = target.seeds()
    mutator = Mutator(chance, [one.data for one in seeds], LARGEST_INPUT)
    tally = Tally()
    for number in range(runs):
        if number < len(seeds):
            fed = seeds[number]
        else:
            origin = chance.choice(seeds)
            fed = Seed(origin.variant, mutator.mutate(origin.data))
        if note is not None:
            note(fed, tally)
        finding = examine(target, fed, tally)
        if finding is not None:
            return finding
    return tally


def examine(target: Target, fed: Seed, tally: Tally, *, longest: float = LONGEST) -> Finding | None:
    """Feed one input, and return it as a finding if the reader takes it badly, or longer than `longest` CPU seconds."""
    started = time.thread_time()
    try:
        target.read(fed.variant, fed.data)
    except target.refusals:
        tally.refused += 1
    except Exception:
        return Finding(target.name, fed.variant, fed.data, traceback.format_exc())
    else:
        tally.values += 1
    taken = time.thread_time() - started
    if taken > longest:
        return Finding(target.name, fed.variant, fed.data, f"{len(fed.data)} bytes took {taken:.1f} s of CPU to read.")
    return None
