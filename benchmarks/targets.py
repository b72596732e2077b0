"""Targets: a ratio to a peer, or a fixed limit; and whether a run has met it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.samples import Sample, Spread, paired_ratios, spread_of, values_of

__all__ = ("METRICS", "Bound", "Metric", "Result", "Target", "Verdict", "judge")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How a figure is named and printed."""

    title: str
    unit: str
    form: str


METRICS = {
    "rate": Metric(title="messages", unit="msg/s", form="{:,.0f}"),
    "cpu_us": Metric(title="client CPU", unit="µs/msg", form="{:.2f}"),
    "p50_ms": Metric(title="p50", unit="ms", form="{:.3f}"),
    "p99_ms": Metric(title="p99", unit="ms", form="{:.3f}"),
    "added_us": Metric(title="CPU added", unit="µs/request", form="{:.1f}"),
    "bare_us": Metric(title="CPU of the bare endpoint", unit="µs/request", form="{:.1f}"),
    "requests": Metric(title="with produce", unit="requests/s", form="{:,.0f}"),
    "idle_mib": Metric(title="idle memory over the import", unit="MiB", form="{:.1f}"),
    "growth_mib": Metric(title="memory growth", unit="MiB", form="{:.1f}"),
    "import_ms": Metric(title="import", unit="ms", form="{:.0f}"),
    "first_message_ms": Metric(title="import and first message", unit="ms", form="{:.0f}"),
    "cpu_ms_per_mb": Metric(title="client CPU per MB", unit="ms/MB", form="{:.2f}"),
    "connection_kib": Metric(title="memory per idle connection", unit="KiB", form="{:,.0f}"),
    "all_workers_ms": Metric(title="until every worker has written", unit="ms", form="{:,.0f}"),
    "worker_p50_ms": Metric(title="until half of them have", unit="ms", form="{:,.0f}"),
    "worker_cpu_ms": Metric(title="CPU per worker", unit="ms", form="{:.1f}"),
    "fire_ns": Metric(title="fire", unit="ns", form="{:,.0f}"),
    "no_sdk_ns": Metric(title="added without an SDK", unit="ns", form="{:,.0f}"),
    "propagate_ns": Metric(title="added while no span records", unit="ns", form="{:,.0f}"),
    "unsampled_times": Metric(title="unsampled spans", unit="of the SDK's own", form="{:.2f}"),
    "sampled_times": Metric(title="sampled spans", unit="of the SDK's own", form="{:.2f}"),
    "step_ns": Metric(title="step", unit="ns", form="{:,.0f}"),
}


class Bound(enum.Enum):
    """On which side of the limit the target lies."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


class Verdict(enum.Enum):
    """Whether a target was met."""

    MET = "met"
    MISSED = "MISSED"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A limit on a metric, in units of the best of some contenders; a fixed number when `against` is empty."""

    metric: str
    bound: Bound
    limit: float
    against: tuple[str, ...] = ()
    ours: str = "dekaf"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a target: the figure reached, and the contender it was compared to."""

    target: Target
    verdict: Verdict
    reached: Spread | None = None
    compared_to: str = ""

    def __str__(self) -> str:
        target, metric = self.target, METRICS[self.target.metric]
        if target.against:
            peer = self.compared_to or " / ".join(target.against)
            goal = f"{target.ours}: {metric.title} {target.bound.value} {target.limit:g} times {peer}"
            unit = " times"
        else:
            goal = f"{target.ours}: {metric.title} {target.bound.value} {target.limit:g} {metric.unit}"
            unit = f" {metric.unit}"
        if self.reached is None:
            return f"{goal}: {self.verdict.value}"
        reached = self.reached
        return f"{goal}: {reached.median:.2f}{unit} ({reached.low:.2f} to {reached.high:.2f}) {self.verdict.value}"


def judge(target: Target, row: str, samples: Sequence[Sample]) -> Result:
    """Compare the median to the limit: of the ratios round by round, or of the figures when the limit is fixed."""
    ours = values_of(samples, row, target.ours, target.metric)
    best = _best(target, row, samples) if target.against else ""
    if target.against:
        reached = spread_of(paired_ratios(ours, values_of(samples, row, best, target.metric)))
    else:
        reached = spread_of(list(ours.values()))
    if reached is None:
        return Result(target=target, verdict=Verdict.NOT_MEASURED, compared_to=best)
    is_met = reached.median >= target.limit if target.bound is Bound.AT_LEAST else reached.median <= target.limit
    verdict = Verdict.MET if is_met else Verdict.MISSED
    return Result(target=target, verdict=verdict, reached=reached, compared_to=best)


def _best(target: Target, row: str, samples: Sequence[Sample]) -> str:
    """Return the peer that is hardest to beat: the one with the best median."""
    medians: dict[str, float] = {}
    for peer in target.against:
        spread = spread_of(list(values_of(samples, row, peer, target.metric).values()))
        if spread is not None:
            medians[peer] = spread.median
    if not medians:
        return ""
    choose = max if target.bound is Bound.AT_LEAST else min
    return choose(medians, key=lambda peer: medians[peer])
