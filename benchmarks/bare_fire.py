"""Nothing but many calls of `fire`, for a profiler to look at; nothing is sent meanwhile.

    valgrind --tool=callgrind --collect-atstart=no --toggle-collect=CPyPy_sync_producer___Producer___fire \\
        python -m benchmarks.bare_fire

`plain` or `callback` is the only argument. Run it where a compiled dekaf is installed: `make wheel` builds one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from dekaf import Producer
from dekaf.testing import FakeCluster

CALLS = 5_000
TOPIC = "profiled"


def main() -> None:
    """Fire."""
    records = [(b"key-%d" % number, b"x" * 100) for number in range(CALLS)]
    with (
        FakeCluster(topics={TOPIC: 4}) as cluster,
        Producer(
            bootstrap_servers=cluster.bootstrap_servers,
            key=bytes,
            value=bytes,
            linger_ms=60_000,
            delivery_timeout_ms=120_000,
            batch_size=900_000,
        ) as producer,
    ):
        producer.produce(TOPIC, b"key", b"value")
        if sys.argv[1:] == ["callback"]:
            fire_with_callback(producer, records, lambda _, __: None)
        else:
            fire(producer, records)


def fire(producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]]) -> None:
    """Hand over all records."""
    for key, value in records:
        producer.fire(TOPIC, key, value)


def fire_with_callback(
    producer: Producer[bytes, bytes], records: list[tuple[bytes, bytes]], callback: Callable[[object, object], None]
) -> None:
    """Hand over all records, each with a callback."""
    for key, value in records:
        producer.fire(TOPIC, key, value, on_delivery=callback)


if __name__ == "__main__":
    main()
