"""KafkaBroker: one broker process that can be started, stopped, killed, paused and started again."""

from __future__ import annotations

import enum
import os
import signal
import socket
import subprocess
from collections.abc import Mapping

from tests.kafka.errors import KafkaUnavailableError
from tests.kafka.jvm import Jvm
from tests.kafka.server_properties import Node, render

__all__ = ("BrokerState", "KafkaBroker")


class BrokerState(enum.Enum):
    """What a broker's process is doing."""

    DOWN = "down"
    RUNNING = "running"
    PAUSED = "paused"


class KafkaBroker:
    """One broker. Its folder and port stay the same over restarts."""

    def __init__(self, node: Node, jvm: Jvm, *, process_group: int, heap_mb: int) -> None:
        self.node = node
        self._jvm = jvm
        self._process_group = process_group
        self._heap_mb = heap_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._is_paused = False

    @property
    def state(self) -> BrokerState:
        """What the process is doing now; a broker that crashed is DOWN."""
        if self._process is None or self._process.poll() is not None:
            return BrokerState.DOWN
        return BrokerState.PAUSED if self._is_paused else BrokerState.RUNNING

    @property
    def pid(self) -> int | None:
        """The process id, or None while the broker is down."""
        return None if self._process is None or self.state is BrokerState.DOWN else self._process.pid

    @property
    def server_log(self) -> str:
        """What the broker has logged so far (warnings and errors), over all its lives."""
        path = self.node.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def configure(self, properties: Mapping[str, str]) -> None:
        """Write server.properties; before anything else, and again for another start."""
        (self.node.folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self.node.folder / "server.properties").write_text(render(properties))

    def format(self, cluster_id: str) -> subprocess.Popen[bytes]:
        """Begin formatting the storage; the caller waits for the process."""
        return self._launch(
            "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", self._properties_path, heap_mb=128
        )

    def start(self) -> None:
        """Start the process; it takes a few seconds until it answers."""
        if self.state is not BrokerState.DOWN:
            raise RuntimeError(f"broker {self.node.node_id} is {self.state.value} already")
        self._is_paused = False
        self._process = self._launch("kafka.Kafka", self._properties_path, heap_mb=self._heap_mb)

    def ensure_running(self) -> None:
        """Raise when the process has ended by itself.

        Raises:
            KafkaUnavailableError: the text ends with the broker's last log lines.
        """
        if self.state is BrokerState.DOWN:
            raise KafkaUnavailableError(f"broker {self.node.node_id} ended by itself:\n{self.server_log[-4000:]}")

    def is_listening(self) -> bool:
        """Tell whether the port accepts connections; a paused broker's still does."""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.node.port)) == 0

    def kill(self) -> None:
        """End the process at once, as a power cut would (SIGKILL)."""
        self._signal(signal.SIGKILL)
        self._wait(timeout=10)

    def stop(self, *, timeout: float = 30) -> None:
        """Ask the broker to move its leaders away and end (SIGTERM); kill it when that takes over `timeout` seconds."""
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            self._wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Freeze the process: connections stay open and nothing answers (SIGSTOP)."""
        self._signal(signal.SIGSTOP)
        self._is_paused = True

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)
        self._is_paused = False

    @property
    def _properties_path(self) -> str:
        return str(self.node.folder / "server.properties")

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is not None:
            os.kill(pid, number)

    def _wait(self, *, timeout: float) -> None:
        if self._process is not None:
            self._process.wait(timeout)

    def _launch(self, main_class: str, *arguments: str, heap_mb: int) -> subprocess.Popen[bytes]:
        command = self._jvm.command(
            main_class, *arguments, heap_mb=(heap_mb // 2, heap_mb), temporary_folder=self.node.folder / "tmp"
        )
        with (self.node.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.node.folder,
                process_group=self._process_group,
            )
