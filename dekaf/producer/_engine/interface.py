"""What the core, and the exit hook, need of an engine, whichever backend it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dekaf._cluster.metadata import ClusterMetadata
from dekaf.errors import DekafError, ProduceError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._inquiries.description import Described, TopicRights
from dekaf.reports import ConnectionSecurity


class BackendEngine(Protocol):
    """Accepts records through its accumulator and sees to their outcomes. All methods may be called from any thread."""

    @property
    def accumulator(self) -> RecordAccumulator:
        """Where records are appended, or parked; it calls `wake`."""

    @property
    def statistics(self) -> ProducerStatistics:
        """The producer's counters."""

    def start(self) -> None:
        """Start whatever it needs."""

    def wake(self) -> None:
        """Have it look: something was accepted, or a caller waits for space."""

    def is_running(self) -> bool:
        """Return whether it accepts records."""

    def is_alive(self) -> bool:
        """Return whether it can still see to the outcome of anything."""

    def metadata(self) -> ClusterMetadata:
        """Return the cluster as last heard of."""

    def in_flight_requests(self) -> int:
        """Return how many produce requests are under way."""

    def connected_brokers(self) -> int:
        """Return how many brokers are connected."""

    def connects(self) -> int:
        """Return how many connections became ready."""

    def connections(self) -> tuple[ConnectionSecurity, ...]:
        """Return how each connection that serves is protected."""

    def flush(self, tell: Callable[[], None]) -> bool:
        """Call `tell` once everything accepted so far has an outcome; False if no thread is left to do so."""

    def when_known(self, topic: str, tell: Callable[[], None]) -> bool:
        """Call `tell` once a topic's partitions are known, or `max_block_ms` was not enough to learn them."""

    def describe(self, tell: Described, timeout: float, rights: TopicRights | None = None) -> bool:
        """Ask the cluster who it is; `tell` gets the answer, if there is one within `timeout` seconds."""

    def refresh_metadata(self, topic: str) -> None:
        """Have the cluster asked for a topic soon."""

    def refusal(self, topic: str) -> ProduceError | None:
        """Return why the cluster does not serve a topic; None if it has not said so."""

    def last_error(self) -> DekafError | None:
        """Return why no broker is connected at present."""

    def unavailable_for(self) -> float | None:
        """Return for how many seconds no broker has been reachable; None while one is, as far as is known."""

    def close_accepting(self) -> None:
        """Accept nothing more."""

    def terminate(self, tell: Callable[[], None]) -> bool:
        """Fail what is left and end; call `tell` once that is done; False if it has ended already."""

    def join(self, timeout: float) -> bool:
        """Wait `timeout` seconds, at most, until its thread is gone; False if it is not."""

    def abandon(self, timeout: float, ended: Callable[[int], None]) -> None:
        """Deliver what was accepted, for `timeout` seconds at the most, then end; `ended` hears how many it gave up."""
