"""Turn one job into contenders: the same work, each in its client's best setting."""

from __future__ import annotations

import dataclasses

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.client_process import ClientProcess
from benchmarks.measures.interface import Measure
from benchmarks.rows.names import (
    AIOKAFKA_0,
    AIOKAFKA_5,
    BRIDGE_0,
    BRIDGE_5,
    CONFLUENT,
    CONFLUENT_LARGE_BATCHES,
    INTERPRETED,
    OURS,
)

__all__ = ("aiokafka", "bridges", "confluent", "ours", "peer")

LIBRDKAFKA_BATCH_SIZE = 1_000_000  # its default


def ours(job: Job, *, partitions: int = 4) -> dict[str, Measure]:
    """Return dekaf, compiled and interpreted."""
    job = dataclasses.replace(job, client="dekaf")
    return {
        OURS: ClientProcess(job=job, build=Build.COMPILED, partitions=partitions),
        INTERPRETED: ClientProcess(job=job, build=Build.INTERPRETED, partitions=partitions),
    }


def peer(job: Job, client: str, *, linger_ms: int = 5, batch_size: int = 65_536, partitions: int = 4) -> Measure:
    """Return another client; `module:Class` names another class of it than the usual one."""
    job = dataclasses.replace(job, client=client, linger_ms=linger_ms, batch_size=batch_size)
    return ClientProcess(job=job, partitions=partitions)


def aiokafka(job: Job, *, partitions: int = 4) -> dict[str, Measure]:
    """Return aiokafka at both lingers; the better one counts."""
    return {
        AIOKAFKA_0: peer(job, "aiokafka", linger_ms=0, partitions=partitions),
        AIOKAFKA_5: peer(job, "aiokafka", linger_ms=5, partitions=partitions),
    }


def confluent(job: Job) -> dict[str, Measure]:
    """Return confluent-kafka with everybody's batch size, and with its own default, which suits it better."""
    return {
        CONFLUENT: peer(job, "confluent"),
        CONFLUENT_LARGE_BATCHES: peer(job, "confluent", batch_size=LIBRDKAFKA_BATCH_SIZE),
    }


def bridges(job: Job) -> dict[str, Measure]:
    """Return the hand-written bridge from confluent-kafka to asyncio, at both lingers."""
    return {BRIDGE_0: peer(job, "confluent", linger_ms=0), BRIDGE_5: peer(job, "confluent", linger_ms=5)}
