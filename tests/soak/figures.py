"""What is measured while a producer soaks, and the limits that it must keep."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ("LIMITS", "Limits", "Sample", "broken_limits", "memory_slope")

WARM_UP: Final = 0.25  # of the time: pools fill, connections open, the allocator finds its size


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the process.

    Args:
        at: seconds since the beginning.
        memory_mib: what the process has in memory.
        descriptors: how many are open.
        threads: how many run.
        futures: futures, tasks and handles that are alive.
        p50_ms: of the awaited calls since the look before, how long the median took.
        p99_ms: likewise, the slowest hundredth.
        delivered: records, so far.
    """

    at: float
    memory_mib: float
    descriptors: int
    threads: int
    futures: int
    p50_ms: float
    p99_ms: float
    delivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What must not be exceeded once the process is warm: the last third of the looks against the first.

    Args:
        memory_mib_per_hour: by how much memory may grow, as a straight line through all looks.
        memory_noise_mib: growth in all that is not held against it, however short the run is.
        descriptors: how many more may be open.
        threads: how many more may run.
        futures: how many more may be alive.
        p99_times: how many times as long the slowest hundredth may take.
        p99_noise_ms: milliseconds of that which are not held against it.
    """

    memory_mib_per_hour: float = 6.0
    memory_noise_mib: float = 4.0
    descriptors: int = 3
    threads: int = 2
    futures: int = 50
    p99_times: float = 2.0
    p99_noise_ms: float = 20.0


LIMITS: Final = Limits()


def memory_slope(samples: Sequence[Sample]) -> float:
    """Return by how many MiB an hour memory has grown, as the straight line through the looks."""
    return statistics.linear_regression([one.at for one in samples], [one.memory_mib for one in samples])[0] * 3600


def broken_limits(samples: Sequence[Sample], limits: Limits = LIMITS) -> list[str]:
    """Return what went beyond its limit, in words; nothing if all is well."""
    warm = [one for one in samples if one.at >= WARM_UP * samples[-1].at]
    if len(warm) < 6:
        return [f"{len(warm)} looks are too few to say anything"]
    return [*_memory(warm, limits), *_growths(warm, limits), *_latency(warm, limits)]


def _memory(warm: Sequence[Sample], limits: Limits) -> list[str]:
    slope = memory_slope(warm)
    grown = slope * (warm[-1].at - warm[0].at) / 3600
    if slope <= limits.memory_mib_per_hour or grown <= limits.memory_noise_mib:
        return []
    return [f"memory grew by {slope:.1f} MiB an hour, {grown:.1f} in all; the limit is {limits.memory_mib_per_hour:g}"]


def _growths(warm: Sequence[Sample], limits: Limits) -> list[str]:
    broken = []
    figures: tuple[tuple[str, Callable[[Sample], float], int], ...] = (
        ("descriptors", lambda one: one.descriptors, limits.descriptors),
        ("threads", lambda one: one.threads, limits.threads),
        ("futures", lambda one: one.futures, limits.futures),
    )
    for name, figure, limit in figures:
        before, after = _thirds(warm, figure)
        if after - before > limit:
            broken.append(f"{name} grew from {before:.0f} to {after:.0f}; the limit is {limit} more")
    return broken


def _latency(warm: Sequence[Sample], limits: Limits) -> list[str]:
    before, after = _thirds(warm, lambda one: one.p99_ms)
    if after <= limits.p99_times * before + limits.p99_noise_ms:
        return []
    return [f"p99 grew from {before:.1f} to {after:.1f} ms; the limit is {limits.p99_times:g} times as much"]


def _thirds(warm: Sequence[Sample], figure: Callable[[Sample], float]) -> tuple[float, float]:
    """Return the medians of the first and of the last third."""
    third = len(warm) // 3
    return statistics.median(map(figure, warm[:third])), statistics.median(map(figure, warm[-third:]))
