"""The same work over TLS, with a login by SCRAM-SHA-512; and what connections themselves cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.client_process import ClientProcess
from benchmarks.measures.interface import Measure
from benchmarks.rows.contenders import aiokafka, bridges, confluent, ours, peer
from benchmarks.rows.firing import LARGE, SMALL
from benchmarks.rows.names import (
    AIOKAFKA,
    BRIDGES,
    CONFLUENT,
    CONFLUENT_FLUSH,
    CONFLUENT_LARGE_BATCHES,
    OURS_BEFORE_FORK,
    OURS_PLAINTEXT,
)
from benchmarks.rows.row import Row, at_least, at_most
from benchmarks.rows.waiting import BLOCKING, COLUMNS, ONE, THOUSAND
from benchmarks.targets import Target

__all__ = ("SECURE",)

CONNECTIONS = 40
WORKERS = 50


def _secure(job: Job) -> Job:
    return dataclasses.replace(job, is_secure=True)


def _row(name: str, title: str, contenders: Mapping[str, Measure], *, job: Job, targets: tuple[Target, ...]) -> Row:
    """Return a row, with dekaf in plain text beside the others: the difference is what TLS takes."""
    plain = ClientProcess(job=dataclasses.replace(job, client="dekaf"), build=Build.COMPILED)
    columns = ("rate", "cpu_us", "cpu_ms_per_mb") if job.workload == "fire" else COLUMNS
    return Row(
        name=name,
        title=f"{title}, SASL_SSL, SCRAM-SHA-512",
        contenders={**ours(_secure(job)), OURS_PLAINTEXT: plain, **contenders},
        targets=targets,
        columns=columns,
        needs_security=True,
    )


def _process_row(name: str, title: str, job: Job, *, columns: tuple[str, ...], targets: tuple[Target, ...] = ()) -> Row:
    secure = dataclasses.replace(_secure(job), client="dekaf")
    before_fork = ClientProcess(job=dataclasses.replace(secure, is_made_before_fork=True), build=Build.COMPILED)
    more: dict[str, Measure] = {OURS_BEFORE_FORK: before_fork} if job.workload == "forked" else {}
    return Row(
        name=name,
        title=title,
        contenders={
            **ours(_secure(job)),
            **more,
            OURS_PLAINTEXT: ClientProcess(job=dataclasses.replace(job, client="dekaf"), build=Build.COMPILED),
            CONFLUENT: peer(_secure(job), "confluent"),
        },
        targets=targets,
        columns=columns,
        needs_security=True,
    )


SECURE: tuple[Row, ...] = (
    _row(
        "secure-fire",
        "fire, 100 B, keyed",
        confluent(_secure(SMALL)),
        job=SMALL,
        targets=(
            at_least("rate", 2, CONFLUENT, CONFLUENT_LARGE_BATCHES),
            at_most("cpu_us", 0.4, CONFLUENT, CONFLUENT_LARGE_BATCHES),
        ),
    ),
    _row(
        "secure-fire-1000",
        "fire, 1000 B, keyed",
        confluent(_secure(LARGE)),
        job=LARGE,
        targets=(at_most("cpu_us", 0.5, CONFLUENT, CONFLUENT_LARGE_BATCHES),),
    ),
    _row(
        "secure-await-1000",
        "1000 tasks awaiting produce, 100 B, keyed, uvloop",
        aiokafka(_secure(THOUSAND)),
        job=THOUSAND,
        targets=(at_least("rate", 2.5, *AIOKAFKA),),
    ),
    _row(
        "secure-await-1",
        "one task awaiting produce, 100 B, keyed, uvloop",
        {**aiokafka(_secure(ONE)), **bridges(_secure(ONE))},
        job=ONE,
        targets=(at_most("p50_ms", 1, *AIOKAFKA, *BRIDGES),),
    ),
    # One message is one request here: its CPU is that of a request and its answer.
    _row(
        "secure-block",
        "one thread calling the blocking produce, 100 B, keyed",
        {CONFLUENT_FLUSH: peer(_secure(BLOCKING), "confluent", linger_ms=0)},
        job=BLOCKING,
        targets=(at_most("p50_ms", 1.1, CONFLUENT_FLUSH),),
    ),
    _process_row(
        "secure-memory",
        "one more client with an idle connection, SASL_SSL",
        Job(workload="connections", client="", connections=CONNECTIONS),
        columns=("connection_kib",),
    ),
    _process_row(
        "secure-workers",
        f"{WORKERS} workers forked after the import, from the barrier to the first acknowledgement, SASL_SSL",
        Job(workload="forked", client="", workers=WORKERS, linger_ms=0),
        columns=("all_workers_ms", "worker_p50_ms", "worker_cpu_ms"),
        targets=(
            at_most("all_workers_ms", 1, CONFLUENT),
            at_most("all_workers_ms", 1, CONFLUENT, ours=OURS_BEFORE_FORK),
        ),
    ),
)
