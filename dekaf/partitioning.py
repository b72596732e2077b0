"""Decide which partition a record goes to; plain numbers in, a plain number out, so that users can write their own.

The default is the Java client's: a record with a key goes to murmur2(key) modulo the number of partitions, so that one
key always lands on one partition, for every client in the company. A record without a key goes to a partition that is
kept for a batch's worth of bytes and then changed, with partitions whose queues are short preferred (KIP-794).
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import Final, final

from librt.strings import read_i32_le
from mypy_extensions import i64

from dekaf.abc import Partitioner

__all__ = ("ConsistentRandomPartitioner", "Partitioner", "RoundRobinPartitioner", "choose_by_load", "murmur2")

_MURMUR2_SEED: Final = 0x9747B28C
_MURMUR2_MULTIPLIER: Final = 0x5BD1E995
_MASK_32: Final = 0xFFFF_FFFF
_MASK_31: Final = 0x7FFF_FFFF  # Kafka drops the sign bit; it does not take the absolute value


def murmur2(data: bytes) -> i64:
    """Return Kafka's murmur2 hash of `data` with the sign bit dropped: 0 ≤ hash < 2³¹.

    The seed and the arithmetic are those of `org.apache.kafka.common.utils.Utils.murmur2`.
    """
    length: i64 = len(data)
    h: i64 = _MURMUR2_SEED ^ length
    tail: i64 = length & ~3
    at: i64
    for at in range(0, tail, 4):
        word: int = read_i32_le(data, at)  # not `i64(...)`: interpreted, that is a call dearer than the line
        k: i64 = word  # signed; its product with the multiplier fits 63 bits, and the mask takes the sign away
        k = (k * _MURMUR2_MULTIPLIER) & _MASK_32
        k ^= k >> 24
        h = ((h * _MURMUR2_MULTIPLIER) & _MASK_32) ^ ((k * _MURMUR2_MULTIPLIER) & _MASK_32)
    rest: i64 = length & 3
    if rest >= 3:
        h ^= data[tail + 2] << 16
    if rest >= 2:
        h ^= data[tail + 1] << 8
    if rest >= 1:
        h ^= data[tail]
        h = (h * _MURMUR2_MULTIPLIER) & _MASK_32
    h ^= h >> 13
    h = (h * _MURMUR2_MULTIPLIER) & _MASK_32
    h ^= h >> 15
    return h & _MASK_31


def choose_by_load(candidates: Sequence[int], queue_lengths: Sequence[int], draw: float) -> int:
    """Return one of `candidates`, the likelier the shorter its queue is (KIP-794's adaptive choice).

    Args:
        candidates: Partition numbers, at least one.
        queue_lengths: How many batches wait for each of them.
        draw: A uniform random number, 0 ≤ draw < 1.
    """
    longest = max(queue_lengths) + 1
    total = longest * len(queue_lengths) - sum(queue_lengths)
    target = draw * total
    cumulative = 0
    for candidate, length in zip(candidates, queue_lengths, strict=True):
        cumulative += longest - length
        if target < cumulative:
            return candidate
    return candidates[-1]


@final
class RoundRobinPartitioner:
    """Spread records over all partitions in turn, whatever their keys."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def partition(self, topic: str, _key: bytes | None, partition_count: int, /) -> int:
        """Return the topic's next partition."""
        turn = self._next.get(topic)
        if turn is None:
            turn = random.randrange(partition_count)
        self._next[topic] = turn + 1
        return turn % partition_count


@final
class ConsistentRandomPartitioner:
    """Place keys as librdkafka and confluent-kafka do by default: CRC-32 of the key; records without one are sticky.

    For services that move from confluent-kafka and must keep each key on its partition. As there, an empty key counts
    as no key.
    """

    def partition(self, _topic: str, key: bytes | None, partition_count: int, /) -> int | None:
        """Return the key's partition, or None without a key."""
        return zlib.crc32(key) % partition_count if key else None
