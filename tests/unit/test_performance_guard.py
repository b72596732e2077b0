"""The path of `fire` has not become a third slower: measured against pure Python in the same process, not in seconds.

Both sides are timed in short runs that take turns, and the quickest run of each counts: a run that the machine's other
work did not disturb. Another machine is faster or slower on both sides alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest

import dekaf
from dekaf import Producer
from dekaf.testing import FakeCluster

# `fire` of 100 bytes with a key in units of the yardstick's step, as (compiled, interpreted): measured, not aimed at.
# The yardstick's speed changes between Python versions, the compiled path's hardly does. Lower them when `fire` has
# become faster, or the guard sleeps.
EXPECTED = {(3, 11): (0.66, 21.4), (3, 12): (0.60, 20.2), (3, 13): (0.57, 17.5)}
TOLERANCE = 1.25  # between the few percent by which the best of many runs varies, and a third

STEPS = 500  # of one run: some 0.2 ms, so that many runs fit between two disturbances
RUNS = 40
ATTEMPTS = 8
TOPIC = "guarded"
RECORDS = [(b"key-%d" % (number % 64), b"x" * 100) for number in range(STEPS)]


@pytest.fixture
def producer() -> Iterator[Producer[bytes, bytes]]:
    """Give a producer that sends nothing by itself while a run is on: long linger, large batches."""
    with (
        FakeCluster(topics={TOPIC: 4}) as cluster,
        Producer(
            bootstrap_servers=cluster.bootstrap_servers, key=bytes, value=bytes, linger_ms=10_000, batch_size=1_000_000
        ) as producer,
    ):
        producer.produce(TOPIC, b"key", b"value")
        yield producer


def _is_traced() -> bool:
    """Tell whether a debugger or a measurement of coverage slows the interpreter down, on our side only."""
    is_monitored = sys.version_info >= (3, 12) and any(sys.monitoring.get_tool(tool) for tool in range(6))
    return sys.gettrace() is not None or is_monitored


@pytest.mark.skipif(_is_traced(), reason="the interpreter is being traced")
@pytest.mark.skipif(sys.version_info[:2] not in EXPECTED, reason="no ratio was measured on this version of Python")
def test_fire_has_not_become_a_third_slower(producer: Producer[bytes, bytes]) -> None:
    allowed = EXPECTED[sys.version_info[:2]][0 if dekaf.compiled else 1] * TOLERANCE

    ratios: list[float] = []
    for _ in range(ATTEMPTS):
        ratios.append(_ratio(producer))
        if ratios[-1] <= allowed:
            break

    assert min(ratios) <= allowed, f"fire takes {min(ratios):.2f} steps of the yardstick; {allowed:.2f} are allowed"


def _ratio(producer: Producer[bytes, bytes]) -> float:
    """Return the quickest run of `fire` divided by the yardstick's quickest."""
    ours = theirs = float("inf")
    for _ in range(RUNS):
        theirs = min(theirs, _time(_yardstick))
        ours = min(ours, _time(lambda: _fire(producer)))
        producer.flush()
    return ours / theirs


def _time(run: Callable[[], object]) -> int:
    began = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - began


def _fire(producer: Producer[bytes, bytes]) -> None:
    fire = producer.fire
    for key, value in RECORDS:
        fire(TOPIC, key, value)


def _yardstick() -> int:
    """Do in pure Python what is a little like appending a record. It must never change: `EXPECTED` depends on it."""
    table: dict[bytes, int] = {}
    written = bytearray()
    total = 0
    for number in range(STEPS):
        key = b"key-%d" % (number & 63)
        seen = table.get(key)
        table[key] = 1 if seen is None else seen + 1
        total = (total * 31 + len(key)) & 0xFFFF_FFFF
        written += key
        if len(written) > 4096:
            del written[:]
    return total
