"""Fork workers after the import, as servers do, and have all of them write their first message at once."""

from __future__ import annotations

import os
import resource
import struct
import time
from collections.abc import Callable

from benchmarks.clients.interfaces import BlockingClient, KeyValue
from benchmarks.job import Answer, Job
from benchmarks.workers.records import make_records
from benchmarks.workers.waiting import percentile

__all__ = ("first_acknowledgements",)

TIME = struct.Struct("d")  # monotonic seconds, which all processes of a machine share
READY = b"."


def first_acknowledgements(job: Job, make_client: Callable[[Job], BlockingClient]) -> Answer:
    """Measure from the barrier to each worker's acknowledgement.

    Clients are made behind the barrier, or once before the fork, where a client can do that.

    Raises:
        RuntimeError: a worker failed.
    """
    record = make_records(job)[0]
    inherited = make_client(job) if job.is_made_before_fork else None
    barrier, gate = os.pipe()
    ready, tell_ready = os.pipe()
    results, tell_result = os.pipe()
    workers = []
    for _ in range(job.workers):
        worker = os.fork()
        if worker == 0:
            os.close(gate)  # or it would stay open when the parent closes it
            _work(
                lambda: inherited or make_client(job),
                record,
                barrier=barrier,
                tell_ready=tell_ready,
                tell_result=tell_result,
            )
        workers.append(worker)
    _read_exactly(ready, len(READY) * job.workers)
    began, used = time.monotonic(), _cpu_of_children()
    os.close(gate)
    statuses = [os.waitpid(worker, 0)[1] for worker in workers]
    if any(statuses):
        raise RuntimeError(f"{sum(map(bool, statuses))} of {job.workers} workers failed")
    answer = _read_exactly(results, TIME.size * job.workers)
    seconds = sorted(end - began for (end,) in TIME.iter_unpack(answer))
    metrics = {
        "all_workers_ms": seconds[-1] * 1e3,
        "worker_p50_ms": percentile(seconds, 0.5) * 1e3,
        "worker_cpu_ms": (_cpu_of_children() - used) / job.workers * 1e3,
    }
    return Answer(produced=job.workers, metrics=metrics)


def _work(
    take_client: Callable[[], BlockingClient],
    record: KeyValue,
    *,
    barrier: int,
    tell_ready: int,
    tell_result: int,
) -> None:
    """Be a worker, and end the process."""
    status = 1
    try:
        os.write(tell_ready, READY)
        os.read(barrier, 1)  # returns when the gate is closed, for all at once
        take_client().produce(*record)
        os.write(tell_result, TIME.pack(time.monotonic()))
        status = 0
    finally:
        os._exit(status)


def _read_exactly(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(descriptor, size - len(data))
    return data


def _cpu_of_children() -> float:
    """Return the CPU time of those that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
