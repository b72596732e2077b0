"""One server in a process of its own, under load, until it is told to stop."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

from dekaf.testing import FakeCluster
from tests.kafka.ports import free_ports

__all__ = ("Outcome", "Row", "Stop", "kill_group", "outcome_of", "start_server")

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = 4
ANSWERS: Final = 80  # before it is told to stop
LINGER_MS: Final = 120_000  # nothing leaves by itself: only a drain delivers
SECONDS: Final = 45
LOADED: Final = b"WSGI app 0"  # what each of uWSGI's workers writes
WORKERS: Final = 2


class Stop(Enum):
    """What ends workers."""

    SIGTERM = "SIGTERM"
    SIGINT = "SIGINT"
    RELOAD = "reload (SIGHUP), then SIGTERM"
    RECYCLING = "workers recycled, then SIGTERM"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        server: How readers call it.
        application: The framework, and what is special about it.
        stop: How it ends.
        command: A program of the environment, or a module after `-m`; `{port}` stands for the port.
        drains_on_sigterm: Whether the application calls `drain_on_sigterm` when it is imported.
        is_lost: Whether messages are lost, which is what the table is to show.
        loads_late: Whether workers load the application while others serve: uWSGI's forget a stop meanwhile.
    """

    server: str
    application: str
    stop: Stop
    command: tuple[str, ...]
    drains_on_sigterm: bool = False
    is_lost: bool = False
    loads_late: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a row."""

    row: Row
    answered: int
    delivered: int  # of those that were answered for
    log: str

    @property
    def is_as_expected(self) -> bool:
        """Whether everything was delivered, or not where it is known that it will not be."""
        return self.answered >= ANSWERS and (self.delivered < self.answered) is self.row.is_lost


def outcome_of(row: Row, folder: Path) -> Outcome:
    """Run a server to its end."""
    log = folder / "server.log"
    with FakeCluster(topics={"orders": 1}) as cluster, log.open("wb") as output:
        (port,) = free_ports(1)
        process = _started(row, port, cluster.bootstrap_servers, output)
        try:
            if row.loads_late:
                _wait_until_loaded(log, process)
            answered = _answered_until_the_end(row, port, process)
        finally:
            kill_group(process)
        there = {(record.value or b"").decode() for record in cluster.log("orders")}
        delivered = sum(str(number) in there for number in answered)
    return Outcome(row, len(answered), delivered, log.read_text(encoding="utf-8", errors="replace"))


def _started(row: Row, port: int, servers: str, output: BinaryIO) -> subprocess.Popen[bytes]:
    options = {
        "DEKAF_BOOTSTRAP_SERVERS": servers,
        "DEKAF_LINGER_MS": str(LINGER_MS),
        "DEKAF_DELIVERY_TIMEOUT_MS": str(2 * LINGER_MS),
    }
    if row.drains_on_sigterm:
        options["DRAIN_ON_SIGTERM"] = "1"
    return start_server(row.command, port, output, options)


def start_server(
    command: Sequence[str], port: int, output: BinaryIO, options: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a server in a group of its own.

    Args:
        command: As of `Row`.
        port: Where it is to listen.
        output: Takes all it prints.
        options: More of its environment.
    """
    program, *arguments = [part.format(port=port) for part in command]
    start = (str(Path(sys.executable).with_name("uwsgi")),) if program == "uwsgi" else (sys.executable, "-m", program)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"PYTHONPATH": str(ROOT), **options}
    return subprocess.Popen(
        [*start, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait_until_loaded(log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while log.read_bytes().count(LOADED) < WORKERS and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def _answered_until_the_end(row: Row, port: int, process: subprocess.Popen[bytes]) -> list[int]:
    """Ask without a pause, tell the server to stop in the midst of it, and return what it has answered for."""
    load = _Load(port)
    load.start()
    try:
        load.wait_for(ANSWERS, process)
        if row.stop is Stop.RELOAD:
            process.send_signal(signal.SIGHUP)
            load.wait_for(3 * ANSWERS, process)
        process.send_signal(signal.SIGINT if row.stop is Stop.SIGINT else signal.SIGTERM)
        process.wait(SECONDS)
    finally:
        load.stop()
    return load.answered


class _Load:
    """Clients that go on while nobody answers, as during a reload."""

    def __init__(self, port: int) -> None:
        self.answered: list[int] = []
        self._port: Final = port
        self._numbers: Final = itertools.count()
        self._is_over = threading.Event()
        self._clients: Final = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        for client in self._clients:
            client.start()

    def wait_for(self, answers: int, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + SECONDS
        while len(self.answered) < answers and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        self._is_over.set()
        for client in self._clients:
            client.join()

    def _ask_on(self) -> None:
        while not self._is_over.is_set():
            number = next(self._numbers)
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                connection.request("GET", f"/{number}")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self._is_over.wait(0.05)
            else:
                if answer.status == 200:
                    self.answered.append(number)
            finally:
                connection.close()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind, whatever happened; the group has workers, too."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
