"""What keeps a regression out of CI: the hot path's steps in units of a yardstick in pure Python, not in seconds.

    python -m benchmarks.guard

Run by the suite, for either build. In each of many rounds the steps stand between two runs of the yardstick, all within
a few milliseconds, so that a machine that is slower, or slows down, is slower on both sides alike; the lower quartile
of the rounds counts, which needs only a quarter of them undisturbed. A step that has become a third dearer in these
units fails. Whoever makes one cheaper lowers its figure here, or the guard sleeps.

What differs from machine to machine, and from minute to minute, is kept off the clock: an untimed lap of the same
records opens the batches, wakes the sender (a system call, and on a virtual machine a dear one) and brings the path
into the processor's caches. Without that lap one machine's compiled `fire` took 0.76 yardsticks and another's 0.5.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import Final

import dekaf
from benchmarks.workers.sender_steps import run_cycles
from dekaf import Producer
from dekaf.testing import FakeCluster

# Measured on Linux, x86-64: each step in yardsticks of one turn, as (compiled, interpreted). The interpreters differ in
# how fast they run the yardstick.
EXPECTED: Final[Mapping[tuple[int, int], Mapping[str, tuple[float, float]]]] = {
    # Interpreted, request and response became a fifth dearer by what was added since they were measured first: topics
    # that change, limits of calls, records withdrawn, metrics.
    (3, 11): {"fire": (0.40, 11.4), "request": (6.3, 45.0), "response": (3.7, 38.0)},
}
ALLOWED: Final = 4 / 3

TURNS: Final = 500  # of the yardstick in one run: a quarter of a millisecond
RECORDS: Final = 200  # of one run: a twentieth of a millisecond compiled
CYCLES: Final = 100
ROUNDS: Final = 300
TOPIC: Final = "guarded"


def main() -> int:
    """Measure, print a line per step, and return the exit code."""
    expected = EXPECTED.get(sys.version_info[:2], {})
    is_slow = False
    for step, ratio in _measure().items():
        verdict = "no figure for this version of Python"
        if step in expected:
            limit = expected[step][0 if dekaf.compiled else 1] * ALLOWED
            is_slow |= ratio > limit
            verdict = f"at most {limit:.2f}: {'ok' if ratio <= limit else 'TOO SLOW'}"
        print(f"{step:<10} {ratio:7.2f} yardsticks; {verdict}", flush=True)
    return int(is_slow)


def _measure() -> dict[str, float]:
    """Return how many turns of the yardstick each step takes."""
    records = [(b"key-%d" % (number % 64), b"x" * 100) for number in range(RECORDS)]
    ratios: dict[str, list[float]] = {"fire": [], "request": [], "response": []}
    with FakeCluster(topics={TOPIC: 4}) as cluster, _producer(cluster.bootstrap_servers) as producer:
        producer.produce(TOPIC, b"key", b"value")
        yardstick = _time(_yardstick) / TURNS
        for _ in range(ROUNDS):
            _fire(producer, records)
            fire = _time(lambda: _fire(producer, records)) / RECORDS
            producer.flush()
            requests, responses = run_cycles(CYCLES)
            before, yardstick = yardstick, _time(_yardstick) / TURNS
            for step, nanoseconds in (("fire", fire), ("request", median(requests)), ("response", median(responses))):
                ratios[step].append(2 * nanoseconds / (before + yardstick))
    return {step: quantiles(measured, n=4)[0] for step, measured in ratios.items()}


def _producer(servers: str) -> Producer[bytes, bytes]:
    """Return one that sends nothing by itself while a run is on: long linger, large batches."""
    return Producer(bootstrap_servers=servers, key=bytes, value=bytes, linger_ms=10_000, batch_size=1_000_000)


def _time(run: Callable[[], object]) -> int:
    began = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - began


def _fire(producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]]) -> None:
    fire = producer.fire
    for key, value in records:
        fire(TOPIC, key, value)


def _yardstick() -> int:
    """Do in pure Python what is a little like appending a record. It must never change: `EXPECTED` depends on it."""
    table: dict[bytes, int] = {}
    written = bytearray()
    total = 0
    for number in range(TURNS):
        key = b"key-%d" % (number & 63)
        seen = table.get(key)
        table[key] = 1 if seen is None else seen + 1
        total = (total * 31 + len(key)) & 0xFFFF_FFFF
        written += key
        if len(written) > 4096:
            del written[:]
    return total


if __name__ == "__main__":
    sys.exit(main())
