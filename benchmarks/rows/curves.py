"""How the rate grows, or does not: with partitions, threads, awaiting tasks, and the size of messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.client_process import ClientProcess
from benchmarks.measures.interface import Measure
from benchmarks.rows.contenders import peer
from benchmarks.rows.names import AIOKAFKA_0, AIOKAFKA_5, BRIDGE_5, CONFLUENT, OURS
from benchmarks.rows.row import Curve, Row

__all__ = ("CURVES",)

FIRING = Job(workload="fire", client="", messages=1_500_000, seconds=3)
BYTES_PER_POINT = 300_000_000
# A broker takes seconds until a thousand partitions have their files and indexes. Whoever is quick enough produces all
# messages: cut off after a time, a client that takes a million into its memory would look the faster for it.
UNHURRIED = dataclasses.replace(FIRING, seconds=15)

Contenders = Callable[[int], Mapping[str, Measure]]


def _curve(name: str, title: str, axis: str, *, points: Iterable[int], contenders: Contenders) -> Curve:
    rows = {
        point: Row(
            name=f"{name}-{point}",
            title=f"{title}: {point:,} {axis}",
            contenders=contenders(point),
            columns=("rate", "cpu_us"),
        )
        for point in points
    }
    return Curve(name=name, title=title, axis=axis, rows=rows)


def _dekaf(job: Job, *, partitions: int = 4) -> Measure:
    return ClientProcess(job=dataclasses.replace(job, client="dekaf"), build=Build.COMPILED, partitions=partitions)


def _by_partitions(partitions: int) -> Mapping[str, Measure]:
    return {
        OURS: _dekaf(UNHURRIED, partitions=partitions),
        CONFLUENT: peer(UNHURRIED, "confluent", partitions=partitions),
        AIOKAFKA_5: peer(FIRING, "aiokafka", partitions=partitions),
    }


def _by_threads(threads: int) -> Mapping[str, Measure]:
    job = dataclasses.replace(FIRING, threads=threads)
    return {OURS: _dekaf(job), CONFLUENT: peer(job, "confluent")}


def _by_tasks(tasks: int) -> Mapping[str, Measure]:
    job = Job(workload="await", client="", tasks=tasks, messages=500_000, seconds=3)
    return {
        OURS: _dekaf(job),
        AIOKAFKA_0: peer(job, "aiokafka", linger_ms=0),
        AIOKAFKA_5: peer(job, "aiokafka"),
        BRIDGE_5: peer(job, "confluent"),
    }


def _by_size(size: int) -> Mapping[str, Measure]:
    job = dataclasses.replace(FIRING, size_bytes=size, messages=min(FIRING.messages, BYTES_PER_POINT // size))
    return {OURS: _dekaf(job), CONFLUENT: peer(job, "confluent"), AIOKAFKA_5: peer(job, "aiokafka")}


# A request takes at most 1 MiB by default, of the clients and of the broker: 1,000,000 bytes and a key just fit.
CURVES: tuple[Curve, ...] = (
    _curve(
        "partitions", "fire, 100 B, keyed", "partitions", points=(1, 4, 16, 64, 250, 1000), contenders=_by_partitions
    ),
    _curve("threads", "fire, 100 B, keyed", "threads", points=(1, 2, 4, 8, 16), contenders=_by_threads),
    _curve("tasks", "await produce, 100 B, keyed", "tasks", points=(1, 10, 100, 1000, 10_000), contenders=_by_tasks),
    _curve(
        "sizes",
        "fire, keyed",
        "bytes per message",
        points=(10, 100, 1000, 10_000, 100_000, 1_000_000),
        contenders=_by_size,
    ),
)
