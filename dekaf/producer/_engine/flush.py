"""Wait until everything accepted so far has an outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, final

from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import TopicQueues


@final
class FlushWaiter:
    """Counts down the batches that were pending when a flush began. The I/O thread's alone."""

    def __init__(self, tell: Callable[[], None], pending_of: Callable[[str], list[ProducerBatch]]) -> None:
        self._tell: Final = tell
        self._pending_of: Final = pending_of
        self._left = 1  # this object itself, until `start` has seen everything

    def start(self, batches: list[ProducerBatch], topics: Iterable[TopicQueues]) -> None:
        """Wait for these batches, and for the records parked for these topics."""
        self._wait_for(batches)
        for topic in topics:
            if topic.parked:
                self._left += 1
                topic.flushes.append(_Parked(self, topic.name).let_in)
        self.one_done()

    def let_in(self, topic: str) -> None:
        """The records parked for a topic have become batches, or failed."""
        self._wait_for(self._pending_of(topic))
        self.one_done()

    def one_done(self) -> None:
        """One of what is waited for is done."""
        self._left -= 1
        if self._left == 0:
            self._tell()

    def _wait_for(self, batches: list[ProducerBatch]) -> None:
        for batch in batches:
            self._left += 1
            batch.flushes.append(self.one_done)


@final
class _Parked:
    def __init__(self, waiter: FlushWaiter, topic: str) -> None:
        self._waiter = waiter
        self._topic = topic

    def let_in(self) -> None:
        self._waiter.let_in(self._topic)
