"""Command lines for Kafka's Java programs, and running the short ones."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kafka.errors import KafkaUnavailableError

__all__ = ("Jvm",)

# The serial collector and the quick compiler alone: brokers live for seconds, on few cores, several at a time.
# Without -UsePerfData a killed JVM leaves a file in /tmp/hsperfdata_*.
# Java's own warnings, about archives of classes for instance, would stand among what programs print.
QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto", "-Xlog:disable")


@dataclass(frozen=True, kw_only=True)
class Jvm:
    """A Java runtime with the jars of one Kafka version on its class path."""

    java: str
    jars: Path
    version: str

    def command(
        self,
        main_class: str,
        *arguments: str,
        heap_mb: tuple[int, int] = (64, 256),
        options: Sequence[str] = (),
        temporary_folder: Path,
    ) -> list[str]:
        """Return the command line of a Java program.

        Args:
            heap_mb: initial and largest heap.
            options: more of `java` itself.
            temporary_folder: where codecs unpack their native libraries, which a killed process cannot remove.
        """
        first, most = heap_mb
        return [
            self.java,
            f"-Xms{first}m",
            f"-Xmx{most}m",
            *QUICK_START,
            *options,
            f"-Djava.io.tmpdir={temporary_folder}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            f"{self.jars}/*",
            main_class,
            *arguments,
        ]

    def run(self, command: Sequence[str], *, timeout: float, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a short program and return its output.

        Args:
            text: what it reads from its standard input.

        Raises:
            KafkaUnavailableError: it failed; the text has its output.
        """
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, input=text)
        if done.returncode != 0:
            output = (done.stdout + done.stderr)[-4000:]
            raise KafkaUnavailableError(f"the Java program ended with {done.returncode}:\n{output}")
        return done

    @property
    def console_consumer(self) -> str:
        """The main class of kafka-console-consumer in this version."""
        return self._first_in_tools("org.apache.kafka.tools.consumer.ConsoleConsumer", "kafka.tools.ConsoleConsumer")

    @property
    def console_producer(self) -> str:
        """The main class of kafka-console-producer in this version."""
        return self._first_in_tools("org.apache.kafka.tools.ConsoleProducer", "kafka.tools.ConsoleProducer")

    @property
    def formatter_option(self) -> str:
        """What the console consumer calls its formatter's properties."""
        return "--formatter-property" if self._has_equal_options else "--property"

    def consumer_config(self, file: Path) -> tuple[str, str]:
        """Return the option that gives the console consumer a file of properties."""
        return ("--command-config" if self._has_equal_options else "--consumer.config", str(file))

    def producer_config(self, file: Path) -> tuple[str, str]:
        """Return the option that gives the console producer a file of properties."""
        return ("--command-config" if self._has_equal_options else "--producer.config", str(file))

    @property
    def dump_log_segments(self) -> str:
        """The main class of kafka-dump-log in this version."""
        return self._first_in_tools("org.apache.kafka.tools.DumpLogSegments", "kafka.tools.DumpLogSegments")

    @property
    def _has_equal_options(self) -> bool:
        # All tools call the same thing by the same name since 4.2 (KIP-1147).
        major, minor = self.version.split(".")[:2]
        return (int(major), int(minor)) >= (4, 2)

    def _first_in_tools(self, new_name: str, old_name: str) -> str:
        # The tools moved, one by one over several releases, from the core jar (kafka.tools) to kafka-tools.
        with zipfile.ZipFile(self.jars / f"kafka-tools-{self.version}.jar") as tools:
            return new_name if f"{new_name.replace('.', '/')}.class" in tools.namelist() else old_name
