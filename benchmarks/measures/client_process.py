"""One client in a process of its own, its messages counted in the topic afterwards."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.job import MECHANISM, Answer, Job
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import check_build, environment, python, run
from benchmarks.topics import count_records, fresh_topic
from tests.kafka.secure_cluster import SecureCluster

__all__ = ("LISTENER", "ClientProcess", "way_in")

LISTENER = "SASL_SSL"

PATIENCE_SECONDS = 60  # beyond the job's own time: start, warm-up, and draining a full buffer


@dataclass(frozen=True, kw_only=True)
class ClientProcess:
    """Run a job; `build` says which dekaf, None that the client is another one."""

    job: Job
    build: Build | None = None
    partitions: int = 4

    def take(self, bench: Bench) -> Measured:
        """Run the job once on a fresh topic."""
        with fresh_topic(bench.cluster, partitions=self.partitions) as topic:
            where: dict[str, Any] = way_in(bench, self.job)
            job = dataclasses.replace(
                self.job,
                **where,
                topic=topic,
                messages=max(1, int(self.job.messages * bench.scale)),
                seconds=self.job.seconds * bench.scale,
            )
            command = python("-m", "benchmarks.workers", job.to_json())
            output = run(command, env=environment(bench, self.build), timeout=job.seconds + PATIENCE_SECONDS)
            answer = Answer.from_json(output.splitlines()[-1])
            check_build(self.build, answer.facts)
            found = count_records(bench.cluster.bootstrap_servers, topic)
        if found != answer.produced:
            raise BenchmarkError(f"{answer.produced} messages were produced, {found} are in the topic")
        return Measured(metrics=answer.metrics, facts=answer.facts)


def way_in(bench: Bench, job: Job) -> dict[str, str]:
    """Return where a job connects, and as whom.

    Raises:
        BenchmarkError: it wants TLS and SASL, which the broker at hand has not.
    """
    cluster = bench.cluster
    if not job.is_secure:
        return {"bootstrap_servers": cluster.bootstrap_servers}
    if not isinstance(cluster, SecureCluster):
        raise BenchmarkError("secure rows need the broker that the benchmark starts itself")
    login = cluster.login(LISTENER, MECHANISM)
    return {
        "bootstrap_servers": login.servers,
        "cafile": str(login.cafile),
        "username": login.user,
        "password": login.password,
    }
