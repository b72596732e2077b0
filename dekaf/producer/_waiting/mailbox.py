"""Carry outcomes to an event loop, and gather that loop's appends: one wake-up each way, however many records."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from time import monotonic
from typing import Final, Protocol, final

from mypy_extensions import i64

from dekaf.errors import ProduceError
from dekaf.producer._waiting.backlog import CallbackBacklog
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

    def drop(self) -> None:
        """Note that they can be told to nobody any more."""


class CallbackGroup(OutcomeGroup, Protocol):
    """Outcomes that callbacks hear of."""

    @property
    def called(self) -> int:
        """How many of them have run."""

    def callback_count(self) -> int:
        """Return how many there are."""


class WaitKind(Enum):
    """What hears of a record's outcome, and so on which thread."""

    DELIVERIES = "deliveries"  # handles of threads: completed right on the I/O thread
    FUTURES = "futures"  # of coroutines: set on their event loop
    CALLBACKS = "callbacks"  # `on_delivery`: on the caller's event loop, or on the callback thread
    NOBODY = "nobody"  # fired, and known to the batch only because its call had a deadline


# What `buffer_memory` is charged per record for what waits for it, on top of the record's bytes: the measured size
# of the future or handle, its list slots and the metadata it will get, rounded up. Published in the configuration
# guide.
FUTURE_COST: Final = 512
DELIVERY_COST: Final = 512
CALLBACK_COST: Final = 64
DEADLINE_COST: Final = 64  # of a record that nothing waits for, but which leaves at a deadline

# Calls with the same limit share one moment at which it ends, a little late, so that records need none of their own:
# a fraction of the limit, and no longer than people notice.
DEADLINE: Final = "the call's deadline"
LIMIT_FRACTION: Final = 80
LONGEST_SHARE: Final = 0.25  # seconds
MOST_HALVINGS: Final = 5  # of it, for short limits
ALWAYS_FRESH: Final = 1 << 62  # milliseconds
MOST_BOUNDED: Final = 2_048  # routes kept for deadlines to come; beyond, those that are over are forgotten


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
        self.is_awaited: Final = kind is WaitKind.DELIVERIES or kind is WaitKind.FUTURES
        self.is_call: Final = is_call
        # Wake the I/O thread at the end of the loop's round: only for a caller who keeps the loop running by awaiting.
        self.wakes_after_loop_round: Final = wakes_after_loop_round
        # When the wait for its records ends, at the latest: what was not drained by then is withdrawn.
        self.ends_at = math.inf  # monotonic seconds
        self.limit = ""  # what ends it, for errors
        self.checked: object = None  # the callback that was found good last, until any was called: it is not to be kept
        # A route of calls serves those that begin within so many milliseconds of it, by the wall clock.
        self.begun_ms: i64 = 0
        self.fresh_ms: i64 = ALWAYS_FRESH
        self.calls: CallRoutes | None = None
        self._bounded: dict[int, OutcomeRoute] = {}

    def until(self, seconds: float, limit: str) -> OutcomeRoute:
        """Return the route of the same kind for a record of a call that ends in so many seconds.

        Args:
            seconds: From now; rounded up a little, so that other calls may share the route.
            limit: What ends it, for errors.
        """
        now = monotonic()
        share = LONGEST_SHARE
        halvings = 0
        while halvings < MOST_HALVINGS and share > seconds / LIMIT_FRACTION:
            share /= 2.0
            halvings += 1
        step = math.ceil((now + seconds) / share)
        place = step * (MOST_HALVINGS + 1) + halvings
        route = self._bounded.get(place)
        if route is None or route.limit != limit:
            if len(self._bounded) >= MOST_BOUNDED:
                self._bounded = {key: known for key, known in self._bounded.items() if known.ends_at > now}
            route = self._bounded[place] = self.ending(step * share, limit)
        return route

    def ending(self, moment: float, limit: str) -> OutcomeRoute:
        """Return a route of the same kind that ends at a moment, in monotonic seconds."""
        route = OutcomeRoute(
            self.kind,
            self.mailbox,
            self.cost_bytes,
            wakes_after_loop_round=self.wakes_after_loop_round,
            is_call=self.is_call,
        )
        route.ends_at = moment
        route.limit = limit
        return route


@final
class CallRoutes:
    """The routes of calls that wait for one record, and that `produce_timeout_ms` ends: a new one every so often.

    Args:
        endless: The route of calls that have a timeout of their own, which bounds the wait alone.
        call_timeout: Seconds after which all other calls end; infinity: never.
    """

    def __init__(self, endless: OutcomeRoute, call_timeout: float) -> None:
        self.endless: Final = endless
        self.call_timeout: Final = call_timeout
        self.limit: Final = f"produce_timeout_ms={call_timeout * 1000:.0f}"
        self._share: Final = min(LONGEST_SHARE, call_timeout / LIMIT_FRACTION)
        self.current = endless if call_timeout == math.inf else self._renewed(0)

    def bounded(self, deadline: float | None) -> OutcomeRoute:
        """Return the route of a call that `produce_timeout_ms` does not bound: it has a timeout, or this deadline."""
        return self.endless if deadline is None else self.endless.until(deadline, DEADLINE)

    def fresh(self, now_ms: i64) -> OutcomeRoute:
        """Return the route of a call that begins now, by the wall clock, since the current one does not serve it."""
        route = self.current = self._renewed(now_ms)
        return route

    def _renewed(self, now_ms: i64) -> OutcomeRoute:
        route = self.endless.ending(monotonic() + self._share + self.call_timeout, self.limit)
        route.begun_ms = now_ms
        route.fresh_ms = max(1, int(self._share * 1000))
        route.calls = self
        return route


