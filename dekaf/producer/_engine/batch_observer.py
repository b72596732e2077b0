"""Who wants to hear of each batch whose outcome is known: one function for the process, mostly none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from dekaf.reports import BatchOutcome

Observe = Callable[[BatchOutcome], object]


@final
class BatchObserver:
    """Where it is kept; producers look at it once per batch."""

    def __init__(self) -> None:
        self.observe: Observe | None = None


PROCESS_OBSERVER: Final = BatchObserver()
