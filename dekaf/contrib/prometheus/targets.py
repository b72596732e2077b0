"""Whose metrics are shown, and under which name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from dekaf import AsyncProducer, Producer, ProducerRegistry
from dekaf.metrics import ProducerMetrics

__all__ = ("Target", "named_metrics")

OneTarget: TypeAlias = ProducerRegistry | Producer[Any, Any] | AsyncProducer[Any, Any]
Target: TypeAlias = OneTarget | Sequence[OneTarget]


def named_metrics(target: Target) -> list[tuple[str, ProducerMetrics]]:
    """Return a target's metrics at the moment, each with its name: the alias, or else the client id.

    Raises:
        TypeError: It is nothing that has metrics.
    """
    named: list[tuple[str, ProducerMetrics]] = []
    targets: Sequence[object] = target if isinstance(target, Sequence) else (target,)
    for one in targets:
        if isinstance(one, ProducerRegistry):
            named.extend(one.metrics().items())
        elif isinstance(one, Producer | AsyncProducer):
            metrics = one.metrics()
            named.append((metrics.client_id, metrics))
        else:
            fault = f"metrics are collected of producers and registries, not of {type(one).__name__}"
            raise TypeError(fault)
    return named
