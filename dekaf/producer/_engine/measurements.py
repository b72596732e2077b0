"""Measurements: what is counted per topic and broker, and how long things take; once per batch or request.

Written by the I/O thread, read by any: what a reader sees may be a batch behind, and is whole.
"""

from __future__ import annotations

import math
from typing import Final, final

from mypy_extensions import i64

from dekaf._protocol.error_codes import name_of_error
from dekaf._threads.primitives import new_reentrant_lock
from dekaf.errors import ProduceError
from dekaf.metrics import MOST_TOPICS, OTHER_TOPICS, BrokerMetrics, Histogram, TopicMetrics

# Seconds. Those of OpenTelemetry for messaging, with more at both ends: a broker next door answers in one millisecond,
# and a record may wait for two minutes.
_FAST: Final[tuple[float, ...]] = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0)
_SLOW: Final[tuple[float, ...]] = (2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 120.0)
LATENCIES: Final[tuple[float, ...]] = _FAST + _SLOW
SIZES: Final[tuple[float, ...]] = tuple(float(256 << power) for power in (0, 2, 4, 6, 7, 8, 9, 10, 11, 12))
RECORDS: Final[tuple[float, ...]] = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0)


@final
class Distribution:
    """How often a measurement fell where.

    The next one mostly falls where the last one did: that bucket is kept open, and counted apart. So a measurement is
    two comparisons and two additions, without a look-up.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds: Final = (-math.inf, *bounds, math.inf)  # of bucket n: above bound n, at most bound n + 1
        self._counts: Final[list[int]] = [0] * (len(bounds) + 1)
        self._at = 0  # the open bucket, and its bounds
        self._above = -math.inf
        self._at_most = bounds[0]
        self._fresh = 0  # what fell into it since it was opened, not among the counts yet
        self._sum = 0.0
        self._lock: Final = new_reentrant_lock()  # for readers: what is fresh is not to move meanwhile

    def add(self, value: float, count: int = 1) -> None:
        """Note a measurement, so many times; on the I/O thread."""
        if value > self._at_most or value <= self._above:
            self._open(value)
        self._fresh += count
        self._sum += value * count

    def histogram(self) -> Histogram:
        """Return what was noted so far; on any thread. Its sum may be one measurement behind its counts."""
        with self._lock:
            counts = self._counts.copy()
            counts[self._at] += self._fresh
            return Histogram(bounds=self._bounds[1:-1], counts=tuple(counts), sum=self._sum)

    def _open(self, value: float) -> None:
        """Open the bucket that a measurement falls into."""
        at = self._at
        while value > self._bounds[at + 1]:
            at += 1
        while value <= self._bounds[at]:
            at -= 1
        with self._lock:
            self._counts[self._at] += self._fresh
            self._fresh = 0
            self._at = at
        self._above = self._bounds[at]
        self._at_most = self._bounds[at + 1]


@final
class TopicCounts:
    """What became of the records for one topic."""

    def __init__(self) -> None:
        self.delivered = 0
        self.failed: dict[str, int] = {}  # by the name of the error
        self.sent_bytes = 0


@final
class BrokerTimes:
    """How one broker answers."""

    def __init__(self) -> None:
        self.latency: Final = Distribution(LATENCIES)
        self.throttled = 0.0  # seconds


@final
class Measurements:
    """Those of a producer in one process. They outlive its engines."""

    def __init__(self) -> None:
        self.send_latency: Final = Distribution(LATENCIES)
        self.batch_size: Final = Distribution(SIZES)
        self.batch_records: Final = Distribution(RECORDS)
        self._topics: Final[dict[str, TopicCounts]] = {}
        self._brokers: Final[dict[int, BrokerTimes]] = {}

    def delivered(self, topic: str, count: int, latency: float) -> None:
        """Count the records of a batch that was acknowledged.

        Args:
            topic: Theirs.
            count: How many.
            latency: Seconds since the oldest of them was accepted.
        """
        self._topic(topic).delivered += count
        self.send_latency.add(latency, count)

    def failed(self, count: int, error: ProduceError, latency: float) -> None:
        """Count records that failed; otherwise as `delivered`."""
        failed = self._topic(error.topic or "").failed
        name = name_of_error(error)
        failed[name] = failed.get(name, 0) + count
        self.send_latency.add(latency, count)

    def sent(self, topic: str, size: i64, records: i64, attempt: i64) -> None:
        """Count a batch that is handed to a connection.

        Args:
            topic: Of its records.
            size: Its bytes.
            records: How many they are.
            attempt: Which; 1 is the first.
        """
        self._topic(topic).sent_bytes += int(size)
        if attempt == 1:
            self.batch_size.add(float(size))
            self.batch_records.add(float(records))

    def answered(self, broker: int, latency: float, throttle_ms: int) -> None:
        """Note a broker's answer to a produce request.

        Args:
            broker: Its id.
            latency: Seconds since the request.
            throttle_ms: For how long it wants nothing more.
        """
        times = self._brokers.get(broker)
        if times is None:
            times = self._brokers[broker] = BrokerTimes()
        times.latency.add(latency)
        if throttle_ms > 0:
            times.throttled += throttle_ms / 1000.0

    def topics(self) -> tuple[TopicMetrics, ...]:
        """Return what became of the records, by topic."""
        return tuple(
            TopicMetrics(
                topic=name,
                records_delivered_total=counts.delivered,
                records_failed_total=counts.failed.copy(),
                sent_bytes_total=counts.sent_bytes,
            )
            for name, counts in self._topics.copy().items()  # in one step: the I/O thread adds topics meanwhile
        )

    def brokers(self) -> tuple[BrokerMetrics, ...]:
        """Return how brokers answer."""
        return tuple(
            BrokerMetrics(
                broker=broker,
                request_latency_seconds=times.latency.histogram(),
                throttle_seconds_total=times.throttled,
            )
            for broker, times in self._brokers.copy().items()
        )

    def _topic(self, name: str) -> TopicCounts:
        counts = self._topics.get(name)
        if counts is None:
            if len(self._topics) >= MOST_TOPICS:
                name = OTHER_TOPICS
            counts = self._topics.get(name)
            if counts is None:
                counts = self._topics[name] = TopicCounts()
        return counts
