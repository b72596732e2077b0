"""Whether a process can produce: what a load balancer, an orchestrator or a person wants to know.

Taken from ``status()`` alone: nothing here asks Kafka, blocks or raises. That Kafka is away does not make a process
unready by itself, for it is away for all processes at once, and a service without any does not even answer the requests
that need no Kafka.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol, final

from dekaf.types import ProducerState, ProducerStatus

__all__ = ("MAX_BUFFER", "Health", "HealthReport", "producer_health", "worst")

MAX_BUFFER: Final = 0.9  # of `buffer_memory`


class HasStatus(Protocol):
    """A producer of either face, or a view of one."""

    def status(self) -> ProducerStatus:
        """Return a snapshot."""
        ...


class Health(StrEnum):
    """How a producer is, best first."""

    UP = "up"
    DEGRADED = "degraded"  # something is wrong, and sending requests elsewhere would not help
    DOWN = "down"  # this process cannot take messages, and another one may


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """How a producer is, and why.

    Args:
        health: up, degraded or down.
        reasons: A sentence for each thing that is wrong; nothing in them names an address, a topic or a secret.
        is_live: Whether it can ever produce again; False: only a new process will.
        buffer_used: The part of ``buffer_memory`` that is taken, 0.0 to 1.0.
        details: What ``status()`` said, with addresses and the texts of errors: for people, and not for the public.
    """

    health: Health
    reasons: tuple[str, ...]
    is_live: bool
    buffer_used: float
    details: dict[str, Any]

    @property
    def is_ready(self) -> bool:
        """Whether requests may be sent to this process."""
        return self.health is not Health.DOWN

    def as_dict(self, *, details: bool = False) -> dict[str, Any]:
        """Return what JSON takes.

        Args:
            details: Whether to include ``details``.
        """
        shown = {"status": self.health.value, "reasons": list(self.reasons), "buffer_used": round(self.buffer_used, 3)}
        return {**shown, "details": self.details} if details else shown


def producer_health(producer: HasStatus, *, max_buffer: float = MAX_BUFFER) -> HealthReport:
    """Return how a producer is.

    Args:
        producer: A producer of either face.
        max_buffer: The part of ``buffer_memory`` from which on a buffer counts as full, if calls wait for space in it.
    """
    status = producer.status()
    used = status.buffered_bytes / status.buffer_memory if status.buffer_memory else 0.0
    down = _why_down(status, used, max_buffer)
    degraded = _why_degraded(status, used, max_buffer)
    health = Health.DOWN if down else Health.DEGRADED if degraded else Health.UP
    return HealthReport(
        health=health,
        reasons=(*down, *degraded),
        is_live=status.state is not ProducerState.CLOSED,
        buffer_used=used,
        details=status.as_dict(),
    )


def worst(reports: list[HealthReport]) -> Health:
    """Return how a process is whose producers are these; up without any."""
    return max([report.health for report in reports], key=list(Health).index, default=Health.UP)


def _why_down(status: ProducerStatus, used: float, max_buffer: float) -> list[str]:
    reasons: list[str] = []
    if status.state is ProducerState.CLOSING:
        reasons.append("The producer is closing: this process ends.")
    if status.state is ProducerState.CLOSED:
        reasons.append("The producer is closed.")
    if used >= max_buffer and status.waiting_for_space > 0:
        reasons.append("The buffer is full, and calls wait for space in it.")
    return reasons


def _why_degraded(status: ProducerStatus, used: float, max_buffer: float) -> list[str]:
    reasons: list[str] = []
    if status.unavailable_for is not None:
        reasons.append(f"No broker has been reachable for {status.unavailable_for:.0f} s.")
    if used >= max_buffer and status.waiting_for_space == 0:
        reasons.append("The buffer is nearly full.")
    return reasons
