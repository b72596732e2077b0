"""The broker of a run: Apache Kafka with a server's virtual machine, warmed up before anything counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.job import Job
from benchmarks.measures.client_process import ClientProcess
from benchmarks.measures.interface import Bench
from tests.kafka import AdoptedCluster, KafkaCluster

__all__ = ("broker", "warm_up")

HEAP_MB = 1024
# The test cluster starts quickly by doing without the optimising compiler. A broker that lives as long as a benchmark
# shall have it: its CPU is taken from the clients. Options in this variable win over those of the command line.
JVM_OPTIONS = ("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4")

WARM_UP = (
    Job(workload="fire", client="confluent", messages=1_000_000, seconds=4),
    Job(workload="fire", client="kafka-python", seconds=3),
    Job(workload="fire", client="confluent", messages=200_000, seconds=4, size_bytes=1000),
    Job(workload="await", client="aiokafka", tasks=100, seconds=3),
)


@contextmanager
def broker(bootstrap_servers: str | None) -> Iterator[KafkaCluster]:
    """Start a broker for the length of a block, or take the one given."""
    if bootstrap_servers is not None:
        with AdoptedCluster(bootstrap_servers) as adopted:
            yield adopted
        return
    cluster = KafkaCluster(1, heap_mb=HEAP_MB)
    name, options = JVM_OPTIONS
    before = os.environ.get(name)
    os.environ[name] = f"{before or ''} {options}".strip()
    try:
        cluster.start()
    finally:  # the tools of Java that are measured run with their own options
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    try:
        yield cluster
    finally:
        cluster.close()


def warm_up(bench: Bench, *, say: Callable[[str], None]) -> None:
    """Let other clients than dekaf work the broker for some seconds: its just-in-time compiler shall favour nobody."""
    say("warming the broker up ...")
    for job in WARM_UP:
        ClientProcess(job=job).take(bench)
