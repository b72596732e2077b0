"""What applications bring along, and takes its time: callbacks, a partitioner, a serializer, a log handler."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dekaf.errors import ProduceError
from dekaf.types import OnDelivery, RecordMetadata, SerializationContext
from tests.stories.told import Told

__all__ = ("POISON", "SlowPartitioner", "SlowSerializer", "quick_callback", "slow_callback", "slow_logging")

POISON = b"poison"  # no serializer takes a value that begins like this
MOMENT = 0.002  # seconds
EVERY = 7  # calls, of which one is slow: with all of them, nothing else would happen in a story


def take_a_moment() -> None:
    """Be as slow as code that asks a database."""
    threading.Event().wait(MOMENT)


def quick_callback(told: Told) -> OnDelivery:
    """Return a callback that only takes down what it hears."""
    return told.note


def slow_callback(told: Told) -> OnDelivery:
    """Return one that is slow, if it is the turn of its message."""

    def note(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        take_a_moment()
        told.note(metadata, error)

    return note if told.message.number % EVERY == 0 else told.note


class SlowPartitioner:
    """Places keys by their bytes, and is slow now and then."""

    def __init__(self) -> None:
        self._calls = 0

    def partition(self, _topic: str, key: bytes | None, partition_count: int, /) -> int | None:
        self._calls += 1
        if self._calls % EVERY == 0:
            take_a_moment()
        return None if key is None else sum(key) % partition_count


class SlowSerializer:
    """Takes bytes as they are, is slow now and then, and refuses poison."""

    def __init__(self, *, is_slow: bool) -> None:
        self._calls = 0
        self._is_slow = is_slow

    def serialize(self, value: Any, _context: SerializationContext, /) -> bytes:
        self._calls += 1
        if self._is_slow and self._calls % EVERY == 0:
            take_a_moment()
        if value.startswith(POISON):
            raise ValueError("this one cannot be serialized")
        return bytes(value)


class _SlowHandler(logging.Handler):
    def emit(self, _record: logging.LogRecord) -> None:
        take_a_moment()


@contextmanager
def slow_logging() -> Iterator[None]:
    """Have the lines that dekaf logs written by something slow."""
    logger = logging.getLogger("dekaf")
    handler = _SlowHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
