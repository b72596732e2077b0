"""What every task here does: fire one message, and leave a line in a file when it is done."""

from __future__ import annotations

import os
from pathlib import Path

from dekaf import ProducerRegistry

__all__ = ("fire_one", "produce_one", "registry")

registry = ProducerRegistry(
    {"bootstrap_servers": os.environ["SERVERS"], "linger_ms": 60_000, "close_timeout_ms": 5_000}, source="tests"
)


def fire_one(number: int) -> None:
    """Hand over a message, which leaves when the worker drains."""
    registry.producer().fire("orders", str(number), str(number))
    _done(number)


def produce_one(number: int) -> None:
    """Wait for a message to be in Kafka."""
    registry.producer().produce("orders", str(number), str(number))
    _done(number)


def _done(number: int) -> None:
    with Path(os.environ["DONE"]).open("a", encoding="ascii") as file:
        file.write(f"{number}\n")
