"""What a server process is told through its environment, and what it tells about itself."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator

from benchmarks.job import Job
from benchmarks.workers.usage import cpu_seconds

__all__ = ("FREEZE", "JOB", "UsageReport", "freeze_if_asked", "job", "keys", "usage")

JOB = "BENCHMARK_JOB"
FREEZE = "BENCHMARK_FREEZE"

UsageReport = dict[str, float | str]


def job() -> Job:
    """Return the job: client, topic, linger."""
    return Job.from_json(os.environ[JOB])


def keys() -> Iterator[bytes]:
    """Give the keys of the requests, over and over."""
    return itertools.cycle([b"key-%d" % number for number in range(10_000)])


def freeze_if_asked() -> None:
    """Take what start-up made out of the garbage collector's sight, as web applications should."""
    if os.environ.get(FREEZE):
        gc.collect()
        gc.freeze()


def usage(client: str, produced: int) -> UsageReport:
    """Return this process's CPU so far, how many messages it produced, and the build of dekaf it runs."""
    report: UsageReport = {"cpu": cpu_seconds(), "produced": 0 if client == "none" else produced}
    if client == "dekaf":
        import dekaf  # noqa: PLC0415 # only where it is the one measured

        report["build"] = "compiled" if dekaf.compiled else "interpreted"
    return report
