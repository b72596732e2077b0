"""Carry outcomes to an event loop, and gather that loop's appends: one wake-up each way, however many records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Final, Protocol, final

from mypy_extensions import i64

from dekaf.errors import ProduceError
from dekaf.producer._waiting.loop_waker import EventLoop, threadsafe_call
from dekaf.types import OnDelivery, RecordMetadata


class OutcomeFuture(Protocol):
    """What a mailbox needs of a future."""

    def done(self) -> bool:
        """Return whether it has an outcome, or was cancelled and needs none."""

    def set_result(self, result: RecordMetadata, /) -> object:
        """Tell where the record landed."""

    def set_exception(self, exception: ProduceError, /) -> object:
        """Tell why it was not delivered."""


class OutcomeGroup(Protocol):
    """Something to be opened on a loop."""

    def notify(self) -> None:
        """Tell the outcomes inside; called on the loop."""


class WaitKind(Enum):
    """What hears of a record's outcome, and so on which thread."""

    DELIVERIES = "deliveries"  # handles of threads: completed right on the I/O thread
    FUTURES = "futures"  # of coroutines: set on their event loop
    CALLBACKS = "callbacks"  # `on_delivery`: on the caller's event loop, or on the callback thread


# What `buffer_memory` is charged per record for what waits for it, on top of the record's bytes: the measured size
# of the future or handle, its list slots and the metadata it will get, rounded up. Published in the configuration
# guide.
FUTURE_COST: Final = 512
DELIVERY_COST: Final = 512
CALLBACK_COST: Final = 64


@final
class OutcomeRoute:
    """Where outcomes of one kind go: one object per kind and event loop (or for all threads), compared by identity.

    Args:
        kind: What hears of the outcomes.
        mailbox: Of the event loop they go to; None for threads.
        cost_bytes: What a record is charged for it.
        wakes_after_loop_round: The I/O thread is woken at the end of the loop's round.
        is_call: A caller waits in the call until the outcome is known, a request handler mostly, and hears at once when
            there is no hope; one that left its record to the producer does not.
    """

    def __init__(
        self,
        kind: WaitKind,
        mailbox: LoopMailbox | None,
        cost_bytes: i64,
        *,
        wakes_after_loop_round: bool,
        is_call: bool = False,
    ) -> None:
        self.kind: Final = kind
        self.mailbox: Final = mailbox
        self.cost_bytes: Final = cost_bytes
        self.is_awaited: Final = kind is not WaitKind.CALLBACKS
        self.is_call: Final = is_call
        # Wake the I/O thread at the end of the loop's round: only for a caller who keeps the loop running by awaiting.
        self.wakes_after_loop_round: Final = wakes_after_loop_round


@final
class LoopMailbox:
    """One event loop's mailbox. `post` is called on the I/O thread, everything else on the loop's."""

    def __init__(self, loop: EventLoop, wake: Callable[[], None]) -> None:
        self.loop = loop
        self._wake = wake
        self._call: Final = threadsafe_call(loop)
        self._groups: deque[OutcomeGroup] = deque()
        self._delivery_scheduled = False
        self._wake_scheduled = False
        self.awaited: Final = OutcomeRoute(
            WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=True, is_call=True
        )
        self.gathered: Final = OutcomeRoute(
            WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=False, is_call=True
        )
        self.submitted: Final = OutcomeRoute(WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=False)
        self.callbacks: Final = OutcomeRoute(WaitKind.CALLBACKS, self, CALLBACK_COST, wakes_after_loop_round=False)

    def post(self, group: OutcomeGroup) -> bool:
        """Hand over outcomes; False if the loop is closed, and what waited on it is gone."""
        if self.loop.is_closed():
            self._groups.clear()
            return False
        self._groups.append(group)
        if self._delivery_scheduled:
            return True
        self._delivery_scheduled = True
        try:
            self._call(self.dispatch)
        except RuntimeError:  # closed just now
            self._groups.clear()
            return False
        return True

    def dispatch(self) -> None:
        """Notify every group."""
        self._delivery_scheduled = False  # before emptying: a post from now on schedules again
        try:
            while self._groups:
                self._groups.popleft().notify()
        except BaseException:  # the loop's owner wants to end it, but may well run it again
            if self._groups:
                self._delivery_scheduled = True
                self.loop.call_soon(self.dispatch)
            raise

    def wake_after_this_round(self) -> None:
        """Wake the I/O thread once all callbacks of the loop's present round have appended their records."""
        if not self._wake_scheduled:
            self._wake_scheduled = True
            self.loop.call_soon(self._end_of_round)

    def _end_of_round(self) -> None:
        self._wake_scheduled = False
        self._wake()


def call_contained(
    callback: OnDelivery, metadata: RecordMetadata | None, error: ProduceError | None
) -> BaseException | None:
    """Call a user's `on_delivery`; return what it raised, so that one broken callback does not silence the others.

    Everything it raised: a look at a cancelled task's result raises CancelledError, which is no Exception.
    """
    try:
        answer = callback(metadata, error)
    except BaseException as failure:
        return failure
    if answer is not None and isinstance(answer, Coroutine):
        answer.close()
        return TypeError("on_delivery is a coroutine function, which dekaf does not await; it may start a task instead")
    return None
