"""Make damaged copies of bytes that are known to be good."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ("Mutator",)

# Sizes, counts and varints at the edges of what their encodings can express.
_EDGES: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "00",
        "01",
        "7f",
        "80",
        "ff",
        "7fff",
        "8000",
        "ffff",
        "ff7f",
        "fe01",
        "7fffffff",
        "80000000",
        "ffffffff",
        "fffffffe",
        "00ffffff",
        "ffffffff07",
        "ffffffff0f",
        "ffffffffff",
        "7fffffffffffffff",
        "8000000000000000",
        "ffffffffffffffffff01",
        "feffffffffffffffff01",
    )
)
_MOST_EDITS: Final = 6
_LONGEST_PIECE: Final = 40  # bytes inserted, removed or repeated at once


class Mutator:
    """Edits bytes at random: one edit mostly, sometimes a handful.

    Args:
        chance: where the randomness comes from.
        pool: good inputs, of which pieces are mixed in.
        longest: results are cut to so many bytes.
    """

    def __init__(self, chance: random.Random, pool: Sequence[bytes], longest: int) -> None:
        self._chance = chance
        self._pool = pool
        self._longest = longest
        self._edits: tuple[Callable[[bytearray], None], ...] = (
            self._flip_a_bit,
            self._replace_a_byte,
            self._nudge_a_byte,
            self._write_an_edge,
            self._write_an_edge,  # what finds most
            self._insert_an_edge,
            self._insert_noise,
            self._remove,
            self._repeat,
            self._cut_off,
            self._mix_in,
        )

    def mutate(self, data: bytes) -> bytes:
        """Return a damaged copy, which may by chance be as good as the original."""
        damaged = bytearray(data)
        count = 1 if self._chance.random() < 0.6 else self._chance.randint(2, _MOST_EDITS)
        for _ in range(count):
            self._chance.choice(self._edits)(damaged)
        return bytes(damaged[: self._longest])

    def _at(self, damaged: bytearray) -> int:
        """Return a place, which may be the end."""
        return self._chance.randrange(len(damaged) + 1)

    def _flip_a_bit(self, damaged: bytearray) -> None:
        if damaged:
            damaged[self._chance.randrange(len(damaged))] ^= 1 << self._chance.randrange(8)

    def _replace_a_byte(self, damaged: bytearray) -> None:
        if damaged:
            damaged[self._chance.randrange(len(damaged))] = self._chance.randrange(256)

    def _nudge_a_byte(self, damaged: bytearray) -> None:
        if damaged:
            at = self._chance.randrange(len(damaged))
            damaged[at] = (damaged[at] + self._chance.choice((-1, 1))) & 0xFF

    def _write_an_edge(self, damaged: bytearray) -> None:
        edge = self._chance.choice(_EDGES)
        at = self._at(damaged)
        damaged[at : at + len(edge)] = edge

    def _insert_an_edge(self, damaged: bytearray) -> None:
        at = self._at(damaged)
        damaged[at:at] = self._chance.choice(_EDGES)

    def _insert_noise(self, damaged: bytearray) -> None:
        at = self._at(damaged)
        damaged[at:at] = self._chance.randbytes(self._chance.randint(1, _LONGEST_PIECE))

    def _remove(self, damaged: bytearray) -> None:
        at = self._at(damaged)
        del damaged[at : at + self._chance.randint(1, _LONGEST_PIECE)]

    def _repeat(self, damaged: bytearray) -> None:
        at = self._at(damaged)
        piece = damaged[at : at + self._chance.randint(1, _LONGEST_PIECE)]
        damaged[at:at] = piece * self._chance.randint(1, 4)

    def _cut_off(self, damaged: bytearray) -> None:
        del damaged[self._at(damaged) :]

    def _mix_in(self, damaged: bytearray) -> None:
        other = self._chance.choice(self._pool)
        start = self._chance.randrange(len(other) + 1)
        at = self._at(damaged)
        damaged[at : at + self._chance.randrange(_LONGEST_PIECE)] = other[start : start + _LONGEST_PIECE]
