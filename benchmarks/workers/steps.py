"""Time one call of `fire` where nothing stands in its way: the batch has space, and no answer is being handled."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks.clients.interfaces import FiringClient
from benchmarks.job import Answer, Job
from benchmarks.workers.records import make_records

__all__ = ("CHUNKS", "time_fire")

CHUNKS = 300
CALLS = 2000  # of one chunk: 220 kB, so that with large batches and a long linger no request interrupts it


def time_fire(job: Job, make_client: Callable[[Job], FiringClient]) -> Answer:
    """Return the median time of a call, over many chunks with a flush after each."""
    records = make_records(job)[:CALLS]
    client = make_client(job)
    client.fire(records[:1])
    client.flush()
    nanoseconds: list[float] = []
    for _ in range(CHUNKS):
        began = time.perf_counter_ns()
        client.fire(records)
        nanoseconds.append((time.perf_counter_ns() - began) / len(records))
        client.flush()
    client.close()
    return Answer(produced=1 + CHUNKS * len(records), metrics={"step_ns": statistics.median(nanoseconds)})
