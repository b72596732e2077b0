"""Recipients: what hears of the outcomes of a producer's records: handles, blocked calls, and mailboxes of loops.

It lives as long as the core and follows it into forked children, but knows nothing of it: what users keep of a producer
that they abandoned, a handle for one, must not keep the core.
"""

from __future__ import annotations

from typing import Final, final

from dekaf._threads.waker import WakerPool
from dekaf.producer._core.arguments import topic_name
from dekaf.producer._core.life import ProducerLife
from dekaf.producer._waiting.delivery import BlockedCall, DeliveryFuture, ThreadWait
from dekaf.producer._waiting.loop_waker import EventLoop
from dekaf.producer._waiting.mailbox import (
    CALLBACK_COST,
    DEADLINE,
    DEADLINE_COST,
    DELIVERY_COST,
    CallRoutes,
    LoopMailbox,
    OutcomeRoute,
    WaitKind,
)
from dekaf.producer._waiting.timeouts import checked_deadline

# Records of one `produce_all` under way at a time: a hundred in the batches of each of a hundred partitions. Their
# handles take 5 MB.
PRODUCE_ALL_WINDOW: Final = 10_000


@final
class Recipients:
    """Every method may be called from any thread; `mailbox` on that of its loop."""

    def __init__(self, life: ProducerLife, call_timeout: float) -> None:
        self._call_timeout: Final = call_timeout  # seconds, of calls that have none of their own
        self.deliveries: Final = OutcomeRoute(WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False)
        self.calls: Final = CallRoutes(
            OutcomeRoute(WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False, is_call=True),
            call_timeout,
        )
        self._gathered: Final = OutcomeRoute(
            WaitKind.DELIVERIES, None, DELIVERY_COST, wakes_after_loop_round=False, is_call=True
        )
        self.nobody: Final = OutcomeRoute(WaitKind.NOBODY, None, DEADLINE_COST, wakes_after_loop_round=False)
        self.thread_callbacks: Final = OutcomeRoute(
            WaitKind.CALLBACKS, None, CALLBACK_COST, wakes_after_loop_round=False
        )
        self.renew(life)

    def renew(self, life: ProducerLife) -> None:
        """Begin afresh, as in a forked child: the parent's mailboxes end at the parent's loops."""
        self._life = life
        self._wakers = WakerPool()
        self.thread_backlog = life.callbacks.backlog  # of the callbacks on the callback thread
        self._last_mailbox: LoopMailbox | None = None  # a thread mostly asks for the same

    def new_delivery(self, topic: str) -> DeliveryFuture:
        """Return a handle for a record of a thread."""
        return DeliveryFuture(topic, self._run_done_callbacks, self._life.statistics.handle_dropped)

    def new_blocked_call(self, topic: str) -> ThreadWait:
        """Return what a thread waits on that wants to do nothing else meanwhile."""
        waker = self._wakers.take()
        return self.new_delivery(topic) if waker is None else BlockedCall(topic, waker, self._wakers)

    def gathered(
        self, mailbox: LoopMailbox | None, timeout: float | None, deadline: object, record_life: float
    ) -> OutcomeRoute:
        """Return the route of all records of a `produce_all`.

        Args:
            mailbox: Of the event loop whose coroutine calls it; None for a thread.
            timeout: Seconds that the call waits at the most, leaving what it has not heard of; None: no such limit.
            deadline: As the call was given it; without it, and without a timeout, `produce_timeout_ms` ends the call.
            record_life: Seconds of `delivery_timeout_ms`.
        """
        base = self._gathered if mailbox is None else mailbox.gathered
        if deadline is not None:
            return base.until(checked_deadline(deadline, record_life), DEADLINE)
        if timeout is not None:
            return base
        return base.until(self._call_timeout, self.calls.limit)

    def mailbox(self, loop: EventLoop) -> LoopMailbox:
        """Return the mailbox of an event loop."""
        mailbox = self._last_mailbox
        if mailbox is None or mailbox.loop is not loop:
            mailboxes = self._life.mailboxes
            mailbox = mailboxes.get(loop)
            if mailbox is None:
                for known, closed in list(mailboxes.items()):  # a copy: other threads' loops come and go meanwhile
                    if known.is_closed():
                        closed.callbacks_pending()  # there are none any more: it counts what is dropped with it
                        mailboxes.pop(known, None)
                mailbox = mailboxes[loop] = LoopMailbox(loop, self._wake, self._call_timeout)
            self._last_mailbox = mailbox
        return mailbox

    def check_backlog(self, route: OutcomeRoute, topic: object) -> None:
        """Refuse a callback that would be one too many, for a caller that must not wait; `route` leads to callbacks.

        One that is fired from a callback in the same place is taken: there, the others wait for it.

        Raises:
            BufferExhaustedError: Too many are still to run.
        """
        mailbox = route.mailbox
        backlog = self.thread_backlog if mailbox is None else mailbox.backlog
        if not backlog.is_full:
            return
        is_in_callback = self._life.callbacks.is_current() if mailbox is None else mailbox.is_calling
        if not is_in_callback:
            raise backlog.exhausted_error(topic_name(topic), "this call does not wait")

    # Of the life at the time they are called: a child may find out that it is one after it has made a handle.

    def _wake(self) -> None:
        self._life.wake()

    def _run_done_callbacks(self, delivery: DeliveryFuture) -> None:
        if not delivery.ring():
            return
        life = self._life

        def run() -> None:
            delivery.run_callbacks(life.statistics.callback_failed)

        life.callbacks.run(run)
