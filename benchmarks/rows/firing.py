"""Messages that nobody waits for, one by one: as many as go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from benchmarks.job import Job
from benchmarks.measures.interface import Measure
from benchmarks.measures.java import JavaPerformance
from benchmarks.rows.contenders import aiokafka, confluent, ours, peer
from benchmarks.rows.names import AIOKAFKA, CONFLUENT, CONFLUENT_LARGE_BATCHES, INTERPRETED, JAVA, KAFKA_PYTHON
from benchmarks.rows.row import Row, at_least, at_most
from benchmarks.targets import Target

__all__ = ("FIRING",)

SMALL = Job(workload="fire", client="", messages=3_000_000, seconds=4)
LARGE = dataclasses.replace(SMALL, size_bytes=1000, messages=400_000)


def _against_confluent(*, rate: float, cpu: float) -> list[Target]:
    """Return the targets for both of confluent-kafka's batch sizes: the one all share, and the one that suits it."""
    return [
        target
        for peer_name in (CONFLUENT, CONFLUENT_LARGE_BATCHES)
        for target in (at_least("rate", rate, peer_name), at_most("cpu_us", cpu, peer_name))
    ]


def _row(
    name: str, title: str, job: Job, *, targets: Sequence[Target], more: Mapping[str, Measure] | None = None
) -> Row:
    return Row(
        name=name,
        title=title,
        contenders={**ours(job), **confluent(job), **aiokafka(job), **(more or {})},
        targets=(*targets, at_least("rate", 1, *AIOKAFKA, ours=INTERPRETED)),
        columns=("rate", "cpu_us"),
    )


def _plain(name: str, title: str, job: Job) -> Row:
    targets = [
        *_against_confluent(rate=2.2, cpu=0.35),
        at_least("rate", 10, *AIOKAFKA),
        at_least("rate", 20, KAFKA_PYTHON),
    ]
    more: dict[str, Measure] = {KAFKA_PYTHON: peer(job, "kafka-python")}
    if not job.keyed:  # the tool knows no keys
        more[JAVA] = JavaPerformance(job=job)
        targets.append(at_least("rate", 2, JAVA))
    return _row(name, title, job, targets=targets, more=more)


FIRING: tuple[Row, ...] = (
    _plain("fire", "fire, 100 B, keyed", SMALL),
    _plain("fire-keyless", "fire, 100 B, without keys", dataclasses.replace(SMALL, keyed=False)),
    _row(
        "fire-callback",
        "fire, 100 B, keyed, on_delivery on each",
        dataclasses.replace(SMALL, callback=True),
        targets=_against_confluent(rate=2, cpu=0.4),
    ),
    _row("fire-1000", "fire, 1000 B, keyed", LARGE, targets=_against_confluent(rate=1, cpu=0.5)),
    _row(
        "fire-lz4",
        "fire, 100 B of JSON, keyed, lz4",
        dataclasses.replace(SMALL, codec="lz4", json_values=True),
        targets=_against_confluent(rate=1.8, cpu=0.45),
    ),
    _row(
        "fire-1000-lz4",
        "fire, 1000 B of JSON, keyed, lz4",
        dataclasses.replace(LARGE, messages=1_000_000, codec="lz4", json_values=True),
        targets=_against_confluent(rate=1.8, cpu=0.45),
    ),
)
