"""Messages that somebody waits for, one by one: tasks of an event loop, or a thread."""

from __future__ import annotations

import dataclasses

from benchmarks.job import Job
from benchmarks.rows.contenders import aiokafka, bridges, ours, peer
from benchmarks.rows.names import (
    AIOKAFKA,
    BRIDGES,
    CONFLUENT_FLUSH,
    CONFLUENT_OWN_ASYNCIO,
    INTERPRETED,
    KAFKA_PYTHON,
)
from benchmarks.rows.row import Row, at_least, at_most
from benchmarks.targets import Target

__all__ = ("WAITING",)

THOUSAND = Job(workload="await", client="", tasks=1000, messages=500_000, seconds=4)
HUNDRED = dataclasses.replace(THOUSAND, tasks=100, messages=300_000)
ONE = dataclasses.replace(THOUSAND, tasks=1, messages=10_000, seconds=3)
BLOCKING = dataclasses.replace(ONE, workload="block")

COLUMNS = ("rate", "cpu_us", "p50_ms", "p99_ms")


def _row(name: str, who: str, job: Job, *targets: Target) -> Row:
    own = {CONFLUENT_OWN_ASYNCIO: peer(job, "confluent:OwnAsyncio", linger_ms=0)}
    return Row(
        name=name,
        title=f"{who} awaiting produce, 100 B, keyed, uvloop",
        contenders={**ours(job), **aiokafka(job), **bridges(job), **own},
        targets=targets,
        columns=COLUMNS,
    )


WAITING: tuple[Row, ...] = (
    _row(
        "await-1000",
        "1000 tasks",
        THOUSAND,
        at_least("rate", 5, *AIOKAFKA),
        at_most("cpu_us", 0.25, *AIOKAFKA),
        at_most("cpu_us", 2.2),
        at_least("rate", 1, *AIOKAFKA, ours=INTERPRETED),
    ),
    _row(
        "await-100",
        "100 tasks",
        HUNDRED,
        at_least("rate", 8, *AIOKAFKA),
        at_least("rate", 1, *AIOKAFKA, ours=INTERPRETED),
    ),
    _row(
        "await-1",
        "one task",
        ONE,
        at_most("p50_ms", 1, *AIOKAFKA, *BRIDGES, CONFLUENT_OWN_ASYNCIO),
        at_most("p99_ms", 1, *AIOKAFKA, *BRIDGES, CONFLUENT_OWN_ASYNCIO),
        at_most("p50_ms", 1, *AIOKAFKA, ours=INTERPRETED),
    ),
    Row(
        name="block",
        title="one thread calling the blocking produce, 100 B, keyed",
        contenders={
            **ours(BLOCKING),
            CONFLUENT_FLUSH: peer(BLOCKING, "confluent", linger_ms=0),
            KAFKA_PYTHON: peer(BLOCKING, "kafka-python", linger_ms=0),
        },
        targets=(at_most("p50_ms", 1, CONFLUENT_FLUSH),),
        columns=COLUMNS,
    ),
)
