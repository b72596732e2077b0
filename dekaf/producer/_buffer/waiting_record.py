"""WaitingRecord: a record that waits, for space or for its topic's partitions; one that need not wait has no object.

It holds the record's bytes, so that nothing is serialized twice.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from dekaf._record.builder import LENGTHS_UPPER_BOUND, content_size
from dekaf.errors import ProduceError
from dekaf.producer._waiting.mailbox import OutcomeRoute
from dekaf.producer._waiting.record_trace import RecordTrace

JUST_NOW: Final = -1.0  # in place of the monotonic seconds since when a record that was parked has been accepted

# What a parked record's own object is charged, until it moves into a batch: its measured size, rounded up.
PARKED_COST: Final = 256


@final
class WaitingRecord:
    """One record; it belongs to the thread that produces it, and from when it is parked to the engine."""

    def __init__(  # noqa: PLR0913 # a record's own fields
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: bytes | None,
        partition: i64,
        timestamp: i64,
        recipient: object | None,
        route: OutcomeRoute | None,
    ) -> None:
        self.topic: Final = topic
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers
        self.partition: Final = partition  # -1: not chosen yet
        self.timestamp: Final = timestamp  # milliseconds since 1970
        self.recipient: Final = recipient
        self.route: Final = route
        self.trace: RecordTrace | None = None  # if a tracer or a listener asked for one
        # Once it is parked:
        self.charged: i64 = 0  # bytes of buffer memory taken for it
        self.accepted = JUST_NOW  # monotonic seconds
        self.chosen_of: i64 = 0  # among how many partitions a user's partitioner has chosen; 0: it was not asked
        self._chosen: i64 = -1
        self._choice_error: ProduceError | None = None
        self.denied_at = -1.0  # what the denial of its topic had lasted for when it first met it; the I/O thread's

    def choose(self, partition: i64, count: i64, error: ProduceError | None) -> None:
        """Note what a user's partitioner has chosen, out of so many partitions; or why it could not."""
        self._chosen = partition
        self._choice_error = error
        self.chosen_of = count  # last: from now on another thread may look

    def chosen_partition(self) -> i64:
        """Return what it has chosen; -1 leaves the choice to the built-in partitioner.

        Raises:
            ProduceError: It could not.
        """
        if self._choice_error is not None:
            raise self._choice_error
        return self._chosen

    def refuse(self, error: BaseException) -> None:
        """Tell whoever traces it that it was not accepted."""
        if self.trace is not None:
            self.trace.refuse(error)

    def written_bytes(self) -> i64:
        """Return how many bytes it takes in a batch, at the most."""
        return content_size(self.key, self.value, self.headers) + LENGTHS_UPPER_BOUND

    def needed_bytes(self) -> i64:
        """Return how much buffer memory it takes, at the most: parked, and with what waits for its outcome."""
        route = self.route
        cost: i64 = 0 if route is None else route.cost_bytes
        if self.trace is not None:
            cost += self.trace.cost_bytes
        return self.written_bytes() + cost + PARKED_COST
