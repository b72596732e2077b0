"""Java's producer, through the performance tool that comes with Kafka."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass

from benchmarks.builds import Build
from benchmarks.errors import BenchmarkError
from benchmarks.job import Job
from benchmarks.measures.interface import Bench, Measured
from benchmarks.measures.processes import run
from benchmarks.topics import count_records, fresh_topic
from tests.kafka import DEFAULT_VERSION, kafka_jars
from tests.kafka.java import find_java

__all__ = ("JavaPerformance", "steady_state_rate")

STEADY_STATE = re.compile(r"steady state records sent, ([0-9.]+) records/sec")
TOOL = "org.apache.kafka.tools.ProducerPerformance"
TIMEOUT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class JavaPerformance:
    """Fire a job's messages without keys; as many again before them, for the just-in-time compiler, do not count.

    The virtual machine runs with its ordinary settings. Its CPU is not reported: start-up and compilation would be in
    it.
    """

    job: Job
    build: Build | None = None
    partitions: int = 4

    def take(self, bench: Bench) -> Measured:
        """Run the tool once on a fresh topic."""
        messages = max(1, int(self.job.messages * bench.scale))
        with fresh_topic(bench.cluster, partitions=self.partitions) as topic:
            output = self._run_tool(bench.cluster.bootstrap_servers, topic, messages)
            found = count_records(bench.cluster.bootstrap_servers, topic)
        if found != 2 * messages:
            raise BenchmarkError(f"{2 * messages} messages were produced, {found} are in the topic")
        return Measured(metrics={"rate": steady_state_rate(output)}, facts={"version": DEFAULT_VERSION})

    def _run_tool(self, bootstrap_servers: str, topic: str, messages: int) -> str:
        job = self.job
        work = {"topic": topic, "num-records": 2 * messages, "warmup-records": messages, "record-size": job.size_bytes}
        properties = {
            "acks": "all",
            "enable.idempotence": "true",
            "linger.ms": job.linger_ms,
            "batch.size": job.batch_size,
            "buffer.memory": job.buffer_memory,
            "compression.type": job.codec,
        }
        with tempfile.TemporaryDirectory(prefix="dekaf-bench-java-") as folder:
            command = [
                *(find_java(), "-Xmx512m", f"-Djava.io.tmpdir={folder}", "-XX:-UsePerfData"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                *("-cp", f"{kafka_jars()}/*", TOOL),
                *(part for name, value in work.items() for part in (f"--{name}", str(value))),
                *("--throughput", "-1", "--bootstrap-server", bootstrap_servers, "--command-property"),
                *(f"{name}={value}" for name, value in properties.items()),
            ]
            return run(command, timeout=TIMEOUT_SECONDS)


def steady_state_rate(output: str) -> float:
    """Return the records per second after the warm-up, from what the tool printed."""
    found = STEADY_STATE.search(output)
    if found is None:
        raise BenchmarkError(f"the tool printed no steady state:\n{output[-1000:]}")
    return float(found[1])
