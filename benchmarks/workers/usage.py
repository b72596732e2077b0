"""What this process has used so far: CPU of all its threads, and memory."""

from __future__ import annotations

import gc
import resource
import sys

__all__ = ("cpu_seconds", "peak_memory_bytes", "resident_memory_bytes")

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB


def cpu_seconds() -> float:
    """Return user and system time of all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_memory_bytes() -> int:
    """Return the largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


def resident_memory_bytes() -> int:
    """Return the resident size now, garbage collected; the peak where the system does not tell (not Linux)."""
    gc.collect()
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return peak_memory_bytes()
