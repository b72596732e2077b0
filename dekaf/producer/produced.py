"""What a producer with ``backend="memory"`` keeps of what was produced, to look at in local work and tests."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

from dekaf.errors import BrokerConnectionError, DekafError, ProduceError, ProducerClosedError
from dekaf.producer.failure_script import FailureScript
from dekaf.types import Headers

__all__ = ("MemoryPlace", "ProducedMessages", "RecordedMessage")

# What a kept message is charged beyond its bytes: the measured size of its objects, rounded up.
MESSAGE_COST: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessage:
    """One message as it would have gone to Kafka.

    Args:
        topic: the topic.
        partition: where it was written: the partition asked for, or the key's.
        key: the key's bytes, as its serializer made them; None if there is no key.
        value: the value's bytes, as its serializer made them; None for a tombstone.
        headers: the headers.
        timestamp_ms: milliseconds since 1970; the time of the call if none was given.
        offset: its place in the partition, from 0.
        alias: whose producer it was, in the memory of a test that spans many; otherwise None.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    offset: int
    alias: str | None = None

    def json(self) -> Any:
        """Return the value read as JSON; None for a tombstone.

        Raises:
            ValueError: it is no JSON.
        """
        return None if self.value is None else json.loads(self.value)


@final
class ProducedMessages:
    """The latest messages of one producer, as many as fit into its ``buffer_memory``. May be used from any thread.

    It also takes orders about what is to fail. A forked child begins with none: what the parent produced is the
    parent's.

    Args:
        capacity_bytes: how much is kept; None keeps everything, as for a test.

    Example:
        >>> producer = Producer(backend="memory")
        >>> producer.fire("orders", "42", "placed")
        >>> producer.produced.messages[0].value
        b'placed'
    """

    def __init__(self, capacity_bytes: int | None) -> None:
        # Guards everything below. A collection while it is held may run a finalizer that produces: hence reentrant.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._capacity: Final = capacity_bytes
        self._size = 0
        self._kept: deque[tuple[RecordedMessage, int]] = deque()
        self._dropped = 0
        self._next_offsets: dict[tuple[str, int], int] = {}
        self._script = FailureScript()
        self._outages = 0  # of those ordered, how many last
        self._followers: list[Callable[[], None]] = []  # hear when an outage begins or ends

    # What tests ask and order.

    @property
    def messages(self) -> list[RecordedMessage]:
        """The messages, oldest first."""
        with self._lock:
            return [message for message, _ in self._kept]

    @property
    def dropped(self) -> int:
        """How many messages had to go to make space for later ones."""
        with self._lock:
            return self._dropped

    def to_topic(self, topic: str) -> list[RecordedMessage]:
        """Return the messages to one topic, oldest first."""
        return [message for message in self.messages if message.topic == topic]

    def fail_next(
        self,
        topic: str | None,
        error: ProduceError | ProducerClosedError | type[ProduceError | ProducerClosedError],
        *,
        times: int = 1,
    ) -> None:
        """Let the next messages fail as in production; several orders for a topic are served in turn.

        Serialization, sizes and names are raised by the call that produces, everything else is the message's outcome:
        raised by ``produce``, told to ``on_delivery``, and otherwise logged and counted.

        Args:
            topic: the topic whose messages fail; None for any.
            error: an error, of which each message gets a copy, or an error's class. Of a class the codes and flags are
                what Kafka's own error of that kind has.
            times: how many messages.

        Raises:
            TypeError: no call that produces raises such an error.
            ValueError: ``times`` is below 1.
        """
        self._script.fail_next(topic, error, times=times)

    def fail_next_check(
        self, error: BrokerConnectionError | type[BrokerConnectionError] = BrokerConnectionError, *, times: int = 1
    ) -> None:
        """Let the next calls of ``check`` fail, as they do for a readiness probe while Kafka is away.

        Args:
            error: what is the cause, or its class.
            times: how many calls.

        Raises:
            TypeError: ``check`` raises no such error.
            ValueError: ``times`` is below 1.
        """
        self._script.fail_next_check(error, times=times)

    @contextmanager
    def unavailable(self) -> Iterator[None]:
        """Let Kafka be away while the context lasts, as after ``unavailable_after_ms``.

        Calls that would wait raise `ClusterUnavailableError` at once, and ``check`` fails; what ``fire`` and ``submit``
        hand over is accepted, and delivered in the end. ``status().unavailable_for`` tells, and with it health routes.
        """
        self._count_outage(1)
        try:
            yield
        finally:
            self._count_outage(-1)

    def _count_outage(self, change: int) -> None:
        with self._lock:
            self._outages += change
            followers = self._followers.copy()
        for follower in followers:
            follower()

    def clear(self) -> None:
        """Forget all messages and everything ordered, as if nothing had been produced: offsets begin at 0 again."""
        with self._lock:
            self._kept.clear()
            self._size = 0
            self._dropped = 0
            self._next_offsets.clear()
            self._script.clear()

    def wait_until(self, is_enough: Callable[[list[RecordedMessage]], bool], timeout: float) -> bool:
        """Wait until the messages are as wanted; False if ``timeout`` seconds were not enough for it."""
        with self._changed:
            return self._changed.wait_for(lambda: is_enough(self.messages), timeout)

    # What the producer does.

    @property
    def keeps_everything(self) -> bool:
        """Whether it is the memory of a test."""
        return self._capacity is None

    @property
    def is_away(self) -> bool:
        """Whether a test ordered Kafka to be away."""
        return self._outages > 0

    def follow(self, look: Callable[[], None]) -> None:
        """Have a function called whenever an outage begins or ends."""
        with self._lock:
            self._followers.append(look)

    def unfollow(self, look: Callable[[], None]) -> None:
        """Call it no more."""
        with self._lock:
            if look in self._followers:
                self._followers.remove(look)

    def refuse(self, topic: str) -> None:
        """Raise what a test ordered to be raised by the call that produces.

        Raises:
            ProduceError: it ordered this one.
            ProducerClosedError: likewise.
        """
        error = self._script.refusal_error(topic)
        if error is not None:
            raise error

    def outcome_error(self, topic: str, partition: int) -> ProduceError | None:
        """Return what a test ordered to become of a message; None if it is to be delivered."""
        return self._script.outcome_error(topic, partition)

    def next_check_error(self) -> DekafError | None:
        """Return what a test ordered to become of a check; None if it is to pass."""
        return self._script.next_check_error()

    def take_offset(self, topic: str, partition: int) -> int:
        """Return the next place in a partition."""
        place = (topic, partition)
        with self._lock:
            offset = self._next_offsets.get(place, 0)
            self._next_offsets[place] = offset + 1
            return offset

    def keep(self, message: RecordedMessage, size_bytes: int) -> None:
        """Keep one more; called by the producer."""
        size = size_bytes + MESSAGE_COST
        with self._changed:
            self._kept.append((message, size))
            self._size += size
            while self._capacity is not None and self._size > self._capacity and len(self._kept) > 1:
                _, freed = self._kept.popleft()
                self._size -= freed
                self._dropped += 1
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def __repr__(self) -> str:
        # No keys or values: representations end up in logs.
        return f"<ProducedMessages: {len(self)}>"


class MemoryPlace(NamedTuple):
    """The memory of a test that producers share, and which alias's messages one of them keeps there."""

    memory: ProducedMessages
    alias: str | None
