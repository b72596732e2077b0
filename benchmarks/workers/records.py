"""The messages that all clients produce: made before the clock starts, the same for everyone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

from benchmarks.clients.interfaces import KeyValue
from benchmarks.job import Job

__all__ = ("BLOCK", "blocks", "make_records")

BLOCK = 10_000  # messages between two looks at the clock; as many different keys
MAX_BLOCK_BYTES = 10_000_000

NAMES = ("anna", "boris", "chidi", "dana", "elif", "farid", "greta", "hiro", "iris", "jonas")
STATES = ("created", "paid", "packed", "shipped", "delivered", "returned")


def make_records(job: Job) -> list[KeyValue]:
    """Return one block of messages; fewer when they are large, never more than the job asks for."""
    count = max(1, min(BLOCK, job.messages, MAX_BLOCK_BYTES // job.size_bytes))
    keys: list[bytes | None] = [b"key-%d" % number if job.keyed else None for number in range(count)]
    return list(zip(keys, _values(job, count), strict=True))


def blocks(records: Sequence[KeyValue], messages: int) -> Iterator[Sequence[KeyValue]]:
    """Repeat a block until `messages` are given; the last one may be shorter."""
    while messages > 0:
        block = records if messages >= len(records) else records[:messages]
        messages -= len(block)
        yield block


def _values(job: Job, count: int) -> list[bytes]:
    if not job.json_values:
        return [b"x" * job.size_bytes] * count
    chance = random.Random(7)  # the same messages in every process
    return [_order(chance, number, job.size_bytes) for number in range(count)]


def _order(chance: random.Random, number: int, size_bytes: int) -> bytes:
    """Return an order as JSON of exactly this size: as repetitive, and as random, as events are."""
    order: dict[str, object] = {"order": number, "customer": chance.choice(NAMES), "state": chance.choice(STATES)}
    lines: list[dict[str, object]] = []
    text = json.dumps(order).encode()
    while len(text) < size_bytes:
        lines.append(
            {"sku": f"{chance.getrandbits(40):x}", "quantity": chance.randint(1, 9), "cents": chance.randint(99, 99999)}
        )
        text = json.dumps({**order, "lines": lines}).encode()
    return text[:size_bytes]
