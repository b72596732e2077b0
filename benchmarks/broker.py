"""The broker of a run: Apache Kafka with a server's virtual machine, warmed up before anything counts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.job import Job
from benchmarks.measures.client_process import LISTENER, ClientProcess
from benchmarks.measures.interface import Bench
from tests.kafka import AdoptedCluster, KafkaCluster
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.secure_listeners import LISTENERS

__all__ = ("broker", "warm_up")

HEAP_MB = 1024
# The test cluster starts quickly by doing without the optimising compiler. A broker that lives as long as a benchmark
# shall have it: its CPU is taken from the clients. Options in this variable win over those of the command line.
JVM_OPTIONS = ("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4")

# As many threads as the plain listener has.
SECURE = tuple(one for one in LISTENERS if one.name == LISTENER)
AS_THE_PLAIN_ONE = {f"{one.prefix}num.network.threads": "3" for one in SECURE}

WARM_UP = (
    Job(workload="fire", client="confluent", messages=1_000_000, seconds=4),
    Job(workload="fire", client="kafka-python", seconds=3),
    Job(workload="fire", client="confluent", messages=200_000, seconds=4, size_bytes=1000),
    Job(workload="await", client="aiokafka", tasks=100, seconds=3),
)


@contextmanager
def broker(bootstrap_servers: str | None, *, is_secure: bool = False) -> Iterator[KafkaCluster]:
    """Start a broker for the length of a block, or take the one given.

    Args:
        bootstrap_servers: that one's address.
        is_secure: whether it shall have a listener with TLS and SASL beside the plain one.
    """
    if bootstrap_servers is not None:
        with AdoptedCluster(bootstrap_servers) as adopted:
            yield adopted
        return
    cluster = (
        SecureCluster(1, heap_mb=HEAP_MB, listeners=SECURE, properties=AS_THE_PLAIN_ONE)
        if is_secure
        else KafkaCluster(1, heap_mb=HEAP_MB)
    )
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


def warm_up(bench: Bench, *, is_secure: bool = False, say: Callable[[str], None]) -> None:
    """Let other clients than dekaf work the broker for some seconds: its just-in-time compiler shall favour nobody.

    Args:
        bench: the broker's.
        is_secure: over TLS as well: a listener whose code is not compiled yet decrypts 27 MB a second.
        say: tells the progress.
    """
    say("warming the broker up ...")
    for job in WARM_UP:
        ClientProcess(job=job).take(bench)
        if is_secure:
            ClientProcess(job=dataclasses.replace(job, is_secure=True)).take(bench)
