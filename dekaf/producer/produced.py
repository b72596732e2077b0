"""What a producer with ``backend="memory"`` keeps of what was produced, to look at in local work and tests."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final, final

from dekaf.types import Headers

__all__ = ("ProducedMessages", "RecordedMessage")

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
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    offset: int


@final
class ProducedMessages:
    """The latest messages of one producer, as many as fit into its ``buffer_memory``. May be used from any thread.

    A forked child begins with none: what the parent produced is the parent's.

    Example:
        >>> producer = Producer(backend="memory")
        >>> producer.fire("orders", "42", "placed")
        >>> producer.produced.messages[0].value
        b'placed'
    """

    def __init__(self, capacity_bytes: int) -> None:
        # Guards everything below. A collection while it is held may run a finalizer that produces: hence reentrant.
        self._lock = threading.RLock()
        self._capacity = capacity_bytes
        self._size = 0
        self._kept: deque[tuple[RecordedMessage, int]] = deque()
        self._dropped = 0

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

    def clear(self) -> None:
        """Forget all messages; offsets go on counting."""
        with self._lock:
            self._kept.clear()
            self._size = 0
            self._dropped = 0

    def keep(self, message: RecordedMessage, size_bytes: int) -> None:
        """Keep one more; called by the producer."""
        size = size_bytes + MESSAGE_COST
        with self._lock:
            self._kept.append((message, size))
            self._size += size
            while self._size > self._capacity and len(self._kept) > 1:
                _, freed = self._kept.popleft()
                self._size -= freed
                self._dropped += 1

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def __repr__(self) -> str:
        # No keys or values: representations end up in logs.
        return f"<ProducedMessages: {len(self)}>"
