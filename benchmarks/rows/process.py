"""What a producer costs the process it lives in: memory, and time to start."""

from __future__ import annotations

import dataclasses

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.start import FirstMessageTime, ImportTime
from benchmarks.rows.contenders import ours, peer
from benchmarks.rows.names import CONFLUENT, INTERPRETED, OURS
from benchmarks.rows.row import Row, at_most

__all__ = ("PROCESS",)

# Short measurements, so there are more of them: 20 processes in five rounds.
STARTS_PER_ROUND = 4
CONFLUENT_AND_PYDANTIC = "confluent-kafka and pydantic"
FIRST_MESSAGE_OF_DEKAF = """
import dekaf
producer = dekaf.Producer(bootstrap_servers=servers)
producer.produce(topic, b"key", b"value")
"""
FIRST_MESSAGE_OF_CONFLUENT = """
import confluent_kafka, pydantic
settings = {"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True, "linger.ms": 5}
producer = confluent_kafka.Producer(settings)
producer.produce(topic, b"value", b"key")
producer.flush()
"""

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
            CONFLUENT_AND_PYDANTIC: ImportTime(statement="import confluent_kafka, pydantic"),
            "aiokafka": ImportTime(statement="import aiokafka"),
            "kafka-python": ImportTime(statement="import kafka"),
        },
        targets=(at_most("import_ms", 1.25, CONFLUENT_AND_PYDANTIC),),
        columns=("import_ms",),
        needs_broker=False,
        repeats=STARTS_PER_ROUND,
    ),
    Row(
        name="first-message",
        title="import and first acknowledged message in a fresh interpreter",
        contenders={
            OURS: FirstMessageTime(statements=FIRST_MESSAGE_OF_DEKAF, build=Build.COMPILED),
            INTERPRETED: FirstMessageTime(statements=FIRST_MESSAGE_OF_DEKAF, build=Build.INTERPRETED),
            CONFLUENT_AND_PYDANTIC: FirstMessageTime(statements=FIRST_MESSAGE_OF_CONFLUENT),
        },
        targets=(at_most("first_message_ms", 1.5, CONFLUENT_AND_PYDANTIC),),
        columns=("first_message_ms",),
        repeats=STARTS_PER_ROUND,
    ),
)
