"""Hold connections on which nothing happens, and look at what they take."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.clients.interfaces import BlockingClient
from benchmarks.job import Answer, Job
from benchmarks.workers.records import make_records
from benchmarks.workers.usage import resident_memory_bytes

__all__ = ("hold_connections",)

KIBIBYTE = 1024
SETTLED_SECONDS = 2.5  # until clients have closed the connections that they only began with


def hold_connections(job: Job, make_client: Callable[[Job], BlockingClient]) -> Answer:
    """Measure the memory of one more client that is connected and idle: its connection, and what goes with it."""
    key, value = make_records(job)[0]
    first = make_client(job)  # what is there once in a process is not in the figure
    first.produce(key, value)
    time.sleep(SETTLED_SECONDS)
    before = resident_memory_bytes()
    clients = []
    for _ in range(job.connections):
        client = make_client(job)
        client.produce(key, value)
        clients.append(client)
    time.sleep(SETTLED_SECONDS)
    taken = resident_memory_bytes() - before
    for client in (first, *clients):
        client.close()
    return Answer(produced=1 + job.connections, metrics={"connection_kib": taken / job.connections / KIBIBYTE})
