"""FakeCluster: a Kafka cluster for tests, in this process, that does what the test tells it to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final, TypeVar, overload

from dekaf._protocol.api import ApiKey
from dekaf.errors import ConfigurationError
from dekaf.real_kafka import GUARD
from dekaf.testing.broker_versions import AdvertisedVersions, advertised_by
from dekaf.testing.cluster_state import (
    ClientConnection,
    ClusterState,
    Partition,
    ProduceAttempt,
    UnknownVersionAnswer,
)
from dekaf.testing.cluster_thread import ClusterThread
from dekaf.testing.fake_broker import FakeBroker
from dekaf.testing.faults import TLS_HANDSHAKE
from dekaf.testing.partition_log import LoggedRecord, TopicSettings
from dekaf.testing.received import ReceivedRequest
from dekaf.testing.release_habits import default_settings, unknown_version_answer
from dekaf.testing.sasl_accounts import SaslAccounts
from dekaf.testing.server_socket import SocketOptions
from dekaf.testing.server_tls import ServerCertificate, ServerTls, TlsHandshake
from dekaf.testing.trigger import Trigger

__all__ = ("FakeCluster",)

R = TypeVar("R", bound=ReceivedRequest)

_LAST_PORT: Final = 65535
_PATIENCE = 10.0  # seconds that the waiting methods wait by default


class FakeCluster:
    """A cluster of brokers on loopback, with logs in memory, that any Kafka producer can write to.

    The brokers check what Apache Kafka's leaders check, keep sequence numbers in order and recognise duplicates. On
    top of that a test scripts faults and asks what happened. It knows no transactions and no consumers.

    Args:
        nodes: how many brokers; their ids count from 1.
        topics: partitions by topic; their leaders are the brokers in turn.
        kafka: the release whose versions the brokers advertise: "2.1", "2.4", "2.8", "3.9", "4.0", "4.3" or "4.4".
        versions: first and last version by API key, replacing those of the release; an API can be taken away with
            ``(0, -1)``.
        auto_create_topics: create a topic with one partition when a client asks for an unknown one. As in a real
            cluster, the first answer still says that it is unknown.
        unknown_version: what brokers do about an ApiVersions request newer than they are; what the release does if
            left out.
        tls: speak TLS, with this context of the server's side, or with the certificate and key in these two files. A
            context that demands client certificates makes it mutual.
        sasl: demand authentication, of these users: accounts, or passwords by name.
        session_lifetime_ms: how long an authentication counts (KIP-368); 0 for ever, unless a token says otherwise. A
            request that comes later ends the connection.
        host: what brokers call themselves: 127.0.0.1, or a name for it, such as the localhost of a certificate; or
            ::1, where they listen then.
        port: where the first broker listens, such as 9092; the others have the next ones. 0 takes free ones.
        receive_buffer_bytes: the kernel's buffer of each connection; a small one makes clients notice soon that a
            broker does not read.

    Example:
        with FakeCluster(topics={"orders": 3}) as cluster:
            cluster.on(ApiKey.PRODUCE, partition=0).fail_once(ErrorCode.NOT_LEADER_OR_FOLLOWER)
            ...  # a producer with cluster.bootstrap_servers
            assert [record.value for record in cluster.log("orders", 0)] == [b"a"]
    """

    def __init__(  # noqa: PLR0913 - options, all by keyword
        self,
        *,
        nodes: int = 1,
        topics: Mapping[str, int] | None = None,
        kafka: str = "4.3",
        versions: AdvertisedVersions | None = None,
        auto_create_topics: bool = False,
        unknown_version: UnknownVersionAnswer | None = None,
        tls: ServerCertificate | None = None,
        sasl: SaslAccounts | Mapping[str, str] | None = None,
        session_lifetime_ms: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        advertised = {**advertised_by(kafka), **(versions or {})}
        self._state = ClusterState(
            cluster_id="fake-cluster",
            default_settings=default_settings(kafka),
            unknown_version=unknown_version or unknown_version_answer(kafka),
            auto_create_topics=auto_create_topics,
            session_lifetime_ms=session_lifetime_ms,
        )
        self._accounts = SaslAccounts(sasl) if isinstance(sasl, Mapping) else sasl
        _check_port(port, nodes)
        socket = SocketOptions(
            host=host, tls=None if tls is None else ServerTls(tls), receive_buffer_bytes=receive_buffer_bytes
        )
        self._thread = ClusterThread()
        self._brokers = {
            node_id: FakeBroker(
                node_id,
                self._state,
                versions=advertised,
                run=self._thread.call,
                socket=replace(socket, port=port + node_id - 1 if port else 0),
                accounts=self._accounts,
            )
            for node_id in range(1, nodes + 1)
        }
        self._initial_topics = dict(topics or {})
        self._addresses: Callable[[], set[tuple[str, int]]] = lambda: {
            (broker.host, broker.port) for broker in self._brokers.values()
        }

    # Its life.

    def start(self) -> FakeCluster:
        """Start the brokers and create the topics; entering a ``with`` block does it.

        Raises:
            ConfigurationError: the ``port`` asked for is taken.
        """
        self._thread.start()
        try:
            for broker in self._brokers.values():
                self._thread.call(broker.listen)
        except BaseException:
            self.stop()
            raise
        for name, partitions in self._initial_topics.items():
            self._state.create_topic(name, partitions)
        GUARD.add_local(self._addresses)  # tests may write to it
        return self

    def stop(self) -> None:
        """Break all connections and end the cluster's thread; leaving the ``with`` block does it."""
        GUARD.remove_local(self._addresses)
        self._state.script.clear()
        self._thread.stop(self._shut_brokers)

    def __enter__(self) -> FakeCluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Where to find it.

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, stopped ones included, as Kafka's option of this name takes them."""
        return ",".join(broker.address for broker in self._brokers.values())

    @property
    def cluster_id(self) -> str:
        """The id in Metadata answers."""
        return self._state.cluster_id

    @property
    def brokers(self) -> list[FakeBroker]:
        """All brokers by node id."""
        return list(self._brokers.values())

    @property
    def accounts(self) -> SaslAccounts:
        """Who may authenticate, to be changed at any time.

        Raises:
            ConfigurationError: the cluster was made without ``sasl``.
        """
        if self._accounts is None:
            raise ConfigurationError("This cluster demands no authentication: FakeCluster(sasl={...}) would.")
        return self._accounts

    def broker(self, node_id: int) -> FakeBroker:
        """Return one broker."""
        return self._brokers[node_id]

    # What happened.

    def log(self, topic: str, partition: int | None = None) -> list[LoggedRecord]:
        """Return the records of a partition by offset; of all partitions, one after the other, if none is named."""
        with self._state.changed:
            partitions = self._state.topics[topic].partitions
            chosen = partitions if partition is None else [partitions[partition]]
            return [record for one in chosen for record in one.log.records]

    def attempts(self, topic: str | None = None, partition: int | None = None) -> list[ProduceAttempt]:
        """Return every batch that arrived, raw and decoded, with what it was answered; in order."""
        with self._state.changed:
            return [
                attempt
                for attempt in self._state.attempts
                if topic in {None, attempt.topic} and partition in {None, attempt.partition}
            ]

    @overload
    def requests(self) -> list[ReceivedRequest]: ...
    @overload
    def requests(self, kind: type[R]) -> list[R]: ...
    def requests(self, kind: type[R] | type[ReceivedRequest] = ReceivedRequest) -> list[R] | list[ReceivedRequest]:
        """Return the requests received by all brokers, in order.

        Args:
            kind: only those of this class, for instance `ReceivedProduce`.
        """
        with self._state.changed:
            return [request for request in self._state.requests if isinstance(request, kind)]

    @property
    def connections(self) -> list[ClientConnection]:
        """All connections that were ever opened, in order."""
        with self._state.changed:
            return list(self._state.connections)

    @property
    def handshakes(self) -> list[TlsHandshake]:
        """All attempts to speak TLS, in order, those that failed included."""
        with self._state.changed:
            return list(self._state.handshakes)

    @property
    def violations(self) -> list[str]:
        """What clients did against the protocol, whether brokers would have let it pass or not."""
        with self._state.changed:
            return list(self._state.violations)

    # Waiting.

    def wait_until(self, condition: Callable[[], object], timeout: float = _PATIENCE) -> None:
        """Wait until a condition holds; it is looked at whenever something happens in the cluster.

        Args:
            condition: called with the cluster's state locked, so it may ask the cluster anything, but must not wait.
            timeout: how many seconds to wait.

        Raises:
            TimeoutError: it did not hold in time; the message says what the cluster saw.
        """
        deadline = time.monotonic() + timeout
        with self._state.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"the condition did not hold within {timeout} s; {self.summary()}")
                self._state.changed.wait(left)

    def wait_for_records(self, topic: str, count: int, timeout: float = _PATIENCE) -> list[LoggedRecord]:
        """Wait until a topic has that many records, and return them."""
        self.wait_until(lambda: len(self.log(topic)) >= count, timeout)
        return self.log(topic)

    def wait_for_requests(self, kind: type[R], count: int = 1, timeout: float = _PATIENCE) -> list[R]:
        """Wait until that many requests of a class were received, and return all of them."""
        self.wait_until(lambda: len(self.requests(kind)) >= count, timeout)
        return self.requests(kind)

    def summary(self) -> str:
        """Return in a line what the cluster saw: requests, connections, records."""
        with self._state.changed:
            seen: dict[str, int] = {}
            for request in self._state.requests:
                name = type(request).__name__.removeprefix("Received")
                seen[name] = seen.get(name, 0) + 1
            requests = ", ".join(f"{count} {name}" for name, count in seen.items()) or "none"
            records = ", ".join(f"{name} {len(self.log(name))}" for name in self._state.topics) or "none"
            count = len(self._state.connections)
            return f"requests: {requests}; connections: {count}; records: {records}"

    # Faults.

    def on(
        self,
        api: ApiKey,
        *,
        topic: str | None = None,
        partition: int | None = None,
        node: int | None = None,
        nth: int = 1,
    ) -> Trigger:
        """Choose requests, and script with a method of the result what goes wrong with them.

        Args:
            api: the API called.
            topic: only requests that name this topic.
            partition: only this partition; of a Metadata request, this partition in the answer.
            node: only requests to this broker.
            nth: let the requests before the ``nth`` one pass, counted from now.

        Example:
            cluster.on(ApiKey.PRODUCE, topic="orders", partition=0, nth=2).close_after_append()
        """
        return Trigger(self._state.script, api, topic=topic, partition=partition, node=node, nth=nth)

    def on_tls_handshake(self, *, node: int | None = None, nth: int = 1) -> Trigger:
        """Choose connections, and script with a method of the result what goes wrong before TLS is agreed on.

        Those that can: ``hold``, ``delay``, ``never_answer``, ``close_before_append``, ``reset``, ``garbage``. The
        connection is closed when the client's first bytes have come.

        Args:
            node: only connections to this broker.
            nth: let the connections before the ``nth`` one pass, counted from now.

        Example:
            cluster.on_tls_handshake(node=2).never_answer()
        """
        return Trigger(self._state.script, TLS_HANDSHAKE, topic=None, partition=None, node=node, nth=nth)

    def clear_faults(self) -> None:
        """Forget everything scripted, and let go what is held."""
        self._state.script.clear()

    # Changing the cluster.

    def create_topic(self, name: str, partitions: int = 1, settings: TopicSettings | None = None) -> None:
        """Create a topic; one of the same name is replaced by a new one with another id and empty logs."""
        self._state.create_topic(name, partitions, settings)

    def delete_topic(self, name: str) -> None:
        """Delete a topic with its logs."""
        with self._state.changed:
            del self._state.topics[name]
            self._state.changed.notify_all()

    def add_partitions(self, topic: str, count: int) -> None:
        """Add partitions to a topic."""
        with self._state.changed:
            self._state.add_partitions(topic, count)

    def topics(self) -> list[str]:
        """Return the names of the topics there are, sorted."""
        with self._state.changed:
            return sorted(self._state.topics)

    def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        with self._state.changed:
            return len(self._state.topics[topic].partitions)

    def replace_cluster(self, cluster_id: str) -> None:
        """Become another cluster at the same addresses: another id, topics with other ids, and empty logs."""
        with self._state.changed:
            self._state.cluster_id = cluster_id
            for topic in list(self._state.topics.values()):
                self._state.create_topic(topic.name, len(topic.partitions), topic.settings)

    def tell_cluster_id(self, node: int, cluster_id: str) -> None:
        """Let one broker tell another cluster's id, as if its address belonged to that cluster by now."""
        with self._state.changed:
            self._state.strangers[node] = cluster_id

    def freeze_metadata(self, node: int) -> None:
        """Let a broker describe the topics as they are now, whatever becomes of them: it has not heard of anything."""
        self._state.freeze_metadata(node)

    def thaw_metadata(self, node: int) -> None:
        """Let a broker hear of what has happened since its metadata was frozen."""
        with self._state.changed:
            self._state.frozen.pop(node, None)

    def stale_answers(self, node: int) -> int:
        """Return how many Metadata requests a broker has answered with frozen metadata."""
        with self._state.changed:
            return self._state.stale_answers.get(node, 0)

    def topic_id(self, topic: str) -> bytes:
        """Return the 16 bytes of a topic's id."""
        with self._state.changed:
            return self._state.topics[topic].topic_id

    def leader(self, topic: str, partition: int) -> int | None:
        """Return the node id of a partition's leader; None while it has none."""
        with self._state.changed:
            return self._partition(topic, partition).leader

    def leader_epoch(self, topic: str, partition: int) -> int:
        """Return how often the partition's leader changed."""
        with self._state.changed:
            return self._partition(topic, partition).leader_epoch

    def move_leader(self, topic: str, partition: int, node: int | None) -> None:
        """Make another broker the partition's leader, or leave it without one; the log goes along."""
        with self._state.changed:
            _lead(self._partition(topic, partition), node)
            self._state.changed.notify_all()

    def use_tls(self, certificate: ServerCertificate | None) -> None:
        """Let all brokers show another certificate to those who connect from now on; with None, speak plaintext."""
        for broker in self._brokers.values():
            broker.use_tls(certificate)

    def limit_sessions(self, milliseconds: int) -> None:
        """Let authentications from now on count for so long; 0 for ever."""
        self._state.session_lifetime_ms = milliseconds

    def hint_leaders(self, *, enabled: bool) -> None:
        """Choose whether brokers name the leader to clients that mistook them for it (KIP-951); they do by default."""
        self._state.leader_hints = enabled

    def forget_producers(self, topic: str | None = None, partition: int | None = None) -> None:
        """Lose the state of all producer ids, of one topic or partition only if named."""
        with self._state.changed:
            for known in self._state.topics.values():
                for one in known.partitions:
                    if topic in {None, known.name} and partition in {None, one.index}:
                        one.log.forget_producers()

    def grant_producer_id(self, producer_id: int, epoch: int = 0) -> None:
        """Order the answer to a later InitProducerId request; several orders are served in turn."""
        with self._state.changed:
            self._state.granted_ids.append((producer_id, epoch))

    def stop_broker(self, node: int, *, elect: bool = True) -> None:
        """Stop a broker: its port refuses connections, and Metadata no longer names it.

        Args:
            node: its id.
            elect: make other running brokers the leaders of its partitions at once.
        """
        self._thread.call(lambda: self._brokers[node].shut(keep_port=True))
        if elect:
            self._elect_without(node)

    def start_broker(self, node: int, *, new_port: bool = False) -> None:
        """Start a stopped broker again, on the same port or on a new one; it leads nothing it was elected out of."""
        if new_port:
            self._thread.call(lambda: self._brokers[node].shut(forget_port=True))
        self._thread.call(self._brokers[node].listen)

    # Within.

    def _partition(self, topic: str, index: int) -> Partition:
        return self._state.topics[topic].partitions[index]

    def _elect_without(self, node: int) -> None:
        with self._state.changed:
            candidates = sorted(self._state.endpoints)
            led = [one for known in self._state.topics.values() for one in known.partitions if one.leader == node]
            for partition in led if candidates else []:
                _lead(partition, candidates[partition.index % len(candidates)])
            self._state.changed.notify_all()

    def _shut_brokers(self) -> None:
        for broker in self._brokers.values():
            broker.shut()


def _lead(partition: Partition, node: int | None) -> None:
    partition.leader = node
    partition.leader_epoch += 1


def _check_port(port: int, nodes: int) -> None:
    last = _LAST_PORT - nodes + 1
    if not 0 <= port <= last:
        raise ConfigurationError(f"port must be between 0 and {last} for {nodes} brokers, not {port}.")
