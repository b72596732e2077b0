"""A short run of every target: a value or the error meant for it, soon and in little memory."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from tests.fuzz.campaign import Tally, explore
from tests.fuzz.targets import DECOMPRESSED_LIMIT, TARGETS, Target

RUNS = int(os.environ.get("DEKAF_FUZZ_RUNS", "2000"))
SEED = int(os.environ.get("DEKAF_FUZZ_SEED", "1"))  # always the same inputs, unless somebody wants others
MIB = 1024 * 1024

targets = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())


@targets
def test_damaged_bytes_are_a_value_or_are_refused(target: Target) -> None:
    outcome = explore(target, RUNS, SEED)

    assert isinstance(outcome, Tally), str(outcome)
    # Both happen, or the damage would be too small, or too great, to find anything.
    assert outcome.values > RUNS // 50
    assert outcome.refused > RUNS // 50


@targets
def test_damaged_bytes_cost_little_memory(target: Target) -> None:
    """A count or a size read from the bytes must not decide how much is allocated, only how much may be."""
    target.seeds()
    tracemalloc.start()
    try:
        outcome = explore(target, RUNS // 4, SEED + 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert isinstance(outcome, Tally), str(outcome)
    assert peak < (4 * DECOMPRESSED_LIMIT if target.name in {"batches", "compressed"} else 4 * MIB)


@targets
def test_good_inputs_are_read(target: Target) -> None:
    seeds = target.seeds()

    outcome = explore(target, len(seeds), SEED)

    assert isinstance(outcome, Tally), str(outcome)
    assert (outcome.values, outcome.refused) == (len(seeds), 0)
