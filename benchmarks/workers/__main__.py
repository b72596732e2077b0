"""Run one job: `python -m benchmarks.workers '{"workload": "fire", …}'`; the last line of output is the answer.

Only the client that is asked for is imported: the others must not be in its memory or its start-up.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import os
import sys
from typing import Any

from benchmarks.job import Answer, Job
from benchmarks.workers.connections import hold_connections
from benchmarks.workers.fire import fire
from benchmarks.workers.forked import first_acknowledgements
from benchmarks.workers.steps import time_fire
from benchmarks.workers.waiting import await_each, block_on_each

# Of each client: its module, and the distribution whose version is reported.
CLIENTS = {
    "dekaf": ("benchmarks.clients.dekaf_client", "dekaf"),
    "confluent": ("benchmarks.clients.confluent", "confluent-kafka"),
    "aiokafka": ("benchmarks.clients.aiokafka_client", "aiokafka"),
    "kafka-python": ("benchmarks.clients.kafka_python", "kafka-python"),
}


def main() -> None:
    """Run the job given as the only argument."""
    job = Job.from_json(sys.argv[1])
    client, _, variant = job.client.partition(":")
    module_name, distribution = CLIENTS[client]
    module = importlib.import_module(module_name)
    answer = _run(job, module, variant)
    print(dataclasses.replace(answer, facts={**answer.facts, **_facts(client, distribution)}).to_json(), flush=True)
    # Some clients leave threads or finalizers behind that take seconds; everything is measured and flushed.
    os._exit(0)


def _run(job: Job, module: Any, variant: str) -> Answer:
    if job.workload == "fire":
        return fire(job, module.Firing)
    if job.workload == "await":
        return await_each(job, getattr(module, variant or "Awaiting"))
    if job.workload == "block":
        return block_on_each(job, module.Blocking)
    if job.workload == "connections":
        return hold_connections(job, module.Blocking)
    if job.workload == "forked":
        return first_acknowledgements(job, module.Blocking)
    if job.workload == "step-fire":
        return time_fire(job, module.Firing)
    raise SystemExit(f"unknown workload: {job.workload}")


def _facts(client: str, distribution: str) -> dict[str, str]:
    if client != "dekaf":
        return {"version": importlib.metadata.version(distribution)}
    import dekaf  # noqa: PLC0415 # only where it is the one measured

    return {"version": dekaf.__version__, "build": "compiled" if dekaf.compiled else "interpreted"}


if __name__ == "__main__":
    main()
