"""Secure rows: the same way in for every client, workers that begin at once, and connections that are counted."""

from __future__ import annotations

__lazy_modules__ = ("benchmarks.clients",)  # two need clients that Python 3.15 has no wheels of yet

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.broker import AS_THE_PLAIN_ONE, SECURE
from benchmarks.clients import aiokafka_client, confluent, dekaf_client
from benchmarks.errors import BenchmarkError
from benchmarks.job import MECHANISM, Job
from benchmarks.measures.client_process import LISTENER, way_in
from benchmarks.measures.interface import Bench
from benchmarks.rows import ROWS
from benchmarks.rows import SECURE as SECURE_ROWS
from benchmarks.rows.names import OURS_PLAINTEXT
from benchmarks.selection import select
from benchmarks.workers.connections import hold_connections
from benchmarks.workers.forked import first_acknowledgements
from tests.certificates import Authority
from tests.kafka import KafkaCluster
from tests.peers import needs_aiokafka, needs_confluent


def job_of(**changes: object) -> Job:
    return Job.from_json(json.dumps({"workload": "forked", "client": "none", "messages": 1, **changes}))


@pytest.fixture
def secure_job(tmp_path: Path) -> Job:
    cafile = Authority(tmp_path).cafile
    return job_of(
        bootstrap_servers="broker.example:9093",
        is_secure=True,
        cafile=str(cafile),
        username="alice",
        password="wonder,land",
    )


# The table.


def test_secure_rows_are_a_group_and_not_among_those_of_every_run() -> None:
    assert select(["secure"]).rows == list(SECURE_ROWS)
    names = {row.name for row in SECURE_ROWS}
    assert not names & {row.name for row in ROWS}
    assert names <= {row.name for row in select(["all"]).rows}


@pytest.mark.parametrize("row", SECURE_ROWS, ids=lambda row: row.name)
def test_everybody_goes_the_same_way_but_for_ours_in_plain_text(row: Any) -> None:
    secure = {name: measure.job.is_secure for name, measure in row.contenders.items()}

    assert secure == {name: name != OURS_PLAINTEXT for name in row.contenders}
    assert row.needs_security
    jobs = {
        (job.workload, job.size_bytes, job.messages, job.keyed, job.tasks, job.connections, job.workers)
        for job in (measure.job for measure in row.contenders.values())
    }
    assert len(jobs) == 1


def test_the_listener_has_the_mechanism_and_as_many_threads_as_the_plain_one() -> None:
    (listener,) = SECURE

    assert (listener.name, listener.protocol) == (LISTENER, "SASL_SSL")
    assert MECHANISM in listener.mechanisms
    assert AS_THE_PLAIN_ONE == {"listener.name.sasl_ssl.num.network.threads": "3"}


def test_a_broker_of_somebody_elses_is_refused(secure_job: Job) -> None:
    bench = Bench(cluster=KafkaCluster(), builds={})

    with pytest.raises(BenchmarkError, match="the broker that the benchmark starts itself"):
        way_in(bench, secure_job)


# The clients.


@needs_aiokafka
@needs_confluent
def test_each_client_is_told_the_same(secure_job: Job) -> None:
    theirs = confluent.configuration(secure_job)
    assert (theirs["security.protocol"], theirs["sasl.mechanism"]) == ("SASL_SSL", MECHANISM)
    assert (theirs["ssl.ca.location"], theirs["sasl.username"]) == (secure_job.cafile, "alice")

    aio = aiokafka_client.options(secure_job)
    assert (aio["security_protocol"], aio["sasl_mechanism"]) == ("SASL_SSL", MECHANISM)
    assert aio["ssl_context"].cert_store_stats()["x509_ca"] == 1
    assert (aio["sasl_plain_username"], aio["sasl_plain_password"]) == ("alice", "wonder,land")

    ours = dekaf_client._config(secure_job)
    assert (ours.security_protocol, ours.sasl_mechanism, ours.sasl_username) == ("SASL_SSL", MECHANISM, "alice")
    assert ours.ssl_cafile == secure_job.cafile


@needs_aiokafka
@needs_confluent
def test_in_plain_text_nobody_is_told_anything() -> None:
    job = job_of(bootstrap_servers="broker.example:9092")

    assert not [name for name in confluent.configuration(job) if name.startswith(("ssl", "sasl", "security"))]
    assert not [name for name in aiokafka_client.options(job) if name.startswith(("ssl", "sasl", "security"))]
    assert dekaf_client._config(job).given_security_options == ()


# The workloads.


class Client:
    """Acknowledges at once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._memory = b"x" * 1_000_000

    def produce(self, key: bytes | None, value: bytes) -> None:
        """Produce nothing."""

    def close(self) -> None:
        """Let the memory go."""
        self._memory = b""


class Failing(Client):
    """Does not connect."""

    def produce(self, key: bytes | None, value: bytes) -> None:
        raise OSError("no broker")


def test_workers_begin_at_once_and_each_is_heard() -> None:
    began = time.monotonic()

    answer = first_acknowledgements(job_of(workers=8), Client)

    assert answer.produced == 8
    assert 0 < answer.metrics["worker_p50_ms"] <= answer.metrics["all_workers_ms"]
    assert answer.metrics["all_workers_ms"] < (time.monotonic() - began) * 1e3
    assert answer.metrics["worker_cpu_ms"] > 0


def test_a_client_that_was_made_before_the_fork_is_every_workers() -> None:
    made: list[int] = []

    def make(job: Job) -> Client:
        made.append(os.getpid())
        return Client(job)

    answer = first_acknowledgements(job_of(workers=3, is_made_before_fork=True), make)

    assert answer.produced == 3
    assert made == [os.getpid()]


def test_a_worker_that_fails_is_no_figure(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="3 of 3 workers failed"):
        first_acknowledgements(job_of(workers=3), Failing)


def test_memory_is_that_of_one_more_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.workers.connections.SETTLED_SECONDS", 0)
    sizes = iter((10_000_000, 10_000_000 + 20 * 300 * 1024))
    monkeypatch.setattr("benchmarks.workers.connections.resident_memory_bytes", lambda: next(sizes))

    answer = hold_connections(job_of(connections=20), Client)

    assert answer.metrics == {"connection_kib": 300.0}
    assert answer.produced == 21
