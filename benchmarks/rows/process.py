"""What a producer costs the process it lives in: memory and import time."""

from __future__ import annotations

import dataclasses

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.imports import ImportTime
from benchmarks.rows.contenders import ours, peer
from benchmarks.rows.names import CONFLUENT, INTERPRETED, OURS
from benchmarks.rows.row import Row, at_most

__all__ = ("PROCESS",)

PEERS_IMPORTS = "confluent-kafka and pydantic"

MEBIBYTE = 1_048_576
FIRING = Job(workload="fire", client="", messages=6_000_000, seconds=6)
BUFFER_MIB = FIRING.buffer_memory / MEBIBYTE
# The bounds hold for whatever is waited for, and for large records whose buffers grow.
JOBS = {
    "memory": ("100 B", FIRING),
    "memory-callback": ("100 B, on_delivery on each", dataclasses.replace(FIRING, callback=True)),
    "memory-1000": ("1000 B", dataclasses.replace(FIRING, size_bytes=1000, messages=1_000_000)),
}


def _memory(name: str) -> Row:
    title, job = JOBS[name]
    return Row(
        name=name,
        title=f"memory while firing {title}, and idle before that",
        contenders={**ours(job), CONFLUENT: peer(job, "confluent")},
        targets=(at_most("growth_mib", BUFFER_MIB + 32), at_most("idle_mib", 8)),
        columns=("growth_mib", "idle_mib", "rate"),
    )


PROCESS: tuple[Row, ...] = (
    *(_memory(name) for name in JOBS),
    Row(
        name="import",
        title="import in a fresh interpreter",
        contenders={
            OURS: ImportTime(statement="import dekaf", build=Build.COMPILED),
            INTERPRETED: ImportTime(statement="import dekaf", build=Build.INTERPRETED),
            PEERS_IMPORTS: ImportTime(statement="import confluent_kafka\nfrom pydantic import BaseModel"),
            "aiokafka": ImportTime(statement="import aiokafka"),
            "kafka-python": ImportTime(statement="import kafka"),
        },
        targets=(at_most("import_ms", 1, PEERS_IMPORTS),),
        columns=("import_ms",),
        needs_broker=False,
    ),
)
