"""What goes wrong, and when: the faults a test scripts for a fake cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from dekaf._protocol.api import ApiKey
from dekaf.testing.sasl_faults import SaslFault

__all__ = (
    "TLS_HANDSHAKE",
    "WHOLE_REQUEST",
    "Effect",
    "Fault",
    "FaultScript",
    "Held",
    "Matcher",
    "PartitionFault",
    "Plan",
    "Reply",
    "Rewrite",
    "Target",
)

# A topic and a partition. Partition -1 stands for the topic itself, where a Metadata request asks about it. In place of
# a topic, one of the mechanism's messages, where a SaslAuthenticate request is answered with it.
Target: TypeAlias = tuple[str, int]
Rewrite: TypeAlias = Callable[[bytes], bytes]  # takes and returns an answer with its frame
WHOLE_REQUEST: Final[Target] = ("", -1)
TLS_HANDSHAKE: Final = -1  # stands for an API where a fault concerns what comes before the first request


class Reply(Enum):
    """What becomes of the answer to a request."""

    NORMAL = "sent"
    SILENCE = "never sent, nor any later one on this connection"
    CLOSE = "the connection is closed instead"
    RESET = "the connection is reset instead"
    HALF = "cut off in the middle, then the connection is closed"
    TRUNCATED = "framed correctly, but its last bytes are missing"
    WRONG_CORRELATION_ID = "sent with another request's number"
    RAW = "replaced by other bytes"
    REWRITTEN = "replaced by what a function makes of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionFault:
    """What a broker does about one partition of a request.

    Args:
        error_code: answered instead of the truth.
        append: the batch is stored all the same.
        omit: the partition is left out of the answer.
        leader: node and epoch named as the leader in the answer.
        message: the error message beside the code.
        record_errors: the records refused, with a message each.
    """

    error_code: int | None = None
    append: bool = True
    omit: bool = False
    leader: tuple[int, int] | None = None
    message: str | None = None
    record_errors: Mapping[int, str | None] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """Everything scripted for one request."""

    delay: float = 0.0
    throttle_ms: int = 0
    reply: Reply = Reply.NORMAL
    raw: bytes = b""
    rewrite: Rewrite | None = None
    is_processed: bool = True
    before: Held | None = None
    after: Held | None = None
    partitions: dict[Target, PartitionFault] = field(default_factory=dict)
    extra_partition: Target | None = None
    has_brokers: bool = True
    sasl_fault: SaslFault | None = None


Effect: TypeAlias = Callable[[Plan, Sequence[Target]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """Which requests a fault concerns; the API may be `TLS_HANDSHAKE`."""

    api: int
    topic: str | None
    partition: int | None
    node: int | None
    nth: int

    def targets(self, api: int, node_id: int, targets: Sequence[Target]) -> list[Target]:
        """Return the parts of a request that are concerned."""
        if api != self.api or self.node not in {None, node_id}:
            return []
        return [target for target in targets if self._covers(target)]

    def _covers(self, target: Target) -> bool:
        topic, partition = target
        if self.topic not in {None, topic}:
            return False
        if self.partition is None:
            # A Metadata request asks about a topic; its partitions come with the answer.
            return self.api != ApiKey.METADATA or partition == -1
        return partition == self.partition


class Fault:
    """One scripted fault; what every method of a `Trigger` returns.

    Args:
        matcher: which requests it concerns.
        effect: changes the plan for a request; returns False if an earlier fault already decided the same thing.
        times: how many requests it strikes; None for all.
        changed: guards all of it.
    """

    def __init__(self, matcher: Matcher, effect: Effect, *, times: int | None, changed: threading.Condition) -> None:
        self._matcher = matcher
        self._effect = effect
        self._left = times
        self._seen = 0
        self._hits = 0
        self._changed = changed

    @property
    def hits(self) -> int:
        """How many requests it has struck."""
        return self._hits

    def cancel(self) -> None:
        """Let all further requests pass."""
        with self._changed:
            self._left = 0

    def strike_locked(self, plan: Plan, *, api: int, node_id: int, targets: Sequence[Target]) -> None:
        """Change the plan for a request if it is concerned."""
        if self._left == 0:
            return
        mine = self._matcher.targets(api, node_id, targets)
        if not mine:
            return
        self._seen += 1
        if self._seen < self._matcher.nth or not self._effect(plan, mine):
            return
        self._hits += 1
        if self._left is not None:
            self._left -= 1


class Held(Fault):
    """Requests that wait for the test to let them go."""

    def __init__(
        self, matcher: Matcher, *, times: int | None, changed: threading.Condition, before_append: bool
    ) -> None:
        super().__init__(matcher, self._hold, times=times, changed=changed)
        self._before_append = before_append
        self._waiting: list[asyncio.Future[None]] = []
        self._is_released = False

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return len(self._waiting)

    def release(self) -> None:
        """Let the waiting requests go on, and all later ones pass."""
        with self._changed:
            self._left = 0
            self._is_released = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for future in waiting:
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_let_go, future)

    async def wait(self) -> None:
        """Hold a request up; called by the broker."""
        with self._changed:
            if self._is_released:
                return
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            self._changed.notify_all()
        await future

    def _hold(self, plan: Plan, _targets: Sequence[Target]) -> bool:
        if self._before_append:
            if plan.before is not None:
                return False
            plan.before = self
        else:
            if plan.after is not None:
                return False
            plan.after = self
        return True


class FaultScript:
    """The faults of a cluster in the order they were scripted; of two that exclude each other, the earlier strikes."""

    def __init__(self, changed: threading.Condition) -> None:
        self.changed: Final = changed
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Append a fault."""
        with self.changed:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults, and let go what is held."""
        with self.changed:
            faults, self._faults = self._faults, []
        for fault in faults:
            if isinstance(fault, Held):
                fault.release()

    def plan(self, api: int, node_id: int, targets: Sequence[Target]) -> Plan:
        """Return what is to happen to a request, and count it."""
        plan = Plan()
        with self.changed:
            for fault in self._faults:
                fault.strike_locked(plan, api=api, node_id=node_id, targets=targets)
        return plan


def _let_go(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
