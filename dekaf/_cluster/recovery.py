"""Decide when metadata was sought in vain for so long that the bootstrap servers are to be asked again (KIP-1102).

Pure decisions. Brokers that all answer, and never usably, would otherwise be asked for ever: those of a cluster that
was taken apart, for one, whose addresses serve something else now.
"""

from __future__ import annotations

from typing import Final, final

from dekaf._cluster.refresh import NEVER

__all__ = ("MetadataRecovery",)


@final
class MetadataRecovery:
    """Owned by the I/O thread; all times are monotonic seconds.

    Args:
        trigger: Seconds without a usable answer; infinity: never.
    """

    def __init__(self, trigger: float) -> None:
        self.is_on: Final = trigger < NEVER
        self._trigger: Final = trigger
        self._since = NEVER  # when metadata was first sought, and not found since

    def sought(self, now: float) -> None:
        """Note that metadata is wanted now, whether any broker can be asked or not."""
        self._since = min(self._since, now)

    def found(self) -> None:
        """Note a usable answer."""
        self._since = NEVER

    def due_at(self) -> float:
        """Return when to begin again; infinity while nothing is sought."""
        return self._since + self._trigger

    def begun_again(self, now: float) -> None:
        """Note that the bootstrap servers are asked; they, too, have their time."""
        self._since = now
