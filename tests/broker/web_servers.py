"""Web servers in processes of their own, and clients that ask them without a pause."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.kafka.ports import free_ports

ROOT = Path(__file__).parents[2]
CLIENTS = 6


@dataclass(frozen=True)
class Kind:
    """A server with an application: how it is started, and what it ends with when it is told to."""

    command: tuple[str, ...]
    paths: tuple[str, ...]
    exit_code: int  # uvicorn ends by the signal it was sent, when it is done


class Server:
    """A server in a process group of its own."""

    def __init__(self, kind: Kind, environment: dict[str, str], log: Path) -> None:
        self.kind = kind
        (self.port,) = free_ports(1)
        address = ("--port", str(self.port)) if kind.command[0] == "uvicorn" else ("-b", f"127.0.0.1:{self.port}")
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *kind.command, *address],
                env=_inherited() | {"PYTHONPATH": str(ROOT)} | environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def get(self, path: str) -> int:
        """Return the status of an answer."""
        return self._status_of("GET", path, None)

    def post(self, path: str, body: object) -> int:
        """Send JSON and return the status of the answer."""
        return self._status_of("POST", path, json.dumps(body))

    def _status_of(self, method: str, path: str, body: str | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.get("/nothing/of/the/kind")
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            else:
                return

    def tell_to_stop(self) -> None:
        self._process.terminate()

    def wait(self) -> int:
        return self._process.wait(60)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Leave nothing behind, whatever happened; its group has workers, too."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()


StartServer = Callable[..., Server]


def _inherited() -> dict[str, str]:
    """Return this process's environment, but for the settings with which other tests run Django in it."""
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


class Load:
    """Clients that ask until nobody answers: each request has a number, and `ask` returns the answer's status."""

    def __init__(self, ask: Callable[[int], int], *, enough: int) -> None:
        self.answered: list[int] = []  # with a status from 200 to 299
        self.enough = threading.Event()
        self._ask = ask
        self._enough = enough
        self._is_over = False
        self._numbers = itertools.count()
        self._clients = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over = kind is not None  # a server that was not told to stop would answer for ever
        for client in self._clients:
            client.join()

    def _ask_on(self) -> None:
        while not self._is_over:
            number = next(self._numbers)
            try:
                status = self._ask(number)
            except (OSError, http.client.HTTPException):  # it is on its way out
                return
            if 200 <= status < 300:
                self.answered.append(number)
            if len(self.answered) >= self._enough:
                self.enough.set()
