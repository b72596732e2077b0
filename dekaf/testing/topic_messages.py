"""TopicMessages: what was produced to one topic, as `KafkaFixture.topic` gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, final, overload

from dekaf.producer.produced import RecordedMessage
from dekaf.real_kafka import GUARD
from dekaf.testing.expectation import listing

__all__ = ("TopicMessages",)


@final
class TopicMessages(Sequence[RecordedMessage]):
    """The messages to a topic, in the order in which they were produced: those at the time of the call that made it.

    Example:
        >>> message = kafka.topic("orders").one()
        >>> assert message.json()["total"] == 840
    """

    def __init__(self, topic: str, everything: Sequence[RecordedMessage]) -> None:
        self.topic: Final = topic
        self._everything: Final = everything
        self._mine: Final = [message for message in everything if message.topic == topic]

    def one(self) -> RecordedMessage:
        """Return the only message.

        Raises:
            AssertionError: There is none, or more than one; the text shows what was produced.
        """
        __tracebackhide__ = True
        if len(self._mine) != 1:
            lines = [f"expected exactly 1 message to {self.topic!r}, but there are {len(self._mine) or 'none'}."]
            lines += listing(self._everything, self.topic)
            raise AssertionError("\n".join(lines if self._mine else lines + GUARD.hints()))
        return self._mine[0]

    @overload
    def __getitem__(self, index: int) -> RecordedMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[RecordedMessage]: ...
    def __getitem__(self, index: int | slice) -> RecordedMessage | list[RecordedMessage]:
        return self._mine[index]

    def __iter__(self) -> Iterator[RecordedMessage]:
        return iter(self._mine)

    def __len__(self) -> int:
        return len(self._mine)

    def __repr__(self) -> str:
        return f"<TopicMessages {self.topic}: {len(self._mine)}>"
