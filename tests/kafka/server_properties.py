"""Compose a broker's server.properties: nodes on loopback, tuned for short tests.

Since 3.3 a node is broker and controller in one (KRaft); older releases keep their controller in ZooKeeper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Listener", "Node", "default_replication", "render", "server_properties")


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Another way into a broker, which advertises an address of the test's choice: a proxy's, or nobody's."""

    name: str
    port: int
    advertised: str
    protocol: str = "PLAINTEXT"

    @property
    def address(self) -> str:
        """The `host:port` that it really has."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One broker's place: its number, its ports and its folder."""

    node_id: int
    port: int
    controller_port: int
    folder: Path
    listeners: tuple[Listener, ...] = ()

    @property
    def address(self) -> str:
        """The `host:port` that clients use."""
        return f"127.0.0.1:{self.port}"

    @property
    def log_directory(self) -> Path:
        """The folder with one subfolder per partition, as `orders-0`."""
        return self.folder / "data"


def server_properties(
    node: Node,
    nodes: Sequence[Node],
    *,
    default_partitions: int,
    overrides: Mapping[str, str],
    zookeeper: str | None = None,
) -> dict[str, str]:
    """Return the properties of one of the cluster's nodes; `overrides` win.

    Args:
        zookeeper: the address of the ZooKeeper that coordinates the nodes; None if they do that themselves.
    """
    return {
        **_addresses(node),
        **(_quorum(node, nodes) if zookeeper is None else _coordinated_by(zookeeper, node)),
        "log.dirs": str(node.log_directory),
        **_replication(len(nodes)),
        "num.partitions": str(default_partitions),
        "auto.create.topics.enable": "true",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "6000",  # a killed broker's partitions move after 6 s, not 9
        "log.retention.ms": "-1",  # records with the timestamps tests like (1 ms, 1970) would expire within seconds
        "log.cleaner.dedupe.buffer.size": "2097152",  # the default, 128 MiB, would take half of the heap
        **overrides,
    }


def default_replication(broker_count: int) -> int:
    """Return how many replicas a partition has by default: every broker has one, up to 3."""
    return min(broker_count, 3)


def render(properties: Mapping[str, str]) -> str:
    """Write properties in Java's format, which is Latin-1 with escapes for everything else.

    Names of properties hold nothing that had to be escaped.
    """
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    plain = value.replace("\\", "\\\\")
    return "".join(sign if sign.isascii() else f"\\u{ord(sign):04x}" for sign in plain)


def _addresses(node: Node) -> dict[str, str]:
    others = node.listeners
    protocols = ["PLAINTEXT:PLAINTEXT", *(f"{one.name}:{one.protocol}" for one in others)]
    return {
        "listeners": ",".join([f"PLAINTEXT://{node.address}", *(f"{one.name}://{one.address}" for one in others)]),
        "advertised.listeners": ",".join(
            [f"PLAINTEXT://{node.address}", *(f"{one.name}://{one.advertised}" for one in others)]
        ),
        "listener.security.protocol.map": ",".join(protocols),
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _quorum(node: Node, nodes: Sequence[Node]) -> dict[str, str]:
    addresses = _addresses(node)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{one.node_id}@127.0.0.1:{one.controller_port}" for one in nodes),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{addresses['listeners']},CONTROLLER://127.0.0.1:{node.controller_port}",
        "listener.security.protocol.map": f"{addresses['listener.security.protocol.map']},CONTROLLER:PLAINTEXT",
    }


def _coordinated_by(zookeeper: str, node: Node) -> dict[str, str]:
    return {
        "broker.id": str(node.node_id),
        "zookeeper.connect": zookeeper,
        "zookeeper.session.timeout.ms": "6000",
    }


def _replication(broker_count: int) -> dict[str, str]:
    replicas = str(default_replication(broker_count))
    in_sync = "2" if broker_count >= 3 else "1"
    return {
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        # One partition each for the internal topics: nobody tests their throughput, and creating 50 takes a second.
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
    }
