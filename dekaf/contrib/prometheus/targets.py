"""Whose metrics are shown, and under which name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from dekaf import AsyncProducer, Producer, ProducerRegistry, telemetry
from dekaf.metrics import ProducerMetrics

__all__ = ("Target", "identity_of", "named_metrics", "targets_of")

OneTarget: TypeAlias = ProducerRegistry | Producer[Any, Any] | AsyncProducer[Any, Any]
Target: TypeAlias = OneTarget | Sequence[OneTarget]


def targets_of(target: Target) -> Sequence[OneTarget]:
    """Return a target's parts."""
    return target if isinstance(target, Sequence) else (target,)


def identity_of(target: object) -> int:
    """Return a number that tells a target's part from others, while it lives; views of a producer have its number."""
    return telemetry.identity(target) if isinstance(target, Producer | AsyncProducer) else id(target)


def named_metrics(target: Target) -> list[tuple[str, ProducerMetrics]]:
    """Return a target's metrics at the moment, each with its name: the alias, or else the client id.

    Raises:
        TypeError: It is nothing that has metrics.
    """
    named: list[tuple[str, ProducerMetrics]] = []
    parts: dict[int, object] = {identity_of(one): one for one in targets_of(target)}  # each producer once
    for one in parts.values():
        if isinstance(one, ProducerRegistry):
            named.extend(one.metrics().items())
        elif isinstance(one, Producer | AsyncProducer):
            metrics = one.metrics()
            named.append((metrics.client_id, metrics))
        else:
            fault = f"metrics are collected of producers and registries, not of {type(one).__name__}"
            raise TypeError(fault)
    return named
