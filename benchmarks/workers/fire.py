"""Fire messages as fast as the client takes them, then wait until all are acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from benchmarks.clients.interfaces import FiringClient, KeyValue
from benchmarks.job import Answer, Job
from benchmarks.workers.records import blocks, make_records
from benchmarks.workers.usage import cpu_seconds, peak_memory_bytes, resident_memory_bytes

__all__ = ("fire",)

MEBIBYTE = 1_048_576
CALLBACK_SECONDS = 10


def fire(job: Job, make_client: Callable[[Job], FiringClient]) -> Answer:
    """Measure messages per second, CPU per message and memory."""
    records = make_records(job)
    imported = resident_memory_bytes()
    client = make_client(job)
    client.fire(records[:1])  # connected, topic known, producer id given: none of that is in the figures
    client.flush()
    idle = resident_memory_bytes()
    client.fire(records)  # to every partition: a broker's first write to one takes milliseconds
    client.flush()
    warm = 1 + len(records)
    began, used = time.perf_counter(), cpu_seconds()
    measured = _fire_in_threads(job, client, records)
    client.flush()
    _wait_for_callbacks(client, warm + measured)
    wall, cpu = time.perf_counter() - began, cpu_seconds() - used
    peak = peak_memory_bytes()
    client.close()
    metrics = {
        "rate": measured / wall,
        "cpu_us": cpu / measured * 1e6,
        "cpu_ms_per_mb": cpu / (measured * job.size_bytes) * 1e9,
        "idle_mib": (idle - imported) / MEBIBYTE,
        "growth_mib": (peak - imported) / MEBIBYTE,
    }
    return Answer(produced=warm + measured, metrics=metrics)


def _wait_for_callbacks(client: FiringClient, expected: int) -> None:
    """Wait for what `flush` may leave to another thread: a callback not yet run is work not yet done."""
    deadline = time.perf_counter() + CALLBACK_SECONDS
    while (acknowledged := client.acknowledged()) is not None and acknowledged != expected:
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{acknowledged} callbacks told a success, of {expected} messages")
        time.sleep(0.000_2)


def _fire_in_threads(job: Job, client: FiringClient, records: Sequence[KeyValue]) -> int:
    deadline = time.perf_counter() + job.seconds
    if job.threads == 1:
        return _fire_until(client, records, job.messages, deadline)
    counts = [0] * job.threads

    def work(number: int) -> None:
        counts[number] = _fire_until(client, records, job.messages // job.threads, deadline)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(job.threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


def _fire_until(client: FiringClient, records: Sequence[KeyValue], messages: int, deadline: float) -> int:
    fired = 0
    for block in blocks(records, messages):
        client.fire(block)
        fired += len(block)
        if time.perf_counter() > deadline:
            break
    return fired
