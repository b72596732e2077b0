"""Waiting for space: one record's way from when there was none for it until it is accepted, or its time is over.

The line is first come, first served, over threads and coroutines alike; how one waits in it is the face's business.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf.errors import BufferExhaustedError, ProduceError
from dekaf.producer._buffer.buffer_memory import SpaceTicket, SpaceWaiter
from dekaf.producer._buffer.outage import Outage
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.slow_way import append_waiting


@final
class SpaceWait:
    """One record's wait. It lines up; once it has waited, it settles; and does both again if the engine was replaced.

    Args:
        core: Of the producer.
        record: For which there was no space.
        max_wait: Seconds of the call's own timeout that are left, None without one; `max_block_ms` bounds it, too.
    """

    def __init__(self, core: ProducerCore, record: WaitingRecord, max_wait: float | None) -> None:
        self._core: Final = core
        self._record: Final = record
        now = monotonic()
        longest, bound = core.max_block, "max_block_ms"
        if max_wait is not None and max_wait < longest:
            longest, bound = max(0.0, max_wait), "the call's timeout"
        if record.route is not None and record.route.ends_at - now < longest:
            longest, bound = max(0.0, record.route.ends_at - now), record.route.limit
        self._longest: Final = longest
        self._bound: Final = bound
        self._deadline: Final = now + longest
        self._ticket: SpaceTicket | None = None  # from lining up until settling

    def line_up(self, grant: Callable[[], None]) -> None:
        """Join the line; `withdraw` if anything goes wrong from now on.

        Args:
            grant: Called once when there is space, by whichever thread frees it.

        Raises:
            BufferExhaustedError: The record is not to wait: `buffer_full` says so, or this is a callback.
        """
        core = self._core
        if core.config.buffer_full != "block" or core.life.callbacks.is_current():
            raise exhausted_error(core, self._record.topic)
        outage = core.outage()
        if outage is not None:
            raise self._vain_error(outage)
        waiter = SpaceWaiter(self._record.needed_bytes(), grant)
        self._ticket = SpaceTicket(core.start().accumulator.buffer, waiter, core.life.wake)
        self._ticket.line_up()

    def seconds_left(self) -> float:
        """Return how long the record may still wait; negative once that is over."""
        return self._deadline - monotonic()

    def settle(self, *, is_granted: bool) -> bool:
        """Append the record, if there is space for it by now.

        Returns:
            Whether it was accepted; if not, the engine that granted the space has ended, or an outage that ended the
            wait is over: line up again.

        Raises:
            BufferExhaustedError: There was no space in time.
            ProduceError: The record cannot be accepted for another reason.
        """
        if not is_granted:
            self.withdraw()
            within = f"none became free within {self._longest * 1000:.0f} ms ({self._bound})"
            raise exhausted_error(self._core, self._record.topic, within)
        ticket = self._ticket
        assert ticket is not None
        self._ticket = None
        if ticket.was_turned_away():
            outage = self._core.outage()
            if outage is None:
                return False  # it is over already
            raise self._vain_error(outage)
        return append_waiting(self._core, self._record, ticket.granted())

    def _vain_error(self, outage: Outage) -> ProduceError:
        topic = self._record.topic
        if self._record.route is not None and self._record.route.is_call:
            return outage.refused_error(topic)
        return exhausted_error(self._core, topic, "none becomes free while no broker can be reached")

    def withdraw(self) -> None:
        """Leave the line; what was granted meanwhile goes back."""
        ticket = self._ticket
        if ticket is not None:
            self._ticket = None
            ticket.withdraw()


def exhausted_error(core: ProducerCore, topic: str, waits: str = "this call does not wait") -> BufferExhaustedError:
    """Return the error for a record for which there is no space; `waits` says how long it waited, and why no longer."""
    core.life.statistics.space_exhausted()
    error = BufferExhaustedError(
        "No space in the buffer: records that wait for the brokers take up "
        f"buffer_memory={core.config.buffer_memory} bytes, and {waits}.",
        topic=topic,
        is_retriable=True,
    )
    outage = core.outage()
    error.__cause__ = core.life.last_error() if outage is None else outage.refused_error(topic)
    return error
