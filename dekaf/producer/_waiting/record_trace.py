"""RecordTrace: what is kept of one record until its outcome is known, because a tracer or a listener asked for it.

A batch holds those of its records as a chain, latest first: to add one allocates nothing, as it happens under a lock.
Apart from what waits for the outcome: a wait may end before, and the record still has its outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf.types import RecordMetadata

# What `buffer_memory` is charged for a record with a token: the measured size of an open span of OpenTelemetry's SDK
# (2.9 KB) and of what is kept here. Published in the guide.
TOKEN_COST: Final = 3_072
# What it is charged for a record whose key and headers are kept for a listener, on top of their bytes.
KEPT_COST: Final = 256


@final
class RecordTrace:
    """One record's. It belongs to the thread that produces it, and from when that is accepted to the engine.

    Args:
        settled: Hears of the outcome, once.
        topic: The record's.
        started: When it was begun, in monotonic seconds.
    """

    def __init__(
        self,
        settled: Callable[[RecordTrace, RecordMetadata | None, BaseException | None], None],
        topic: str,
        started: float,
    ) -> None:
        self._settled: Final = settled
        self._is_settled = False
        self.topic: Final = topic
        self.started: Final = started
        self.tracer: object = None  # None: nothing is to be finished
        self.token: object = None
        self.is_kept = False  # key and headers are to be told to a listener
        self.key: bytes | None = None
        self.headers: bytes | None = None
        self.was_accepted = True
        self.cost_bytes: i64 = 0
        # Once it is in a batch:
        self.following: RecordTrace | None = None
        self.index: i64 = 0  # its record's
        self.delta: i64 = 0  # the record's timestamp, minus the batch's base timestamp

    def take_token(self, tracer: object, token: object) -> None:
        """Keep what a tracer gave."""
        self.tracer = tracer
        self.token = token
        self.cost_bytes += TOKEN_COST

    def keep(self, key: bytes | None, headers: bytes | None) -> None:
        """Keep key and headers, as they were encoded, if a listener wants them."""
        if not self.is_kept:
            return
        self.key = key
        self.headers = headers
        self.cost_bytes += KEPT_COST
        if key is not None:
            self.cost_bytes += len(key)
        if headers is not None:
            self.cost_bytes += len(headers)

    def settle(self, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        """Tell the outcome, unless it was told."""
        if self._is_settled:
            return
        self._is_settled = True
        self._settled(self, metadata, error)

    def refuse(self, error: BaseException) -> None:
        """Tell that the record was not accepted; on the thread of the call."""
        self.was_accepted = False
        self.settle(None, error)


def chain_for(listed: list[RecordTrace], first: i64, end: i64, shift: i64) -> RecordTrace | None:
    """Return, as a chain, those of the records from `first` to before `end`, for a batch of their own.

    Args:
        listed: Of all records of the batch they were in.
        first: The index of the first record, which becomes 0.
        end: The index after the last one.
        shift: What is added to the timestamps, because the base timestamp is earlier by that.
    """
    mine = [trace for trace in listed if first <= trace.index < end]
    for trace in mine:
        trace.index -= first
        trace.delta += shift
    return chain_of(mine)


def in_order(traces: RecordTrace | None) -> list[RecordTrace]:
    """Return a chain as a list, in the order of the records, and undo it: a long one would be freed link by link."""
    listed: list[RecordTrace] = []
    while traces is not None:
        listed.append(traces)
        following = traces.following
        traces.following = None
        traces = following
    listed.reverse()
    return listed


def chain_of(listed: list[RecordTrace]) -> RecordTrace | None:
    """Return a list, in the order of the records, as a chain."""
    head: RecordTrace | None = None
    for trace in listed:
        trace.following = head
        head = trace
    return head
