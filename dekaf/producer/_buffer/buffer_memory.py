"""Count the bytes of accepted records, and let those who find no space wait their turn.

One lock serves this room and the accumulator: it guards everything here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, final

from librt.threading import Lock
from mypy_extensions import i64


@final
class SpaceWaiter:
    """A caller in line; `grant` is called once, without the lock, once it has waited: for `size` bytes, or in vain."""

    def __init__(self, size: i64, grant: Callable[[], None]) -> None:
        self.size: Final = size
        self.grant: Final = grant
        self.is_granted = False
        self.is_turned_away = False  # in vain: nothing will become free for a while


@final
class BufferMemory:
    """`capacity` bytes, first come, first served, over threads and coroutines alike."""

    def __init__(self, capacity: i64, lock: Lock) -> None:
        self.capacity: Final = capacity
        self.free: i64 = capacity
        self.waiters: deque[SpaceWaiter] = deque()
        self.has_waiters = False  # as the deque tells; a flag costs a record a tenth of asking the deque
        self._is_dismissed = False
        self._turns_away = False
        self._lock = lock

    def has_space_locked(self, size: i64) -> bool:
        """Return whether `size` bytes may be taken now: those in line come first."""
        return self.free >= size and not self.has_waiters

    def line_up(self, waiter: SpaceWaiter) -> None:
        """Join the line; the grant may come before this returns."""
        with self._lock:
            is_late = self._is_dismissed or self._turns_away
            if self._is_dismissed:  # the caller looked for the engine before it ended
                waiter.is_granted = True
                self.free -= waiter.size
            elif self._turns_away:
                waiter.is_turned_away = True
            else:
                self.waiters.append(waiter)
                self.has_waiters = True
        if is_late:
            waiter.grant()
        else:
            self.give_back(0)

    def give_back(self, size: i64) -> None:
        """Free bytes, and grant those in line what they asked for."""
        granted: list[SpaceWaiter] | None = None
        while True:
            waiter: SpaceWaiter | None = None
            with self._lock:
                self.free += size
                size = 0
                if self.waiters and self.free >= self.waiters[0].size:
                    waiter = self.waiters[0]
                    self.free -= waiter.size
                    waiter.is_granted = True
                    self.waiters.popleft()  # last: a KeyboardInterrupt may follow any call
                    self.has_waiters = len(self.waiters) > 0
            if waiter is None:
                break
            if granted is None:
                granted = []
            granted.append(waiter)
        # Outside the lock: a grant wakes a thread or an event loop, which allocates and may run any object's finalizer.
        if granted is not None:
            for waiter in granted:
                waiter.grant()

    def dismiss(self) -> None:
        """Let every caller go, in line or yet to come: nothing will be accepted any more, as they then find."""
        with self._lock:
            self._is_dismissed = True
            waiters = self._take_line_locked()
            for waiter in waiters:
                waiter.is_granted = True
                self.free -= waiter.size
        for waiter in waiters:
            waiter.grant()

    def turn_away(self) -> None:
        """Let every caller in line go, and those yet to come, without anything being granted."""
        with self._lock:
            self._turns_away = True
            waiters = self._take_line_locked()
            for waiter in waiters:
                waiter.is_turned_away = True
        for waiter in waiters:
            waiter.grant()

    def _take_line_locked(self) -> list[SpaceWaiter]:
        waiters = list(self.waiters)
        self.waiters.clear()
        self.has_waiters = False
        return waiters

    def welcome(self) -> None:
        """Let callers line up again."""
        with self._lock:
            self._turns_away = False

    def withdraw(self, waiter: SpaceWaiter) -> None:
        """Leave the line; what was granted in the meantime goes back."""
        size: i64 = 0
        with self._lock:
            if waiter.is_granted:
                size = waiter.size
            elif waiter in self.waiters:
                self.waiters.remove(waiter)
                self.has_waiters = len(self.waiters) > 0
        self.give_back(size)  # or the next in line, whom this one kept waiting, may now be served


@final
class Reservation:
    """Space that was granted: so many bytes of one engine's buffer memory."""

    def __init__(self, buffer: BufferMemory, size: i64) -> None:
        self.buffer: Final = buffer
        self.size: Final = size

    def give_back(self) -> None:
        """Return it unused."""
        self.buffer.give_back(self.size)


@final
class SpaceTicket:
    """A place in the line for space."""

    def __init__(self, buffer: BufferMemory, waiter: SpaceWaiter, wake: Callable[[], None]) -> None:
        self._buffer: Final = buffer
        self._waiter: Final = waiter
        self._wake: Final = wake

    def line_up(self) -> None:
        """Join the line; `withdraw` from then on if anything goes wrong."""
        self._buffer.line_up(self._waiter)
        self._wake()  # what lingers leaves at once while a caller waits

    def granted(self) -> Reservation:
        """Return what was granted."""
        return Reservation(self._buffer, self._waiter.size)

    def was_turned_away(self) -> bool:
        """Return whether nothing was granted, nor will be."""
        return self._waiter.is_turned_away

    def withdraw(self) -> None:
        """Leave the line, giving back what was granted meanwhile."""
        self._buffer.withdraw(self._waiter)
