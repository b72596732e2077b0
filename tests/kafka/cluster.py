"""KafkaCluster: one or several real brokers on loopback for as long as a `with` block lasts."""

from __future__ import annotations

import atexit
import base64
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.kafka import admin
from tests.kafka.broker import BrokerState, KafkaBroker
from tests.kafka.class_archive import class_archive_option
from tests.kafka.distribution import DEFAULT_VERSION, kafka_jars
from tests.kafka.errors import KafkaUnavailableError
from tests.kafka.java import find_java
from tests.kafka.jvm import Jvm
from tests.kafka.log_dump import DumpedBatch, parse_dump
from tests.kafka.ports import free_ports
from tests.kafka.server_properties import Listener, Node, default_replication, server_properties
from tests.kafka.watchdog import start_watchdog
from tests.kafka.zookeeper import ZooKeeper, needs_zookeeper

__all__ = ("KafkaCluster",)

START_SECONDS = 90  # 2 s on an idle machine; CI machines with other work on them need patience, not failures
TOOL_SECONDS = 60


class KafkaCluster:
    """Kafka brokers, each of them broker and controller; releases before 3.3 have a ZooKeeper beside them.

    Brokers are numbered from 0; the number is also Kafka's node id. Nothing is left behind: leaving the block, the end
    of the interpreter, and - through a watchdog - even SIGKILL end the processes and remove the folder.

        with KafkaCluster(3) as cluster:
            cluster.create_topic("orders", partitions=6)
            cluster.kill(cluster.leader_of("orders", 0))

    Args:
        brokers: how many.
        version: which Kafka.
        default_partitions: of topics that are created by being used.
        properties: additional or other lines of server.properties, for all brokers.
        heap_mb: largest heap of each broker.
        listeners: more ways in, by name (in capitals): the address that each broker advertises there.
    """

    def __init__(
        self,
        brokers: int = 1,
        *,
        listeners: Mapping[str, Sequence[str]] | None = None,
        version: str = DEFAULT_VERSION,
        default_partitions: int = 4,
        properties: Mapping[str, str] | None = None,
        heap_mb: int = 512,
    ) -> None:
        self.version = version
        self._broker_count = brokers
        self._default_partitions = default_partitions
        self._properties = dict(properties or {})
        self._heap_mb = heap_mb
        self._listeners = dict(listeners or {})
        self._brokers: tuple[KafkaBroker, ...] = ()
        self._folder: Path | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._zookeeper: ZooKeeper | None = None
        self._owner_pid = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Fetch Kafka when it is not in the cache, start the brokers and return when all of them answer.

        Raises:
            KafkaUnavailableError: Java or Maven are missing, or a broker did not start.
        """
        jvm = Jvm(java=find_java(), jars=kafka_jars(self.version), version=self.version)
        self._owner_pid = os.getpid()
        self._folder = Path(tempfile.mkdtemp(prefix="dekaf-kafka-"))
        self._watchdog = start_watchdog(self._folder)
        atexit.register(self.close)
        try:
            self._prepare(self._folder)
            self._brokers = self._plan(jvm, self._folder, self._watchdog.pid)
            if needs_zookeeper(self.version):
                self._zookeeper = ZooKeeper(jvm, self._folder / "zookeeper", process_group=self._watchdog.pid)
                self._zookeeper.start()
            self._configure()
            if self._zookeeper is None:
                self._format()
            for broker in self._brokers:
                broker.start()
            self.wait_until_ready()
        except BaseException:  # Ctrl-C included: half a cluster is of no use
            self.close()
            raise

    def close(self) -> None:
        """Kill the brokers and remove their folder. Nothing happens the second time, or in a forked child."""
        if self._watchdog is None or os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.close)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._watchdog.pid, signal.SIGKILL)
        for broker in self._brokers:
            broker.kill()  # returns when the process is gone
        if self._zookeeper is not None:
            self._zookeeper.kill()
        self._watchdog.wait()
        self._watchdog = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # addresses and folders

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, comma-separated, also of those that are down."""
        return ",".join(broker.node.address for broker in self.brokers)

    def addresses_at(self, listener: str) -> list[str]:
        """Return where each broker really listens under a name given in `listeners`."""
        return [one.address for broker in self.brokers for one in broker.node.listeners if one.name == listener]

    @property
    def brokers(self) -> tuple[KafkaBroker, ...]:
        """The brokers by number."""
        return self._brokers

    @property
    def log_directories(self) -> tuple[Path, ...]:
        """Each broker's folder of partitions."""
        return tuple(broker.node.log_directory for broker in self.brokers)

    # the life of single brokers

    def kill(self, broker: int) -> None:
        """End a broker at once (SIGKILL)."""
        self.brokers[broker].kill()

    def stop(self, broker: int, *, timeout: float = 30) -> None:
        """End a broker in good order (SIGTERM), by force after `timeout` seconds."""
        self.brokers[broker].stop(timeout=timeout)

    def pause(self, broker: int) -> None:
        """Freeze a broker: its connections stay open and nothing answers (SIGSTOP)."""
        self.brokers[broker].pause()

    def resume(self, broker: int) -> None:
        """Let a paused broker go on (SIGCONT)."""
        self.brokers[broker].resume()

    @contextlib.contextmanager
    def paused(self, broker: int) -> Iterator[None]:
        """Keep a broker frozen for the length of a block."""
        self.pause(broker)
        try:
            yield
        finally:
            self.resume(broker)

    def restart(self, broker: int) -> None:
        """Start a broker on its old port and folder - stopping it first when it runs - and wait until it answers."""
        if self.brokers[broker].state is not BrokerState.DOWN:
            self.stop(broker)
        self.brokers[broker].start()
        self.wait_until_ready()

    def restore(self) -> None:
        """Bring back every broker that is down or paused; quick when none is."""
        if all(broker.state is BrokerState.RUNNING for broker in self.brokers):
            return
        for broker in self.brokers:
            if broker.state is BrokerState.DOWN:
                broker.start()
            else:
                broker.resume()
        self.wait_until_ready()

    def wait_until_ready(self, *, timeout: float = START_SECONDS) -> None:
        """Wait until every running broker answers and knows the other running ones.

        When no broker is down, also until every partition has a leader.

        Raises:
            KafkaUnavailableError: a broker ended, or the time is over.
        """
        deadline = time.monotonic() + timeout
        running = [broker for broker in self.brokers if broker.state is BrokerState.RUNNING]
        while not self._is_ready(running):
            for broker in running:
                broker.ensure_running()
            if time.monotonic() > deadline:
                logs = "\n".join(broker.server_log[-2000:] for broker in running)
                raise KafkaUnavailableError(f"the brokers did not answer within {timeout} s:\n{logs}")
            time.sleep(0.05)

    # topics

    def create_topic(self, name: str, *, partitions: int = 4, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and return when every partition is served by its leader."""
        self.create_topics([name], partitions=partitions, config=config)

    def create_topics(
        self,
        names: Sequence[str],
        *,
        partitions: int = 4,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """Create several topics alike and return when every partition is served by its leader."""
        admin.create_topics(
            self.bootstrap_servers,
            names,
            partitions=partitions,
            replication_factor=self._replication_factor,
            config=config,
        )

    def delete_topic(self, name: str) -> None:
        """Delete a topic and return when it is gone."""
        admin.delete_topic(self.bootstrap_servers, name)

    def leader_of(self, topic: str, partition: int) -> int:
        """Return the number of the broker that leads a partition; -1 while there is none."""
        return admin.leader_of(self.bootstrap_servers, topic, partition)

    # limits

    def limit_client(self, client_id: str, *, bytes_per_second: int) -> None:
        """Set the quota of producers with a client id, with kafka-configs."""
        quota = ["--alter", "--add-config", f"producer_byte_rate={bytes_per_second}"]
        entity = ["--entity-type", "clients", "--entity-name", client_id]
        self._run_tool(
            self._jvm(),
            "kafka.admin.ConfigCommand",
            "--bootstrap-server",
            self.bootstrap_servers,
            *quota,
            *entity,
        )

    # independent eyes

    def dump_log(self, topic: str, partition: int, *, broker: int | None = None) -> str:
        """Return what kafka-dump-log prints about a partition's files: every batch and record on the disk.

        Args:
            broker: whose copy; by default that of the first broker that has one.
        """
        directories = self.log_directories if broker is None else self.log_directories[broker : broker + 1]
        folder = next((found for one in directories if (found := one / f"{topic}-{partition}").is_dir()), None)
        if folder is None:
            raise FileNotFoundError(f"no broker has a folder for {topic}-{partition}")
        return self._dump([folder])

    def dumped_batches(self, topic: str, *, broker: int = 0) -> list[DumpedBatch]:
        """Return every batch of a topic on a broker's disk, by partition and offset.

        Kafka decompresses and reads each of their records on the way, and ends with an error where it cannot.
        """
        folders = self.log_directories[broker].glob(f"{topic}-*")
        return parse_dump(self._dump(sorted(folders, key=lambda folder: int(folder.name.rpartition("-")[2]))))

    def _dump(self, folders: Sequence[Path]) -> str:
        files = ",".join(str(path) for folder in folders for path in sorted(folder.glob("*.log")))
        jvm = self._jvm()
        return self._run_tool(jvm, jvm.dump_log_segments, "--print-data-log", "--files", files).stdout

    def console_consumer(
        self,
        topic: str,
        count: int,
        *,
        printing: Mapping[str, str] | None = None,
        servers: str | None = None,
        config: Path | None = None,
        is_pattern: bool = False,
    ) -> list[str]:
        """Return the lines that kafka-console-consumer prints about a topic's first `count` records.

        Args:
            topic: its name, or a regular expression for the names of several: a JVM takes seconds to start.
            printing: properties of its formatter, as `{"print.headers": "true"}`.
            servers: where it begins, by default at `bootstrap_servers`.
            config: a file with properties of the consumer.
            is_pattern: whether `topic` is an expression.

        Raises:
            AssertionError: fewer records arrived within 20 seconds.
        """
        jvm = self._jvm()
        where = servers or self.bootstrap_servers
        which = "--include" if is_pattern else "--topic"
        arguments = ["--bootstrap-server", where, which, topic, "--from-beginning"]
        arguments += [] if config is None else jvm.consumer_config(config)
        limits = ["--max-messages", str(count), "--timeout-ms", "20000"]
        flag = jvm.formatter_option
        options = [word for name, value in (printing or {}).items() for word in (flag, f"{name}={value}")]
        done = self._run_tool(jvm, jvm.console_consumer, *arguments, *limits, *options)
        lines = done.stdout.splitlines()
        if len(lines) < count:
            raise AssertionError(f"{topic}: {len(lines)} of {count} records arrived:\n{done.stderr[-2000:]}")
        return lines

    @property
    def _replication_factor(self) -> int:
        # Said outright, for brokers before 2.4 have no word for "your default" (KIP-464).
        return default_replication(self._broker_count)

    def _jvm(self) -> Jvm:
        return Jvm(java=find_java(), jars=kafka_jars(self.version), version=self.version)

    def _run_tool(self, jvm: Jvm, main_class: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        with (
            tempfile.TemporaryDirectory(prefix="dekaf-kafka-tool-") as folder,
            class_archive_option(jvm.jars, main_class) as option,
        ):
            command = jvm.command(main_class, *arguments, options=[option], temporary_folder=Path(folder))
            return jvm.run(command, timeout=TOOL_SECONDS, text=text)

    # what a kind of cluster adds

    @property
    def _listener_count(self) -> int:
        return len(self._listeners)

    def _prepare(self, _folder: Path) -> None:
        """Make files in the cluster's folder before any broker is planned."""

    def _listeners_of(self, broker: int, ports: Iterator[int]) -> tuple[Listener, ...]:
        return tuple(
            Listener(name=name, port=next(ports), advertised=advertised[broker])
            for name, advertised in self._listeners.items()
        )

    def _properties_of(self, _broker: int) -> Mapping[str, str]:
        return self._properties

    # within

    def _plan(self, jvm: Jvm, folder: Path, process_group: int) -> tuple[KafkaBroker, ...]:
        ports = iter(free_ports((2 + self._listener_count) * self._broker_count))
        nodes = [
            Node(
                node_id=number,
                port=next(ports),
                controller_port=next(ports),
                folder=folder / f"broker-{number}",
                listeners=self._listeners_of(number, ports),
            )
            for number in range(self._broker_count)
        ]
        return tuple(KafkaBroker(node, jvm, process_group=process_group, heap_mb=self._heap_mb) for node in nodes)

    def _configure(self, *, only: int | None = None) -> None:
        nodes = [broker.node for broker in self._brokers]
        for broker in self._brokers if only is None else [self._brokers[only]]:
            properties = server_properties(
                broker.node,
                nodes,
                default_partitions=self._default_partitions,
                overrides=self._properties_of(broker.node.node_id),
                zookeeper=None if self._zookeeper is None else self._zookeeper.address,
            )
            broker.configure(properties)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        formatting = [broker.format(cluster_id) for broker in self._brokers]
        for broker, process in zip(self._brokers, formatting, strict=True):
            if process.wait(START_SECONDS) != 0:
                raise KafkaUnavailableError(f"the storage could not be formatted:\n{broker.server_log[-4000:]}")

    def _is_ready(self, running: Sequence[KafkaBroker]) -> bool:
        numbers = {broker.node.node_id for broker in running}
        addresses = [broker.node.address for broker in running]
        if not all(broker.is_listening() for broker in running):
            return False  # asking an AdminClient would cost its whole time limit
        if not all(numbers <= admin.broker_ids(address) for address in addresses):
            return False
        is_complete = len(running) == len(self.brokers)
        return not is_complete or all(admin.has_all_leaders(address) for address in addresses)
