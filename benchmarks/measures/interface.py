"""What every measure gets and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.builds import Build
from tests.kafka import KafkaCluster

__all__ = ("Bench", "Measure", "Measured")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What one run of the benchmarks has at hand.

    `scale` shortens every measurement: 1 is the full length.
    """

    cluster: KafkaCluster
    builds: Mapping[Build, Path]
    scale: float = 1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The figures of one measurement, and facts about what was measured."""

    metrics: dict[str, float]
    facts: dict[str, str] = field(default_factory=dict)


class Measure(Protocol):
    """Something that can be measured again and again."""

    @property
    def build(self) -> Build | None:
        """Which build of dekaf it needs; None for none."""
        ...

    def take(self, bench: Bench) -> Measured:
        """Measure once.

        Raises:
            BenchmarkError: it failed, or its messages are not all in the topic.
        """
        ...
