"""What the workloads ask of every client.

The inner loops live in the clients: a common wrapper would cost per message, and most where there is least to spare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

__all__ = ("AwaitingClient", "BlockingClient", "FiringClient", "KeyValue", "ProduceAndAwait")

KeyValue: TypeAlias = tuple[bytes | None, bytes]
ProduceAndAwait: TypeAlias = Callable[[bytes | None, bytes], Awaitable[object]]


class FiringClient(Protocol):
    """A client that hands messages over without waiting for each."""

    def fire(self, records: Sequence[KeyValue]) -> None:
        """Hand over a block of messages; wait only where the client's buffer is full."""
        ...

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        ...

    def acknowledged(self) -> int | None:
        """Return how often the callback told a success; None where the job asked for no callbacks."""
        ...

    def close(self) -> None:
        """End the client."""
        ...


class BlockingClient(Protocol):
    """A client whose calls return when the message is acknowledged."""

    def produce(self, key: bytes | None, value: bytes) -> None:
        """Produce one message and wait for its acknowledgement."""
        ...

    def close(self) -> None:
        """End the client."""
        ...


class AwaitingClient(Protocol):
    """A client for coroutines."""

    async def start(self) -> ProduceAndAwait:
        """Connect, and return the call that produces one message and waits for its acknowledgement."""
        ...

    async def close(self) -> None:
        """End the client."""
        ...
