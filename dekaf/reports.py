"""What a producer tells about itself and its cluster: reports, snapshots and descriptions.

Never compiled: these are made rarely, and machine code would erase their annotations (``str | None`` becomes ``type``),
which dataclasses, pydantic and FastAPI read. A frozen compiled dataclass cannot be unpickled, either.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from dekaf.errors import ProduceError

__all__ = (
    "BatchOutcome",
    "BrokerInfo",
    "ClusterDescription",
    "ConnectionSecurity",
    "DrainReport",
    "PartitionInfo",
    "ProducerState",
    "ProducerStatus",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainReport:
    """What ``flush`` or ``close`` achieved; ``str()`` is the line to log.

    Args:
        delivered: records acknowledged since the last report.
        failed: records that failed since the last report.
        undelivered: records given up, or still unsent when the time was over.
        elapsed: how long it took, in seconds.
        pending: closing goes on: it was only initiated, because waiting was not possible here, or the engine's thread
            did not end in time.
        failures: a sample of the errors, at most 16.
        callbacks_pending: ``on_delivery`` callbacks whose outcome is known, and which had not run when the time was
            over: on the callback thread, and on every event loop. After a ``close`` they may still run, unless the
            process ends.
    """

    delivered: int
    failed: int
    undelivered: int
    elapsed: float
    pending: bool = False
    failures: tuple[ProduceError, ...] = ()
    callbacks_pending: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything accepted was delivered."""
        return not (self.failed or self.undelivered or self.pending)

    def __str__(self) -> str:
        state = f", {self.callbacks_pending} callbacks pending" if self.callbacks_pending else ""
        state += " so far; closing goes on" if self.pending else ""
        return (
            f"{self.delivered} delivered, {self.failed} failed, {self.undelivered} undelivered "
            f"in {self.elapsed:.3f} s{state}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; each failure by its type, message, topic and partition."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSecurity:
    """How one open connection is protected; nothing in it is secret.

    Args:
        broker: the broker's ``host:port``, as it was configured or advertised.
        tls_version: as OpenSSL names it, ``TLSv1.3`` for one; None: the connection is not encrypted.
        cipher: the suite that was agreed on; None without TLS.
        certificate_expires: when the broker's certificate does; None without TLS, or if an ``ssl_context`` of yours
            does not verify it.
        mechanism: of SASL; None: the broker did not ask who we are, or a client certificate told it.
        principal: whom the credentials stand for, as far as this side knows: the user name, or the ``principal`` of an
            ``OAuthToken``. None where only the broker knows.
        reauthenticates_at: when the session will be renewed on this connection; None: it has no end (KIP-368).
    """

    broker: str
    tls_version: str | None = None
    cipher: str | None = None
    certificate_expires: datetime | None = None
    mechanism: str | None = None
    principal: str | None = None
    reauthenticates_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; times in ISO 8601."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What became of a batch, or of records that failed before they came into one.

    Args:
        client_id: Of the producer; None: it has none.
        topic: The records'.
        records: How many they are.
        oldest_age: Seconds since the oldest of them was accepted.
        error: Why they failed; None: they were delivered.
    """

    client_id: str | None
    topic: str
    records: int
    oldest_age: float
    error: ProduceError | None = None


class ProducerState(StrEnum):
    """The life of a producer."""

    IDLE = "idle"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerStatus:
    """A snapshot of a producer, for health endpoints and tests.

    Args:
        state: idle (nothing produced yet), running, closing or closed.
        buffered_records: records accepted whose outcome is not known yet.
        buffered_bytes: how much of ``buffer_memory`` they occupy.
        buffer_memory: the bound on ``buffered_bytes``, in bytes.
        waiting_for_space: calls that wait for space in the buffer.
        in_flight_requests: produce requests sent and not yet answered.
        known_brokers: brokers named by the cluster's metadata.
        connected_brokers: brokers with an open connection.
        topics: topics whose metadata is known.
        delivered_total: records delivered so far.
        failed_total: records failed so far.
        unobserved_failures_total: failures of ``fire`` that no callback was told about.
        retries_total: batches sent again.
        engine_restarts: how often the I/O engine was replaced after an unexpected error.
        producer_id_resets: how often a new producer id had to be asked for.
        unavailable_for: for how many seconds no broker has been reachable; None while one is, as far as is known, and
            with a backend without Kafka. From ``unavailable_after_ms`` on, calls that would wait end at once.
        last_error: why no broker is connected at present, or the last failure of a record; None without either.
        pid: the process this snapshot was taken in.
        connections: how each connection that is open and serves is protected; to bootstrap servers, too.
        callbacks_pending: ``on_delivery`` callbacks whose outcome is known, and which have not run yet.
        callbacks_dropped_total: callbacks of event loops that were closed before they could run.
    """

    state: ProducerState
    buffered_records: int
    buffered_bytes: int
    buffer_memory: int
    waiting_for_space: int
    in_flight_requests: int
    known_brokers: int
    connected_brokers: int
    topics: tuple[str, ...]
    delivered_total: int
    failed_total: int
    unobserved_failures_total: int
    retries_total: int
    engine_restarts: int
    producer_id_resets: int
    last_error: str | None
    pid: int
    unavailable_for: float | None = None
    connections: tuple[ConnectionSecurity, ...] = ()
    callbacks_pending: int = 0
    callbacks_dropped_total: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; each connection likewise."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerInfo:
    """One broker, as the cluster advertises it."""

    node_id: int
    host: str
    port: int
    rack: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDescription:
    """The live cluster's answer to ``check()``.

    Args:
        cluster_id: as the brokers name their cluster; None: they do not.
        controller_id: which broker leads it; -1: none, or not known.
        brokers: all that the cluster advertises.
        connections: how each connection that was open at the answer is protected; the one it came over among them.
    """

    cluster_id: str | None
    controller_id: int
    brokers: tuple[BrokerInfo, ...]
    connections: tuple[ConnectionSecurity, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them; each broker and each connection likewise."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionInfo:
    """One partition of a topic; ``leader`` is None while it has none, ``leader_epoch`` -1 when not known."""

    topic: str
    partition: int
    leader: int | None
    leader_epoch: int = -1

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return _as_dict(self)


def _as_dict(
    value: DrainReport | ProducerStatus | BrokerInfo | ClusterDescription | ConnectionSecurity | PartitionInfo,
) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> object:
    """Return the value of a field in JSON's types."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, BrokerInfo | ConnectionSecurity | ProduceError):
        return value.as_dict()
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value
