"""Wait for each message's acknowledgement: in tasks of one event loop, or in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import uvloop

from benchmarks.clients.interfaces import AwaitingClient, BlockingClient, KeyValue, ProduceAndAwait
from benchmarks.job import Answer, Job
from benchmarks.workers.records import make_records
from benchmarks.workers.usage import cpu_seconds

__all__ = ("await_each", "block_on_each", "percentile")

WARM_UP = 20  # per task: the first ones find cold caches and half-open windows


def await_each(job: Job, make_client: Callable[[Job], AwaitingClient]) -> Answer:
    """Let `job.tasks` tasks produce and await one message after another, on uvloop."""
    return uvloop.run(_await_each(job, make_client(job)))


async def _await_each(job: Job, client: AwaitingClient) -> Answer:
    produce = await client.start()
    records = make_records(job)
    warm: list[float] = []
    await _in_tasks(produce, _cycle(records, job.tasks * WARM_UP, time.perf_counter() + 60), job.tasks, warm)
    latencies: list[float] = []
    began, used = time.perf_counter(), cpu_seconds()
    await _in_tasks(produce, _cycle(records, job.messages, began + job.seconds), job.tasks, latencies)
    wall, cpu = time.perf_counter() - began, cpu_seconds() - used
    await client.close()
    return _answer(len(warm), latencies, wall, cpu)


async def _in_tasks(produce: ProduceAndAwait, records: Iterator[KeyValue], tasks: int, latencies: list[float]) -> None:
    async def work() -> None:
        for key, value in records:
            began = time.perf_counter()
            await produce(key, value)
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(tasks)))


def block_on_each(job: Job, make_client: Callable[[Job], BlockingClient]) -> Answer:
    """Let one thread produce and wait for one message after another."""
    records = make_records(job)
    client = make_client(job)
    warm = _in_thread(client, _cycle(records, WARM_UP, time.perf_counter() + 60))
    began, used = time.perf_counter(), cpu_seconds()
    latencies = _in_thread(client, _cycle(records, job.messages, began + job.seconds))
    wall, cpu = time.perf_counter() - began, cpu_seconds() - used
    client.close()
    return _answer(len(warm), latencies, wall, cpu)


def _in_thread(client: BlockingClient, records: Iterator[KeyValue]) -> list[float]:
    latencies: list[float] = []
    for key, value in records:
        began = time.perf_counter()
        client.produce(key, value)
        latencies.append(time.perf_counter() - began)
    return latencies


def _cycle(records: Sequence[KeyValue], messages: int, deadline: float) -> Iterator[KeyValue]:
    """Give messages until the job has enough, or its time is over; shared by all tasks."""
    for number in range(messages):
        if number % 64 == 0 and time.perf_counter() > deadline:
            return
        yield records[number % len(records)]


def _answer(warm_up: int, latencies: list[float], wall: float, cpu: float) -> Answer:
    latencies.sort()
    metrics = {
        "rate": len(latencies) / wall,
        "cpu_us": cpu / len(latencies) * 1e6,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }
    return Answer(produced=warm_up + len(latencies), metrics=metrics)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of an ordered sequence lies (nearest rank, counted from 0)."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
