"""What `dekaf check` tells: its steps, as lines, or as a table where rich draws on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple, TextIO

from dekaf.command.terminal import canvas_on
from dekaf.errors import (
    AuthenticationError,
    ClusterAuthorizationError,
    InvalidTopicError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)

__all__ = ("Place", "Step", "Tell", "place_of", "telling")


class Place(Enum):
    """What can fail on the way to a topic, in this order."""

    NAME = "name"
    TCP = "TCP"
    TLS = "TLS"
    SASL = "SASL"
    VERSIONS = "versions"
    METADATA = "metadata"
    TOPIC = "topic"
    RIGHTS = "rights"


class Step(NamedTuple):
    """One that was taken; `str()` is the line about it.

    Args:
        what: With whom, or about what.
        found: What was found, or why it failed.
        failed_at: Where it failed; None: it went well.
        passed: Which places it went through, where it went well.
    """

    what: str
    found: str
    failed_at: Place | None = None
    passed: tuple[Place, ...] = ()

    def __str__(self) -> str:
        if self.failed_at is None:
            return f"ok     {self.what}: {self.found}"
        return f"FAILED {self.what}: {self.failed_at.value}: {self.found}"


Tell = Callable[[Step], object]


@contextmanager
def telling(stream: TextIO | None) -> Iterator[Tell]:
    """Give what tells of steps on a stream."""
    canvas = canvas_on(stream)
    if canvas is None:
        yield lambda step: print(step, file=stream, flush=True)
        return
    table = canvas.live_table("", "with", "step", "found")

    def add(step: Step) -> None:
        places = step.passed if step.failed_at is None else (step.failed_at,)
        mark = canvas.mark(is_good=step.failed_at is None)
        table.add(mark, step.what, ", ".join(place.value for place in places), step.found)

    try:
        yield add
    finally:
        table.end()


# What an error's text says of where it happened; the first of these that it has. Connections fail with one class.
_SAYING = (
    (Place.SASL, ("wants a login", "does not authenticate", "authenticate us")),
    (Place.TLS, ("TLS", "certificate")),
    (Place.VERSIONS, ("refused to negotiate", "does not offer", "which versions it speaks")),
)


def place_of(error: BaseException) -> Place:
    """Return where a question to Kafka failed, by its error and what that came of."""
    causes: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None:
        causes.append(seen)
        seen = seen.__cause__
    for cause in causes:
        if isinstance(cause, (TopicAuthorizationError, ClusterAuthorizationError)):
            return Place.RIGHTS
        if isinstance(cause, (UnknownTopicOrPartitionError, InvalidTopicError)):
            return Place.TOPIC
        if isinstance(cause, AuthenticationError):
            return Place.TLS if _is_of_tls(cause) else Place.SASL
    text = " ".join(map(str, causes))
    return next((place for place, words in _SAYING if any(word in text for word in words)), Place.METADATA)


def _is_of_tls(error: AuthenticationError) -> bool:
    """Return whether it is about a certificate of the connection's, and not of where a token comes from."""
    return "certificate" in str(error).lower() and "token" not in str(error).lower()
