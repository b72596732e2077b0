"""Hooks that tests give by their dotted names, or as objects; they note what they hear."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from dekaf.abc import ProducerListener, RecordEvent
from dekaf.message import ProducerMessage
from dekaf.types import Headers, RecordMetadata


class NotingListener(ProducerListener):
    """Notes what becomes of each record."""

    def __init__(self) -> None:
        self.delivered: list[RecordEvent] = []
        self.failed: list[RecordEvent] = []

    def on_record_delivered(self, event: RecordEvent) -> None:
        self.delivered.append(event)

    def on_record_failed(self, event: RecordEvent) -> None:
        self.failed.append(event)


class NotingTracer:
    """Notes each start and its end; tokens are numbers, and travel in a header."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Any, Any, Headers]] = []
        self.finished: list[tuple[int, RecordMetadata | None, BaseException | None]] = []
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def start(self, topic: str, key: Any, value: Any, headers: Headers) -> tuple[Headers | None, object]:
        with self._lock:
            token = len(self.started)
            self.started.append((topic, key, value, headers))
        return headers.add("token", str(token)), token

    def finish(self, token: Any, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        self.threads.add(threading.current_thread().name.partition(" ")[0])
        self.finished.append((token, metadata, error))

    def tokens(self) -> list[int]:
        """Return the tokens that were finished, in their order."""
        return sorted(token for token, _, _ in self.finished)

    def errors(self) -> list[str]:
        """Return the types of the errors, in order of the tokens."""
        told = sorted(((token, error) for token, _, error in self.finished), key=lambda pair: pair[0])
        return [type(error).__name__ for _, error in told if error is not None]


LISTENER = NotingListener()


def save(messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
    """Save nothing."""
