"""Single steps of the hot path, and what awaiting costs without a producer: no broker's mood is in them."""

from __future__ import annotations

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.client_process import ClientProcess
from benchmarks.measures.step import Step
from benchmarks.rows.names import INTERPRETED, OURS
from benchmarks.rows.row import Row, at_most

__all__ = ("STEPS",)

LIMITS_NS = {
    "request": ("one request with one record: drain, number, seal, encode", 3000),
    "response": ("its response: decode and settle", 2000),
}


def _fire() -> Row:
    job = Job(workload="step-fire", client="dekaf", linger_ms=10_000, batch_size=1_000_000)
    return Row(
        name="step-fire",
        title="one call of fire, 100 B, keyed, space in the buffer and the batch",
        contenders={
            OURS: ClientProcess(job=job, build=Build.COMPILED),
            INTERPRETED: ClientProcess(job=job, build=Build.INTERPRETED),
        },
        targets=(at_most("step_ns", 200),),
        columns=("step_ns",),
    )


def _room(name: str) -> Row:
    title, limit = LIMITS_NS[name]
    return Row(
        name=f"step-{name}",
        title=title,
        contenders={
            OURS: Step(program="sender_steps", step=name, build=Build.COMPILED),
            INTERPRETED: Step(program="sender_steps", step=name, build=Build.INTERPRETED),
        },
        targets=(at_most("step_ns", limit),),
        columns=("step_ns",),
        needs_broker=False,
    )


FLOOR = Row(
    name="step-await",
    title="the floor of awaiting: a future that a timer sets, and no client",
    contenders={f"{tasks:,} tasks": Step(program="floor", step=str(tasks)) for tasks in (1000, 100)},
    columns=("cpu_us",),
    needs_broker=False,
)

TELEMETRY = Row(
    name="step-telemetry",
    title="what telemetry adds to one call of fire, and to a message beside one of OpenTelemetry's own spans",
    contenders={OURS: Step(program="telemetry", step="all", build=Build.COMPILED)},
    targets=(
        at_most("no_sdk_ns", 20),
        at_most("propagate_ns", 250),
        at_most("unsampled_times", 1.3),
        at_most("sampled_times", 1.3),
    ),
    columns=("fire_ns", "no_sdk_ns", "propagate_ns", "unsampled_times", "sampled_times"),
    needs_broker=False,
)

STEPS: tuple[Row, ...] = (_fire(), *(_room(name) for name in LIMITS_NS), FLOOR, TELEMETRY)
