"""The shop on real servers, as processes of their own that end with the demo, however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interruption

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60  # two seconds, on a machine with nothing else to do
STOP_SECONDS: Final = 15
LAST_SECONDS: Final = 3  # when the demo has failed, or somebody is tired of it
SHOWN_LOG_LINES: Final = 15

# Both servers choose a free port and log it: no port is chosen here, to be taken by somebody else in between.
LISTENING: Final = re.compile(r"http://127\.0\.0\.1:\d+")
DRAIN_REPORT: Final = re.compile(
    r"Producer closed .*?: (?P<delivered>\d+) delivered, (?P<failed>\d+) failed, (?P<undelivered>\d+) undelivered"
)

UVICORN: Final = ("-m", "uvicorn", "--host", "127.0.0.1", "--port", "0")
GUNICORN: Final = ("-m", "gunicorn", "--bind", "127.0.0.1:0")

OnLogLine = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """How to run the shop on one server."""

    name: str
    title: str
    command: tuple[str, ...]


FASTAPI: Final = ServerSpec(
    name="fastapi",
    title="FastAPI, uvicorn",
    command=(*UVICORN, "--factory", "example_project.fastapi_shop.app:create_app"),
)
DJANGO_ASGI: Final = ServerSpec(
    name="django-asgi",
    title="Django, uvicorn",
    command=(*UVICORN, "example_project.django_shop.asgi:application"),
)
DJANGO_WSGI: Final = ServerSpec(
    name="django-wsgi",
    title="Django, gunicorn",
    command=(
        *GUNICORN,
        *("--preload", "--worker-class", "gthread", "--threads", "4", "--workers", "2"),
        "example_project.django_shop.wsgi:application",
    ),
)
ALL_SERVERS: Final = (FASTAPI, DJANGO_ASGI, DJANGO_WSGI)


@dataclass(frozen=True, kw_only=True)
class DrainReport:
    """What a server's process logged when it closed its producer."""

    line: str
    delivered: int
    lost: int


class Server:
    """One running server: its address, its log, its end."""

    def __init__(self, spec: ServerSpec, environment: Mapping[str, str], on_log_line: OnLogLine) -> None:
        self.spec = spec
        self.url = ""
        self.seconds_to_start = 0.0
        self._on_log_line = on_log_line
        self._lines: list[str] = []
        self._started = time.monotonic()
        self._news = threading.Condition()  # guards _lines and _has_ended
        self._has_ended = False
        # A session of its own: Ctrl-C reaches the demo alone, which then ends the servers in their own good order, and
        # whatever they forked can be ended with them.
        self._process = subprocess.Popen(
            [sys.executable, *spec.command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reading = threading.Thread(target=self._read_log, name=f"log of {spec.name}", daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait_until_it_listens(self) -> None:
        """Wait for the address in the log.

        Raises:
            DemoError: the server ended, or took too long; with the last lines of its log.
        """
        deadline = self._started + START_SECONDS
        with self._news:
            while not self._find_url() and not self._has_ended and time.monotonic() < deadline:
                self._news.wait(max(0.0, deadline - time.monotonic()))
            self.url = self._find_url()
            self.seconds_to_start = time.monotonic() - self._started
            if not self.url:
                what = "ended before it served" if self._has_ended else f"did not serve within {START_SECONDS} s"
                raise DemoError(f"{self.spec.title} {what}. The end of its log:", self.last_lines())

    def ask_to_end(self) -> None:
        """Send SIGTERM, as a container's runtime or systemd does."""
        self._process.send_signal(signal.SIGTERM)

    def wait_for_its_end(self) -> None:
        """Wait until it has gone and its log is complete.

        Raises:
            DemoError: it goes on.
        """
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DemoError(
                f"{self.spec.title} still runs {STOP_SECONDS} s after SIGTERM. The end of its log:", self.last_lines()
            ) from error
        self._reading.join(STOP_SECONDS)

    def drain_reports(self) -> list[DrainReport]:
        """Find what its processes logged about closing their producers: one line each, if they had one at all.

        Raises:
            DemoError: there is none, or one that speaks of losses.
        """
        with self._news:
            found = [match for line in self._lines if (match := DRAIN_REPORT.search(line))]
        reports = [
            DrainReport(
                line=match.string[match.start() :].strip(),
                delivered=int(match["delivered"]),
                lost=int(match["failed"]) + int(match["undelivered"]),
            )
            for match in found
        ]
        if not reports or any(report.lost for report in reports):
            what = "lost messages at its end" if reports else "ended without a report about closing its producer"
            raise DemoError(f"{self.spec.title} {what}. The end of its log:", self.last_lines())
        return reports

    def last_lines(self) -> list[str]:
        with self._news:
            return self._lines[-SHOWN_LOG_LINES:] or ["(nothing)"]

    def end_all_of_it(self) -> None:
        """End it with all it has forked, by force if need be; nothing happens if they are gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_SECONDS)  # it was asked, and a server that ends by itself sees to its workers
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reading.join(STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _find_url(self) -> str:
        return next((match[0] for line in self._lines if (match := LISTENING.search(line))), "")

    def _read_log(self) -> None:
        for line in self._process.stdout or ():
            with self._news:
                self._lines.append(line.rstrip())
                self._news.notify_all()
            self._on_log_line(self.spec.name, line.rstrip())
        with self._news:
            self._has_ended = True
            self._news.notify_all()


@contextmanager
def running_servers(
    specs: Iterable[ServerSpec], environment: Mapping[str, str], interruption: Interruption, on_log_line: OnLogLine
) -> Iterator[list[Server]]:
    """Start servers at once, and give them when all of them serve; none is left behind, whatever happens."""
    servers: list[Server] = []
    try:
        for spec in specs:
            with interruption.held():
                servers.append(Server(spec, environment, on_log_line))
        for server in servers:
            server.wait_until_it_listens()
        yield servers
    finally:
        with interruption.held():
            for server in servers:
                server.ask_to_end()
            for server in servers:
                server.end_all_of_it()
