"""What a web application's visitors see of an outage of Kafka: steady load, and figures of what was answered when."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# In turn: half of all visits are to pages that never touch Kafka.
PATHS = ("page", "confirmed", "page", "fired")
PATIENCE = 90.0  # seconds for which a visitor waits


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, and its answer. Times are monotonic seconds."""

    path: str
    number: int
    sent: float
    seconds: float
    status: int  # 0: there was no answer
    may_be_persisted: bool

    @property
    def answered(self) -> float:
        """When the answer had come."""
        return self.sent + self.seconds


class SteadyLoad:
    """So many visits per second, whether or not those before were answered, as visitors are."""

    def __init__(self, port: int, rate: float) -> None:
        self.visits: list[Visit] = []  # in the order of the answers
        self._port = port
        self._rate = rate
        self._is_over = threading.Event()
        self._worker = threading.Thread(target=lambda: asyncio.run(self._visit_on()), name="visitors")

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._worker.join()

    async def _visit_on(self) -> None:
        began = time.monotonic()
        under_way: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            if self._is_over.is_set():
                break
            task = asyncio.create_task(self._visit(PATHS[number % len(PATHS)], number))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(max(0.0, began + (number + 1) / self._rate - time.monotonic()))
        await asyncio.gather(*under_way)

    async def _visit(self, path: str, number: int) -> None:
        sent = time.monotonic()
        status, body = 0, b""
        try:
            async with asyncio.timeout(PATIENCE):
                status, body = await self._get(f"/{path}/{number}")
        except (OSError, ValueError):  # a time-out is an OSError, too
            status = 0
        may_be_persisted = status != 503 or b"true" in body  # of JSON, which gunicorn sends in chunks
        self.visits.append(Visit(path, number, sent, time.monotonic() - sent, status, may_be_persisted))

    async def _get(self, path: str) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body


def wait_for_port(address: str, timeout: float = 60.0) -> float:
    """Return when, in monotonic seconds, a server accepts connections there."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, int(port)), 1.0).close()
        except OSError:
            assert time.monotonic() < deadline, f"{address} does not listen"
            time.sleep(0.01)
        else:
            return time.monotonic()


def percentile(visits: Iterable[Visit], share: float) -> float:
    """Return within how many milliseconds that share of visits was answered."""
    seconds = sorted(visit.seconds for visit in visits)
    assert seconds, "nobody came"
    return seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1000


@dataclass(frozen=True)
class OutageTimes:
    """When it was what, in monotonic seconds."""

    began: float
    is_known: float  # from then on, no call should wait any more
    restarts: float  # the broker does; for some seconds that takes the processor, from visitors, too
    listens: float  # the broker does, again


@dataclass(frozen=True)
class OutageFigures:
    """What visitors saw; milliseconds, unless it says otherwise."""

    visits: int
    pages_before_p99: float
    pages_meanwhile_p99: float
    failing_p99: float
    failing: int
    unexpected: int  # visits to Kafka that succeeded meanwhile, or were not answered at all
    first_success_seconds: float  # after the broker listens again

    def __str__(self) -> str:
        return (
            f"{self.visits} visits; pages p99 {self.pages_before_p99:.1f} ms before, {self.pages_meanwhile_p99:.1f} "
            f"meanwhile; {self.failing} failing p99 {self.failing_p99:.1f} ms, {self.unexpected} unexpected; first "
            f"success {self.first_success_seconds:.2f} s after the broker listens"
        )


def figures_of(visits: list[Visit], times: OutageTimes) -> OutageFigures:
    """Return the figures of a load."""
    before = [visit for visit in visits if visit.path == "page" and visit.answered < times.began]
    meanwhile = [visit for visit in visits if times.is_known <= visit.sent and visit.answered < times.restarts]
    pages = [visit for visit in meanwhile if visit.path == "page"]
    confirmed = [visit for visit in meanwhile if visit.path == "confirmed"]
    failing = [visit for visit in confirmed if visit.status == 503]
    successes = [
        visit.answered
        for visit in visits
        if visit.path == "confirmed" and visit.status == 200 and visit.answered >= times.listens
    ]
    return OutageFigures(
        visits=len(visits),
        pages_before_p99=percentile(before, 0.99),
        pages_meanwhile_p99=percentile(pages, 0.99),
        failing_p99=percentile(failing, 0.99),
        failing=len(failing),
        unexpected=len(confirmed) - len(failing),
        first_success_seconds=min(successes) - times.listens,
    )
