"""What the brokers of a fake cluster share: topics and their logs, who leads what, and everything that happened."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from dekaf._wire.writer import NULL_UUID
from dekaf.testing.answers import Endpoint
from dekaf.testing.faults import FaultScript
from dekaf.testing.partition_log import AppendResult, PartitionLog, TopicSettings
from dekaf.testing.received import ReceivedProduce, ReceivedRequest
from dekaf.testing.record_reader import BatchHeader
from dekaf.testing.server_tls import TlsHandshake

__all__ = ("ClientConnection", "ClusterState", "Partition", "ProduceAttempt", "Topic", "UnknownVersionAnswer")

_FIRST_PRODUCER_ID: Final = 1000


class UnknownVersionAnswer(Enum):
    """What a broker does about an ApiVersions request in a version it does not know.

    Args:
        WITH_ENTRY: answers version 0 with error 35 and says which versions it knows: Kafka since 2.4 (KIP-511).
        WITHOUT_ENTRY: answers version 0 with error 35 and nothing else: older ones, and proxies.
        RESET: resets the connection, as some services do.
    """

    WITH_ENTRY = "with entry"
    WITHOUT_ENTRY = "without entry"
    RESET = "reset"


@dataclass(slots=True, kw_only=True)
class Partition:
    """One partition; the leader is None while it has none."""

    index: int
    leader: int | None
    leader_epoch: int
    log: PartitionLog


@dataclass(slots=True, kw_only=True)
class Topic:
    """One topic."""

    name: str
    topic_id: bytes
    settings: TopicSettings
    partitions: list[Partition] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProduceAttempt:
    """One batch as it arrived, and what it was answered.

    Args:
        request: the request it came in.
        node_id: the broker that received it.
        connection: the number of the connection it came over.
        received_at: `time.monotonic` when its request had arrived, in seconds.
        topic: the topic, empty if its id is not known.
        partition: the partition.
        batch: the bytes as they came.
        header: the batch's header, None if there is none to be read.
        result: what the leader made of it; None if a fault kept the batch from the log.
        error_code: what was answered.
    """

    request: ReceivedProduce
    node_id: int
    connection: int
    received_at: float
    topic: str
    partition: int
    batch: bytes | None
    header: BatchHeader | None
    result: AppendResult | None
    error_code: int

    @property
    def is_appended(self) -> bool:
        """Whether this very attempt put the records into the log."""
        return self.result is not None and self.result.error_code == 0 and not self.result.is_duplicate


@dataclass(slots=True, kw_only=True)
class ClientConnection:
    """One connection that a client opened.

    Args:
        number: its number in the cluster, from 1.
        node_id: the broker it leads to.
        client_id: the name in the header of its requests; None before the first.
        software_name: what the client said it is; empty before that, and for old versions of ApiVersions.
        software_version: likewise.
        is_open: whether it still is.
        tls: how it was encrypted; None for plaintext.
        mechanism: how it authenticated last; None before that, and without SASL.
        principal: as whom.
        extensions: what the client told beside its token.
        authentications: how often it did, the first time included.
        refusals: how often it was refused; once, since the connection ends with it.
        is_expired: whether it was closed because a request came after its session's end.
    """

    number: int
    node_id: int
    client_id: str | None = None
    software_name: str = ""
    software_version: str = ""
    is_open: bool = True
    tls: TlsHandshake | None = None
    mechanism: str | None = None
    principal: str | None = None
    extensions: dict[str, str] = field(default_factory=dict)
    authentications: int = 0
    refusals: int = 0
    is_expired: bool = False

    @property
    def reauthentications(self) -> int:
        """How often it authenticated again."""
        return max(0, self.authentications - 1)


@dataclass(slots=True)
class ClusterState:
    """The state of a fake cluster; `changed` guards all of it and is notified of every change."""

    cluster_id: str
    default_settings: TopicSettings
    unknown_version: UnknownVersionAnswer
    auto_create_topics: bool
    leader_hints: bool = True
    session_lifetime_ms: int = 0  # 0: for ever
    changed: threading.Condition = field(default_factory=threading.Condition)
    endpoints: dict[int, Endpoint] = field(default_factory=dict)  # of the brokers that run
    topics: dict[str, Topic] = field(default_factory=dict)
    strangers: dict[int, str] = field(default_factory=dict)  # other cluster ids that brokers tell, by node id
    frozen: dict[int, dict[str, Topic]] = field(default_factory=dict)  # what brokers with old metadata know, by node id
    stale_answers: dict[int, int] = field(default_factory=dict)  # Metadata answers of these, by node id
    requests: list[ReceivedRequest] = field(default_factory=list)
    attempts: list[ProduceAttempt] = field(default_factory=list)
    connections: list[ClientConnection] = field(default_factory=list)
    handshakes: list[TlsHandshake] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    granted_ids: deque[tuple[int, int]] = field(default_factory=deque)
    next_producer_id: int = _FIRST_PRODUCER_ID
    script: FaultScript = field(init=False)

    def __post_init__(self) -> None:
        self.script = FaultScript(self.changed)

    def create_topic(self, name: str, partitions: int, settings: TopicSettings | None = None) -> None:
        """Add a topic whose partitions are led by the brokers in turn."""
        chosen = settings or self.default_settings
        with self.changed:
            self.topics[name] = Topic(name=name, topic_id=uuid.uuid4().bytes, settings=chosen)
            self.add_partitions(name, partitions)

    def add_partitions(self, name: str, count: int) -> None:
        """Add partitions to a topic."""
        with self.changed:
            nodes = sorted(self.endpoints)
            topic = self.topics[name]
            for index in range(len(topic.partitions), len(topic.partitions) + count):
                leader = nodes[index % len(nodes)] if nodes else None
                log = PartitionLog(name, index, topic.settings)
                topic.partitions.append(Partition(index=index, leader=leader, leader_epoch=0, log=log))
            self.changed.notify_all()

    def freeze_metadata(self, node: int) -> None:
        """Let a broker describe the topics as they are now, whatever becomes of them."""
        with self.changed:
            self.frozen[node] = {
                topic.name: replace(topic, partitions=[replace(partition) for partition in topic.partitions])
                for topic in self.topics.values()
            }

    def described_by(self, node: int) -> dict[str, Topic]:
        """Return the topics as a broker describes them."""
        return self.frozen.get(node, self.topics)

    def topic_by_id(self, topic_id: bytes) -> Topic | None:
        """Return the topic with that id."""
        with self.changed:
            return next((topic for topic in self.topics.values() if topic.topic_id == topic_id), None)

    def topic_name(self, topic_id: bytes) -> str:
        """Return the name that belongs to an id; empty if there is none."""
        topic = self.topic_by_id(topic_id)
        return "" if topic is None else topic.name

    def topic_id(self, name: str) -> bytes:
        """Return the id of a topic; all zero if there is none."""
        topic = self.topics.get(name)
        return NULL_UUID if topic is None else topic.topic_id

    def partition(self, topic: str, index: int) -> Partition | None:
        """Return a partition, if it exists."""
        known = self.topics.get(topic)
        return known.partitions[index] if known is not None and 0 <= index < len(known.partitions) else None

    def grant_producer_id(self) -> tuple[int, int]:
        """Return a producer id and an epoch that no producer has yet, or those that a test ordered."""
        with self.changed:
            if self.granted_ids:
                return self.granted_ids.popleft()
            producer_id = self.next_producer_id
            self.next_producer_id += 1
            return producer_id, 0

    def note_violation(self, violation: str) -> None:
        """Remember what a client did against the protocol."""
        with self.changed:
            self.violations.append(violation)
            self.changed.notify_all()
