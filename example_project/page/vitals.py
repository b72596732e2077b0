"""What the page shows of a producer, from `status()` and `metrics()`: both are snapshots that ask nothing of Kafka."""

from __future__ import annotations

from typing import Any, Protocol

from dekaf import ProducerStatus
from dekaf.health import producer_health
from dekaf.metrics import Histogram, ProducerMetrics


class Observed(Protocol):
    """A producer of either face."""

    def status(self) -> ProducerStatus: ...

    def metrics(self) -> ProducerMetrics: ...


def vitals_of(producer: Observed) -> dict[str, Any]:
    """Return it as JSON takes it; times in seconds."""
    status, metrics = producer.status(), producer.metrics()
    health = producer_health(producer)
    latency = metrics.send_latency_seconds
    return {
        "state": status.state.value,
        "pid": status.pid,
        "health": health.health.value,
        "is_ready": health.is_ready,
        "reasons": list(health.reasons),
        "unavailable_for": status.unavailable_for,
        "connected_brokers": status.connected_brokers,
        "buffer_bytes": metrics.buffer_used_bytes,
        "buffer_limit": metrics.buffer_limit_bytes,
        "buffer_records": metrics.buffer_records,
        "oldest_age": metrics.buffer_oldest_age_seconds,
        "delivered": metrics.records_delivered_total,
        "failed": metrics.records_failed_total,
        "refused": metrics.buffer_exhausted_total,
        "latency_p50": quantile(latency, 0.5),
        "latency_p99": quantile(latency, 0.99),
    }


def quantile(histogram: Histogram, part: float) -> float | None:
    """Return the bound below which so large a part of the measurements is; None without any, or beyond all bounds."""
    wanted = part * histogram.count
    if not wanted:
        return None
    below = zip(histogram.bounds, histogram.cumulative(), strict=False)  # the last bucket has no bound
    return next((bound for bound, count in below if count >= wanted), None)