@final
class LoopMailbox:
    """One event loop's mailbox. `post` is called on the I/O thread, everything else on the loop's.

    Save what is said to be called from any thread.
    """

    def __init__(self, loop: EventLoop, wake: Callable[[], None], call_timeout: float = math.inf) -> None:
        self.loop = loop
        self.backlog: Final = CallbackBacklog("on the event loop")
        self.is_calling = False  # a callback is the caller, if this is looked at on the loop
        self._wake = wake
        self._call: Final = threadsafe_call(loop)
        self._groups: deque[OutcomeGroup] = deque()
        self._delivery_scheduled = False
        self._wake_scheduled = False
        self.awaited: Final = CallRoutes(
            OutcomeRoute(WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=True, is_call=True), call_timeout
        )
        self.gathered: Final = OutcomeRoute(
            WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=False, is_call=True
        )
        self.submitted: Final = OutcomeRoute(WaitKind.FUTURES, self, FUTURE_COST, wakes_after_loop_round=False)
        self.callbacks: Final = OutcomeRoute(WaitKind.CALLBACKS, self, CALLBACK_COST, wakes_after_loop_round=False)

    def post(self, group: OutcomeGroup) -> bool:
        """Hand over outcomes; False if the loop is closed, and what waited on it is gone."""
        if self.loop.is_closed():
            self._drop_all()
            return False
        self._groups.append(group)
        if self._delivery_scheduled:
            return True
        self._delivery_scheduled = True
        try:
            self._call(self.dispatch)
        except RuntimeError:  # closed just now
            self._groups.remove(group)
            self._drop_all()
            return False
        return True

    def post_callbacks(self, group: CallbackGroup) -> bool:
        """Hand over outcomes that callbacks hear of; otherwise as `post`."""
        counted = CountedCallbacks(group, self.backlog)
        is_posted = self.post(counted)
        if not is_posted:
            counted.count_off()
        return is_posted

    def dispatch(self) -> None:
        """Notify every group."""
        self._delivery_scheduled = False  # before emptying: a post from now on schedules again
        self.is_calling = True
        try:
            while self._groups:
                self._groups.popleft().notify()
        except BaseException:  # the loop's owner wants to end it, but may well run it again
            if self._groups:
                self._delivery_scheduled = True
                self.loop.call_soon(self.dispatch)
            raise
        finally:
            self.is_calling = False

    def when_called_back(self, tell: Callable[[], None]) -> bool:
        """Call `tell`, on the loop, once the callbacks that are due now have run; from any thread.

        Returns:
            False if there is nothing to wait for: none is due, or the loop is closed.
        """
        if self.callbacks_pending() == 0:
            return False
        return self.post(_Mark(tell))

    def callbacks_pending(self) -> int:
        """Return how many callbacks have not run; those of a closed loop are dropped. From any thread."""
        if self.loop.is_closed():
            self._drop_all()
        return self.backlog.pending()

    def _drop_all(self) -> None:
        while self._groups:
            try:
                group = self._groups.popleft()
            except IndexError:  # another thread, that looks, took the last one
                return
            group.drop()

    def wake_after_this_round(self) -> None:
        """Wake the I/O thread once all callbacks of the loop's present round have appended their records."""
        if not self._wake_scheduled:
            self.loop.call_soon(self._end_of_round)  # of a closed loop it raises
            self._wake_scheduled = True

    def _end_of_round(self) -> None:
        self._wake_scheduled = False
        self._wake()


@final
class CountedCallbacks:
    """A batch's callbacks, in a backlog until they have run, or are dropped."""

    def __init__(self, group: CallbackGroup, backlog: CallbackBacklog) -> None:
        self._group: Final = group
        self._backlog: Final = backlog
        self._count: Final = group.callback_count()
        backlog.add(self._count)

    def notify(self) -> None:
        """Run them."""
        self._backlog.begin(self._group)
        try:
            self._group.notify()
        finally:
            self.count_off()

    def drop(self) -> None:
        """Note that they cannot run any more."""
        self._group.drop()
        self.count_off()

    def count_off(self) -> None:
        """Take them out of the backlog."""
        self._backlog.remove(self._count)


@final
class _Mark:
    """Tells that everything posted before has been told."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Final = tell

    def notify(self) -> None:
        """Tell."""
        self._tell()

    def drop(self) -> None:
        """Tell: there is nothing to wait for any more."""
        self._tell()


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
