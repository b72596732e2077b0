"""Time what telemetry adds to one call of `fire`, in one process and in turns: a mode's figure is its distance to none.

Run as a program: `python -m benchmarks.workers.telemetry all`. Spans are compared with what the SDK takes to begin and
end one by itself, in processor time of the whole process: a span that a message carries ends on another thread.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind

import dekaf
from benchmarks.job import Answer
from dekaf import Producer
from dekaf.contrib.opentelemetry import instrument, uninstrument

ROUNDS = 150
RECORDS = 500  # of one lap; with spans they take 1.6 MB of the buffer
TOPIC = "traced"

ATTRIBUTES: Mapping[str, str] = {
    "messaging.system": "kafka",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.destination.name": TOPIC,
}


def main() -> None:
    """Measure, and print the answer."""
    records = [(b"key-%d" % (number % 64), b"x" * 100) for number in range(RECORDS)]
    with (
        _cluster() as servers,
        Producer(bootstrap_servers=servers, key=bytes, value=bytes, linger_ms=10_000, batch_size=1_000_000) as producer,
    ):
        producer.produce(TOPIC, b"key", b"value")
        metrics = _measure(producer, records)
    facts = {"version": dekaf.__version__, "build": "compiled" if dekaf.compiled else "interpreted"}
    print(Answer(produced=0, metrics=metrics, facts=facts).to_json(), flush=True)


@contextmanager
def _cluster() -> Iterator[str]:
    """Run a mock cluster in a process of its own, whose processor time is not ours; yield its address."""
    command = (sys.executable, "-m", "dekaf", "fake", "--port", "0", "--topic", f"{TOPIC}:4")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:[0-9]+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


def _measure(producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]]) -> dict[str, float]:
    silent, recording = TracerProvider(sampler=ALWAYS_OFF), TracerProvider(sampler=ALWAYS_ON)
    modes: dict[str, Callable[[], None]] = {
        "none": uninstrument,
        "no_sdk": lambda: instrument(spans="propagate", metrics=False),
        "propagate": lambda: instrument(spans="propagate", metrics=False, tracer_provider=recording),
        "unsampled": lambda: instrument(metrics=False, tracer_provider=silent),
        "sampled": lambda: instrument(metrics=False, tracer_provider=recording),
    }
    walls: dict[str, list[float]] = {mode: [] for mode in modes}
    usages: dict[str, list[float]] = {mode: [] for mode in modes}
    alone: dict[str, list[float]] = {"unsampled": [], "sampled": []}
    for _ in range(ROUNDS):
        for mode, switch in modes.items():
            switch()
            wall, usage = _lap(producer, records)
            walls[mode].append(wall)
            usages[mode].append(usage)
        alone["unsampled"].append(_spans_alone(ALWAYS_OFF))
        alone["sampled"].append(_spans_alone(ALWAYS_ON))
    uninstrument()
    return {
        "fire_ns": statistics.median(walls["none"]),
        "no_sdk_ns": _added(walls, "no_sdk"),
        "propagate_ns": _added(walls, "propagate"),
        "unsampled_times": _added(usages, "unsampled") / statistics.median(alone["unsampled"]),
        "sampled_times": _added(usages, "sampled") / statistics.median(alone["sampled"]),
    }


def _added(figures: Mapping[str, list[float]], mode: str) -> float:
    """Return the median distance to the lap without telemetry of the same round."""
    return statistics.median(with_it - without for with_it, without in zip(figures[mode], figures["none"], strict=True))


def _lap(producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]]) -> tuple[float, float]:
    """Return nanoseconds per call, and of processor time per message until all its threads are done with it.

    A lap that is not timed comes first: it opens batches, and has a tracer that sleeps fall asleep.
    """
    _fire(producer, records)
    producer.flush()
    used = time.process_time_ns()
    began = time.perf_counter_ns()
    _fire(producer, records)
    wall = time.perf_counter_ns() - began
    producer.flush()
    return wall / len(records), (time.process_time_ns() - used) / len(records)


def _fire(producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]]) -> None:
    fire = producer.fire
    for key, value in records:
        fire(TOPIC, key, value)


def _spans_alone(sampler: Sampler) -> float:
    """Return the processor time of a span that the SDK begins and ends, with the attributes that ours have."""
    tracer = TracerProvider(sampler=sampler).get_tracer("alone")
    used = time.process_time_ns()
    for _ in range(RECORDS):
        span = tracer.start_span(f"send {TOPIC}", kind=SpanKind.PRODUCER, attributes=dict(ATTRIBUTES))
        if span.is_recording():
            span.set_attribute("messaging.destination.partition.id", "0")
            span.set_attribute("messaging.kafka.offset", 1)
        span.end()
    return (time.process_time_ns() - used) / RECORDS


if __name__ == "__main__":
    main()
