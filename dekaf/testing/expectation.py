"""Expectation: a message as a test expects it, how far each one is from it, and what a failed assertion says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dekaf.producer.produced import RecordedMessage
from dekaf.real_kafka import GUARD
from dekaf.testing.matching import UNSAID, Difference, compare_bytes, compare_headers
from dekaf.types import Headers

__all__ = ("Expectation", "HeadersExpected", "like", "listing", "shortfall")

HeadersExpected = Mapping[str, Any] | Iterable[tuple[str, Any]]

_SHOWN: Final = 20  # messages in a failed assertion
_DIFFERENCES_SHOWN: Final = 12
_WEIGHT_OF_KEY: Final = 3  # a message with the right key is nearer than one with some of the right fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A message as a test expects it; see `like` for the fields."""

    topic: str
    key: object = UNSAID
    value: object = UNSAID
    headers: HeadersExpected | None = None
    where: Callable[[RecordedMessage], object] | None = None
    alias: str | None = None

    def is_met_by(self, message: RecordedMessage) -> bool:
        """Return whether a message is as expected."""
        return message.topic == self.topic and not self.differences(message)

    def differences(self, message: RecordedMessage) -> list[Difference]:
        """Return in what a message to the topic is not as expected."""
        found = [
            difference._replace(weight=_WEIGHT_OF_KEY) for difference in compare_bytes(message.key, self.key, "key")
        ]
        found += compare_bytes(message.value, self.value, "value")
        if self.headers is not None:
            found += compare_headers(message.headers.pairs, self.headers)
        if self.alias is not None and message.alias != self.alias:
            found.append(Difference("alias", f"expected {self.alias!r}, was {message.alias!r}"))
        if self.where is not None and not found and not self.where(message):
            found.append(Difference("where", "says no"))
        return found

    def nearest(self, messages: Sequence[RecordedMessage]) -> tuple[RecordedMessage, list[Difference]] | None:
        """Return, of the messages that are not as expected, the one that comes nearest, and what is wrong with it."""
        compared = [(message, self.differences(message)) for message in messages if message.topic == self.topic]
        wrong = [(message, differences) for message, differences in compared if differences]
        return min(wrong, key=lambda pair: sum(difference.weight for difference in pair[1]), default=None)

    def __str__(self) -> str:
        said = {"key": self.key, "value": self.value}
        parts = [f"{name} {given!r}" for name, given in said.items() if given is not UNSAID]
        if self.headers is not None:
            pairs = Headers.of(self.headers).pairs if isinstance(self.headers, Headers) else self.headers
            parts.append(f"headers {pairs!r}")
        if self.alias is not None:
            parts.append(f"alias {self.alias!r}")
        if self.where is not None:
            parts.append("what where= asks for")
        return " with ".join([repr(self.topic), *parts])


def like(
    topic: str,
    *,
    key: object = UNSAID,
    value: object = UNSAID,
    headers: HeadersExpected | None = None,
    where: Callable[[RecordedMessage], object] | None = None,
    alias: str | None = None,
) -> Expectation:
    """Return a message as a test expects it, for `KafkaFixture.assert_in_order`.

    Args:
        topic: The topic.
        key: Bytes as they are, a str as UTF-8, None for no key; a number or a UUID in any form that a serializer
            writes; a function that is given the key as text.
        value: The same for the value, None for a tombstone; a dict, a dataclass or a pydantic model is compared as the
            JSON it stands for, with `ANY` and functions in any field; `including` names some fields; a function is
            given the value read as JSON.
        headers: Headers that must be there, beside any others.
        where: A function that is given the whole message.
        alias: Whose producer it was.
    """
    return Expectation(topic=topic, key=key, value=value, headers=headers, where=where, alias=alias)


# What a failed assertion says.


def shortfall(expected: Expectation, messages: Sequence[RecordedMessage], count: int | None, within: str = "") -> str:
    """Return why an assertion about the number of messages fails, with the nearest one, and all that there is.

    Args:
        expected: What was expected.
        messages: All that were produced.
        count: How many were expected; None: at least one.
        within: How long they were waited for, in words.
    """
    found = sum(expected.is_met_by(message) for message in messages)
    number = "at least 1 message" if count is None else f"{count} message{'' if count == 1 else 's'}"
    lines = [f"expected {number} to {expected}{within}, but there {_are(found)}."]
    if found < (count or 1):
        lines += _nearest(expected, messages)
    lines += listing(messages, expected.topic)
    if found < (count or 1):
        lines += GUARD.hints()
    return "\n".join(lines)


def listing(messages: Sequence[RecordedMessage], topic: str | None) -> list[str]:
    """Return lines about what was produced, to one topic or to all."""
    if not messages:
        return ["Nothing was produced."]
    shown = [message for message in messages if topic is None or message.topic == topic]
    lines = [f"Produced to {topic or 'all topics'}: {len(shown) or 'nothing'}"]
    lines += [f"  {_line(message)}" for message in shown[:_SHOWN]]
    if len(shown) > _SHOWN:
        lines.append(f"  ... and {len(shown) - _SHOWN} more")
    others = Counter(message.topic for message in messages if message.topic != topic)
    if topic is not None and others:
        lines.append("Other topics: " + ", ".join(f"{name} ({count})" for name, count in sorted(others.items())))
    return lines


def _nearest(expected: Expectation, messages: Sequence[RecordedMessage]) -> list[str]:
    nearest = expected.nearest(messages)
    if nearest is None:
        return []
    message, differences = nearest
    lines = [f"Nearest: {message.topic}-{message.partition} at offset {message.offset}"]
    lines += [f"  {difference}" for difference in differences[:_DIFFERENCES_SHOWN]]
    if len(differences) > _DIFFERENCES_SHOWN:
        lines.append(f"  ... and {len(differences) - _DIFFERENCES_SHOWN} more differences")
    return lines


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count or 'none'}"


def _line(message: RecordedMessage) -> str:
    headers = f" headers={dict(message.headers.pairs)}" if message.headers else ""
    alias = "" if message.alias in (None, "default") else f" alias={message.alias!r}"
    return f"{message.topic}-{message.partition} key={message.key!r} value={message.value!r}{headers}{alias}"
