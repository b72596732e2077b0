"""A web server under load: the CPU that one produce per request adds to the same endpoint without it."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.job import Job
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.load import get_json, send_requests
from benchmarks.measures.processes import check_build, environment, python
from benchmarks.servers.settings import FREEZE, JOB
from benchmarks.topics import count_records, fresh_topic
from tests.kafka.ports import free_ports

__all__ = ("GUNICORN", "UVICORN", "Server", "WebServer")

START_SECONDS = 30
BLOCK_SECONDS = 1
# Of a block without produce and a block with it; their differences' median is reported. Many and short: the speed of a
# shared machine changes from second to second, and a pair should see the same.
PAIRS = 8
SETTLE_SECONDS = 0.5  # for requests under way when a block ends


@dataclass(frozen=True, kw_only=True)
class Server:
    """How a server is started, and its paths; `{port}` is filled in."""

    arguments: tuple[str, ...]
    paths_end: str

    def path(self, name: str) -> str:
        """Return the path of an endpoint."""
        return f"/{name}{self.paths_end}"


UVICORN = Server(
    arguments=(
        *("-m", "uvicorn", "benchmarks.servers.fastapi_app:app", "--host", "127.0.0.1", "--port", "{port}"),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ),
    paths_end="",
)
GUNICORN = Server(
    arguments=(
        *("-m", "gunicorn", "benchmarks.servers.django_app:application", "--bind", "127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", "16", "--log-level", "warning"),
    ),
    paths_end="/",
)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """What one block of load came to."""

    cpu: float  # seconds per request
    rate: float  # requests answered per second


@dataclass(frozen=True, kw_only=True)
class WebServer:
    """Load a server with one worker process; `job` names its client."""

    server: Server
    job: Job
    connections: int
    freezes: bool = False
    build: Build | None = None

    def take(self, bench: Bench) -> Measured:
        """Start the server, load it in blocks, and end it."""
        with fresh_topic(bench.cluster, partitions=4) as topic:
            job = dataclasses.replace(self.job, bootstrap_servers=bench.cluster.bootstrap_servers, topic=topic)
            with self._running(bench, job) as port:
                bare, producing = self._load(port, pairs=max(1, round(PAIRS * bench.scale)))
                time.sleep(SETTLE_SECONDS)
                report = get_json(port, self.server.path("usage"))
            found = count_records(bench.cluster.bootstrap_servers, topic)
        facts = {name: str(value) for name, value in report.items() if name == "build"}
        check_build(self.build, facts)
        if found != report["produced"]:
            raise BenchmarkError(f"{report['produced']:.0f} messages were produced, {found} are in the topic")
        added = [with_it.cpu - without.cpu for without, with_it in zip(bare, producing, strict=True)]
        metrics = {
            "added_us": statistics.median(added) * 1e6,
            "bare_us": statistics.median(block.cpu for block in bare) * 1e6,
            "requests": statistics.median(block.rate for block in producing),
        }
        return Measured(metrics=metrics, facts=facts)

    def _load(self, port: int, *, pairs: int) -> tuple[list[_Block], list[_Block]]:
        """Return each block without and each block with produce."""
        for name in ("bare", "produce"):  # cold caches, half-open windows
            self._block(port, name)
        bare: list[_Block] = []
        producing: list[_Block] = []
        for _ in range(pairs):
            bare.append(self._block(port, "bare"))
            producing.append(self._block(port, "produce"))
        return bare, producing

    def _block(self, port: int, name: str) -> _Block:
        before = get_json(port, self.server.path("usage"))
        answered = send_requests(port, self.server.path(name), connections=self.connections, seconds=BLOCK_SECONDS)
        after = get_json(port, self.server.path("usage"))
        return _Block(cpu=(float(after["cpu"]) - float(before["cpu"])) / answered, rate=answered / BLOCK_SECONDS)

    @contextmanager
    def _running(self, bench: Bench, job: Job) -> Iterator[int]:
        port = free_ports(1)[0]
        command = python(*(argument.format(port=port) for argument in self.server.arguments))
        env = {**environment(bench, self.build), JOB: job.to_json(), **({FREEZE: "1"} if self.freezes else {})}
        # An empty working directory: both servers put theirs on the path, and this tree's has dekaf's sources.
        with tempfile.TemporaryDirectory(prefix="dekaf-bench-") as folder, tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                self._wait_until_it_answers(port, process, log)
                yield port
            finally:
                _end(process)

    def _wait_until_it_answers(self, port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                get_json(port, self.server.path("usage"))
            except BenchmarkError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    output = log.read().decode(errors="replace")[-2000:]
                    raise BenchmarkError(f"the server did not start ({error}):\n{output}") from error
                time.sleep(0.05)
            else:
                return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
