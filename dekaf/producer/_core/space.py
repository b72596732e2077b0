"""Waiting for space: one record's way from when there was none for it until it is accepted, or its time is over.

The line is first come, first served, over threads and coroutines alike; how one waits in it is the face's business.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf.errors import BufferExhaustedError
from dekaf.producer._buffer.buffer_memory import SpaceTicket, SpaceWaiter
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
        self._longest: Final = core.max_block if max_wait is None else min(core.max_block, max(0.0, max_wait))
        self._deadline: Final = monotonic() + self._longest
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
            raise exhausted_error(core, self._record.topic, 0.0)
        waiter = SpaceWaiter(self._record.needed_bytes(), grant)
        self._ticket = SpaceTicket(core.start().accumulator.buffer, waiter, core.life.wake)
        self._ticket.line_up()

    def seconds_left(self) -> float:
        """Return how long the record may still wait; negative once that is over."""
        return self._deadline - monotonic()

    def settle(self, *, is_granted: bool) -> bool:
        """Append the record, if there is space for it by now.

        Returns:
            Whether it was accepted; if not, the engine that granted the space has ended: line up again.

        Raises:
            BufferExhaustedError: There was no space in time.
            ProduceError: The record cannot be accepted for another reason.
        """
        if not is_granted:
            self.withdraw()
            raise exhausted_error(self._core, self._record.topic, self._longest)
        ticket = self._ticket
        assert ticket is not None
        self._ticket = None
        return append_waiting(self._core, self._record, ticket.granted())

    def withdraw(self) -> None:
        """Leave the line; what was granted meanwhile goes back."""
        ticket = self._ticket
        if ticket is not None:
            self._ticket = None
            ticket.withdraw()


def exhausted_error(core: ProducerCore, topic: str, waited: float) -> BufferExhaustedError:
    """Return the error for a record for which there was no space in `waited` seconds; 0.0: it must not wait."""
    bound = "max_block_ms" if waited >= core.max_block else "the call's timeout"
    waits = f"none became free within {waited * 1000:.0f} ms ({bound})" if waited else "this call does not wait"
    error = BufferExhaustedError(
        "No space in the buffer: records that wait for the brokers take up "
        f"buffer_memory={core.config.buffer_memory} bytes, and {waits}.",
        topic=topic,
        is_retriable=True,
    )
    error.__cause__ = core.life.last_error()
    return error
