"""The ZooKeeper that Kafka brokers before 3.3 need beside them."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.kafka.jvm import Jvm
from tests.kafka.ports import free_ports

__all__ = ("ZooKeeper", "needs_zookeeper")

FIRST_WITHOUT = (3, 3)  # the first release whose own quorum (KRaft) is meant for use


def needs_zookeeper(version: str) -> bool:
    """Return whether brokers of this release are coordinated by ZooKeeper."""
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) < FIRST_WITHOUT


class ZooKeeper:
    """One server, out of the jars that come with Kafka. Brokers wait for it by themselves."""

    def __init__(self, jvm: Jvm, folder: Path, *, process_group: int) -> None:
        (self._port,) = free_ports(1)
        self._jvm = jvm
        self._folder = folder
        self._process_group = process_group
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Its `host:port`, as brokers want it."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process."""
        (self._folder / "tmp").mkdir(parents=True)
        configuration = self._folder / "zoo.cfg"
        configuration.write_text(
            f"dataDir={self._folder / 'data'}\nclientPort={self._port}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\ntickTime=2000\n"
        )
        command = self._jvm.command(
            "org.apache.zookeeper.server.ZooKeeperServerMain",
            str(configuration),
            temporary_folder=self._folder / "tmp",
        )
        with (self._folder / "zookeeper.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                process_group=self._process_group,
            )

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
