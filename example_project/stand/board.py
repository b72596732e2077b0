"""What there is to see: how Kafka is, which orders have arrived; and everybody who watches hears of changes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

from example_project.stand.arrival import Arrival

REMEMBERED: Final = 5000  # arrivals, for those who come later
MOST_UNREAD: Final = 1000  # events that one watcher may be behind; a page that is gone may be noticed late

Event = dict[str, Any]


class KafkaState(StrEnum):
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STARTING = "starting"


class Board:
    """Any thread may put something there, or watch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards everything below
        self._watchers: list[queue.Queue[Event | None]] = []
        self._arrivals: list[Arrival] = []
        self._seen: set[str] = set()
        self._records = 0
        self._doubles = 0
        self._facts: Event = {"kafka": KafkaState.RUNNING, "trouble": ""}
        self._is_closed = False

    @property
    def kafka_state(self) -> KafkaState:
        with self._lock:
            return KafkaState(self._facts["kafka"])

    @property
    def is_watched(self) -> bool:
        with self._lock:
            return bool(self._watchers)

    def tell(self, **facts: Any) -> None:
        """Change what is known of the stand: Kafka's state, the shops' addresses."""
        with self._lock:
            self._facts = {**self._facts, **facts}
            self._send(self._state())

    def switch(self, before: KafkaState, after: KafkaState) -> bool:
        """Change Kafka's state if it is what it should be before; tell whether it was."""
        with self._lock:
            if self._facts["kafka"] != before:
                return False
            self._facts = {**self._facts, "kafka": after, "trouble": ""}
            self._send(self._state())
            return True

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Put orders there that were read back just now."""
        if not arrivals:
            return
        with self._lock:
            for arrival in arrivals:
                self._doubles += arrival.order_id in self._seen
                self._seen.add(arrival.order_id)
            self._records += len(arrivals)
            self._arrivals = [*self._arrivals, *arrivals][-REMEMBERED:]
            self._send({"event": "arrivals", **self._tally(), "arrivals": [one.as_dict() for one in arrivals]})

    @contextmanager
    def watching(self) -> Iterator[Iterator[Event]]:
        """Give the state, what has arrived so far, and then whatever happens, until the board is closed."""
        events: queue.Queue[Event | None] = queue.Queue()
        with self._lock:
            events.put(self._state())
            events.put({"event": "history", **self._tally(), "arrivals": [one.as_dict() for one in self._arrivals]})
            if self._is_closed:
                events.put(None)
            self._watchers.append(events)
        try:
            yield iter(events.get, None)
        finally:
            with self._lock:
                self._watchers = [watcher for watcher in self._watchers if watcher is not events]

    def close(self) -> None:
        """Let everybody who watches come to an end."""
        with self._lock:
            self._is_closed = True
            for watcher in self._watchers:
                watcher.put(None)

    def _state(self) -> Event:
        return {"event": "state", **self._facts}

    def _tally(self) -> Event:
        return {"records": self._records, "doubles": self._doubles}

    def _send(self, event: Event) -> None:
        behind = [watcher for watcher in self._watchers if watcher.qsize() >= MOST_UNREAD]
        self._watchers = [watcher for watcher in self._watchers if watcher not in behind]
        for watcher in behind:
            watcher.put(None)
        for watcher in self._watchers:
            watcher.put(event)
