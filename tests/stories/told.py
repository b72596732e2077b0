"""What was produced in a story, and what its caller was told: once, it is to be hoped."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final, Literal

from dekaf.errors import DekafError, ProduceError
from dekaf.types import RecordMetadata

__all__ = ("Message", "Told", "Way", "wait_for_outcomes")

Way = Literal["await", "fire"]

AWAIT: Final = "await"
FIRE: Final = "fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; no two of a story have the same value.

    Args:
        number: its turn among all of the story.
        topic: where it goes.
        partition: which one, or None to leave that to the key.
        key: its key.
        value: its value.
        way: how it is produced.
        deadline: seconds after which it is withdrawn, if it was not sent by then.
    """

    number: int
    topic: str
    partition: int | None
    key: bytes | None
    value: bytes
    way: Way = AWAIT
    deadline: float | None = None


@dataclass(eq=False, slots=True)
class Told:
    """What was told of one message. Its methods may be called on any thread."""

    message: Message
    outcomes: list[RecordMetadata | DekafError] = field(default_factory=list)
    was_refused: bool = False  # by the call itself: the message was never accepted
    _has_outcome: threading.Event = field(default_factory=threading.Event)

    def note(self, metadata: RecordMetadata | None, error: DekafError | None) -> None:
        """Take down an outcome."""
        outcome = metadata or error
        assert outcome is not None
        self.outcomes.append(outcome)
        self._has_outcome.set()

    def refuse(self, error: DekafError) -> None:
        """Take down that the call itself failed."""
        self.was_refused = True
        self.note(None, error)

    def wait(self, timeout: float) -> bool:
        """Wait for the first outcome; return whether there is one."""
        return self._has_outcome.wait(timeout)

    @property
    def metadata(self) -> RecordMetadata | None:
        """Where it is, if it was delivered."""
        first = self.outcomes[0] if self.outcomes else None
        return first if isinstance(first, RecordMetadata) else None

    @property
    def error(self) -> ProduceError | None:
        """Why it was not delivered, if it was accepted or refused for a reason of its own."""
        first = self.outcomes[0] if self.outcomes else None
        return first if isinstance(first, ProduceError) else None


def wait_for_outcomes(told: list[Told], timeout: float) -> int:
    """Wait until each has an outcome; return how many have none when the time, in seconds, is over."""
    deadline = time.monotonic() + timeout
    return sum(1 for one in told if not one.wait(max(0.0, deadline - time.monotonic())))
