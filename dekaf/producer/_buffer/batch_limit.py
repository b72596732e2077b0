"""How many bytes of records fill a batch: more than `batch_size` where they are compressed, for what counts is what
travels (KIP-126).

A batch is compressed when it is full, so how far it will shrink is estimated from the ones before.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# Times batch_size: the caller that fills a batch compresses it all at once, maybe on an event loop.
LARGEST_GROWTH: Final = 8

_MARGIN: Final = 1.05  # most batches should stay below batch_size, although they do not all shrink alike
_STEP_TO_BETTER: Final = 0.125  # of the way to what was observed, if a batch shrank further than was expected


@final
class BatchLimit:
    """One topic's. Two threads may teach it at once, and one lesson is lost, which does no harm."""

    def __init__(self, batch_size: i64, largest: i64) -> None:
        self.plain_bytes = batch_size  # before compression, header included
        self._batch_size: Final = batch_size
        self._largest = largest
        self._ratio = 1.0

    def learn(self, plain: i64, on_wire: i64) -> None:
        """Note how far a batch has shrunk."""
        if plain * 2 < self._batch_size:
            return  # small ones shrink less: they say little about full ones
        observed = float(on_wire) / float(plain)
        if observed < self._ratio:
            observed = self._ratio + (observed - self._ratio) * _STEP_TO_BETTER
        self._ratio = observed  # for the worse at once
        self._set(i64(float(self._batch_size) / (observed * _MARGIN)))

    def refused(self, plain: i64) -> None:
        """Note that the broker found a batch too large: none grows as large again, or each would have to be split."""
        self._largest = plain // 2
        self._set(self.plain_bytes)

    def _set(self, wanted: i64) -> None:
        # What does not shrink is sent as it is, so that a batch of batch_size never takes more than that.
        self.plain_bytes = max(self._batch_size, min(wanted, self._largest))
