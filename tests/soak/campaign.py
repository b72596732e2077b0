"""Soak for so long, and look at the process now and then."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from dekaf.producer._waiting.delivery import ThreadWait
from tests.kafka import KafkaCluster
from tests.soak.figures import Sample
from tests.soak.mixed_use import TOPICS, MixedUse

__all__ = ("can_look", "soak")

PROCESS = Path("/proc/self")


def can_look() -> bool:
    """Return whether this system tells what a process takes: Linux does."""
    return (PROCESS / "statm").exists()


def soak(
    cluster: KafkaCluster, seconds: float, *, looks: int = 120, tell: Callable[[Sample], object] = lambda _: None
) -> tuple[list[Sample], list[str]]:
    """Use a producer for so long; return what was seen, and what went wrong.

    Args:
        cluster: where it produces to.
        seconds: how long.
        looks: how often to look at the process.
        tell: hears of each look.
    """
    topics = [f"soak-{uuid.uuid4().hex[:8]}-{number}" for number in range(TOPICS)]
    cluster.create_topics(topics, partitions=2, config={"retention.bytes": "10000000", "segment.bytes": "5000000"})
    samples: list[Sample] = []
    with MixedUse(cluster.bootstrap_servers, topics) as use:
        began = time.monotonic()
        for number in range(1, looks + 1):
            threading.Event().wait(max(0.0, began + number * seconds / looks - time.monotonic()))
            samples.append(_look(use, time.monotonic() - began))
            tell(samples[-1])
    status = use.producer.status()
    problems = [f"{len(use.failures)} records failed, such as: {use.failures[0]!r}"] if use.failures else []
    if status.delivered_total != use.accepted:
        problems.append(f"{status.delivered_total} of {use.accepted} records were delivered")
    if status.buffered_bytes:
        problems.append(f"{status.buffered_bytes} bytes are left in the buffer")
    return samples, problems


def _look(use: MixedUse, at: float) -> Sample:
    latencies = sorted(use.take_latencies()) or [0.0]
    gc.collect()
    return Sample(
        at=at,
        memory_mib=int((PROCESS / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20,
        descriptors=len(os.listdir(PROCESS / "fd")),
        threads=threading.active_count(),
        futures=sum(1 for one in gc.get_objects() if isinstance(one, asyncio.Future | ThreadWait)),
        p50_ms=statistics.median(latencies) * 1000,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
        delivered=use.producer.status().delivered_total,
    )
