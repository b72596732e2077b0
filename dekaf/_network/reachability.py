"""Whether the cluster can be reached, from what is heard of its brokers. Pure: no I/O, and times are given.

    REACHABLE → FAILING → AWAY, and from either back to REACHABLE with the first broker that is ready

A clock runs from the first failed attempt since a broker was last ready. It does not count time in which this process
stood still: what nobody could have noticed is no outage.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, final

__all__ = ("ClusterState", "Reachability", "Sign")

# While the clock runs, it is looked at so often. What passes beyond, with some slack for a busy machine, was time in
# which the process was frozen, or its thread starved.
TICK: Final = 0.25  # seconds
LATEST_TICK: Final = 0.75  # seconds
# One broker's silence is noticed late, and says nothing about the others: they have so long to show themselves.
GRACE: Final = 1.0  # seconds


class ClusterState(Enum):
    """What is known of the cluster."""

    REACHABLE = "reachable"  # as far as is known: nothing has failed since a broker was last ready
    FAILING = "failing"  # no broker is ready, and attempts fail: the clock runs
    AWAY = "away"  # for long enough


class Sign(Enum):
    """What changes it."""

    READY = "ready"  # a broker has answered, and let us in
    FAILURE = "failure"  # of an attempt, or of the last connection
    TIME = "time"  # it has been failing for long enough


# What is not listed changes nothing.
_TRANSITIONS: Final = {
    (ClusterState.REACHABLE, Sign.FAILURE): ClusterState.FAILING,
    (ClusterState.FAILING, Sign.READY): ClusterState.REACHABLE,
    (ClusterState.FAILING, Sign.TIME): ClusterState.AWAY,
    (ClusterState.AWAY, Sign.READY): ClusterState.REACHABLE,
}


@final
class Reachability:
    """The I/O thread's; other threads may read `unavailable_for`. All times are monotonic seconds.

    Args:
        away_after: How long attempts must have failed before the cluster counts as away; infinity: it never does.
        request_timeout: How long silence alone must have lasted, if that is longer.
    """

    def __init__(self, away_after: float, request_timeout: float) -> None:
        self.state = ClusterState.REACHABLE
        self._away_after: Final = away_after
        self._request_timeout: Final = request_timeout
        self._since = 0.0  # when the clock started
        self._noticed = 0.0  # when that was found out
        self._looked = 0.0  # at the clock, last
        self._is_silence = True  # nothing but silence was heard since

    def ready(self) -> None:
        """Note that a broker is ready."""
        self._take(Sign.READY)

    def failed(self, now: float, silent_since: float | None) -> None:
        """Note that an attempt failed, or a connection, while no broker is ready.

        Args:
            now: The time.
            silent_since: When it was a time-out, its broker's last sign of life, or the beginning of the attempt; time
                in which this process stood still is to be left out. None: it was refused, or broken off.
        """
        since = now if silent_since is None else min(now, silent_since)
        if self.state is ClusterState.REACHABLE:
            self._since = since
            self._noticed = self._looked = now
            self._is_silence = True
        if silent_since is None:
            self._is_silence = False
        self._take(Sign.FAILURE)

    def look(self, now: float, *, are_all_tried: bool) -> float:
        """Look at the clock.

        Args:
            now: The time.
            are_all_tried: Every broker that might answer has failed by now.

        Returns:
            When to look again; infinity while the clock does not run.
        """
        if self.state is not ClusterState.FAILING:
            return math.inf
        passed = now - self._looked
        if passed > LATEST_TICK:
            stood_still = passed - TICK
            self._since += stood_still
            self._noticed += stood_still
        self._looked = now
        over = self._since + self._patience()
        if not are_all_tried:
            over = max(over, self._noticed + GRACE)
        if now >= over:
            self._take(Sign.TIME)
            return math.inf
        return min(over, now + TICK)

    def is_away(self) -> bool:
        """Return whether no broker has been reachable for long enough."""
        return self.state is ClusterState.AWAY

    def is_failing(self) -> bool:
        """Return whether no broker is known to be reachable, however short the time."""
        return self.state is not ClusterState.REACHABLE

    def unavailable_for(self, now: float) -> float | None:
        """Return for how many seconds no broker has been reachable; None while one is, as far as is known."""
        return max(0.0, now - self._since) if self.is_failing() else None

    def _patience(self) -> float:
        return max(self._away_after, self._request_timeout) if self._is_silence else self._away_after

    def _take(self, sign: Sign) -> None:
        self.state = _TRANSITIONS.get((self.state, sign), self.state)
