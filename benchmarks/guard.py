"""What keeps a regression out of CI: the hot path's steps in units of a yardstick in pure Python, not in seconds.

    python -m benchmarks.guard

Run by the suite, for either build. Step and yardstick take turns in one process, in runs so short that many of them are
undisturbed, and the quickest run of each counts; another machine is slower on both sides alike. A step that has become
a third dearer in these units fails. Whoever makes one cheaper lowers its figure here, or the guard sleeps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import dekaf
from benchmarks.workers.sender_steps import run_cycles
from dekaf import Producer
from dekaf.testing import FakeCluster

# Measured on Linux, x86-64: each step in yardsticks of one turn, as (compiled, interpreted). The interpreters differ in
# how fast they run the yardstick.
EXPECTED: Final[Mapping[tuple[int, int], Mapping[str, tuple[float, float]]]] = {
    (3, 11): {"fire": (0.54, 12.8), "request": (6.6, 47.0), "response": (3.4, 38.0)},
}
ALLOWED: Final = 4 / 3

RECORDS: Final = 500  # of one run: a tenth of a millisecond compiled, so that many runs fit between two disturbances
CYCLES: Final = 100
RUNS: Final = 300
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
    """Return how many turns of the yardstick each step takes: the quickest run of each."""
    records = [(b"key-%d" % (number % 64), b"x" * 100) for number in range(RECORDS)]
    yardstick = fire = request = response = float("inf")
    with FakeCluster(topics={TOPIC: 4}) as cluster, _producer(cluster.bootstrap_servers) as producer:
        producer.produce(TOPIC, b"key", b"value")
        for _ in range(RUNS):
            yardstick = min(yardstick, _time(_yardstick) / RECORDS)
            fire = min(fire, _time(lambda: _fire(producer, records)) / RECORDS)
            producer.flush()
            requests, responses = run_cycles(CYCLES)
            request, response = min(request, *requests), min(response, *responses)
    return {"fire": fire / yardstick, "request": request / yardstick, "response": response / yardstick}


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
    for number in range(RECORDS):
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
