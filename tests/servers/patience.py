"""How long a server lets its workers take to end, where brokers that never answer keep a drain from it."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dekaf.testing import ApiKey, FakeCluster
from tests.kafka.ports import free_ports
from tests.servers.rows import gunicorn, hypercorn, uvicorn, uwsgi
from tests.servers.run import kill_group, start_server

__all__ = ("LIMITS", "Limit", "Patience", "patience_of_all")

CLOSE_SECONDS: Final = 75  # what a drain takes where it is let
START_SECONDS: Final = 60
TOLERANCE: Final = 4  # seconds

_APPS: Final = "tests.scenarios.stopped_apps"
_GRACEFUL: Final = ("--hook-master-start", "unix_signal:15 gracefully_kill_them_all")


@dataclass(frozen=True)
class Limit:
    """A line of the table.

    Args:
        server: How readers call it.
        command: As of `Row`.
        bound: What sets the limit, for readers.
        seconds: The limit; None: there is none.
    """

    server: str
    command: tuple[str, ...]
    bound: str
    seconds: int | None


@dataclass(frozen=True)
class Patience:
    """What a server did."""

    limit: Limit
    seconds: float  # from the signal to the end
    was_cut_off: bool  # the drain was
    log: str

    @property
    def is_as_expected(self) -> bool:
        """Whether the limit is where it is known to be, give or take a few seconds."""
        if self.limit.seconds is None:
            return not self.was_cut_off
        return abs(self.seconds - self.limit.seconds) < TOLERANCE


LIMITS: Final = (
    Limit("gunicorn sync", gunicorn("wsgi"), "`--graceful-timeout`, requests included", 30),
    Limit("gunicorn gthread", gunicorn("wsgi", "-k", "gthread", "--threads", "4"), "the same", 30),
    Limit("gunicorn, `UvicornWorker`", gunicorn("ours", "-k", "uvicorn_worker.UvicornWorker"), "the same", 30),
    Limit("gunicorn sync `--graceful-timeout 5`", gunicorn("wsgi", "--graceful-timeout", "5"), "the same", 5),
    Limit("uvicorn", uvicorn("wrapped"), "nothing: `--timeout-graceful-shutdown` is for requests", None),
    Limit("uvicorn `--workers 2`", uvicorn("ours", "--workers", "2"), "the same", None),
    Limit("hypercorn", hypercorn("ours"), "`shutdown_timeout`", 60),
    Limit("hypercorn `--workers 2`", hypercorn("ours", "--workers", "2"), "the first worker that has ended", 1),
    Limit(
        "granian",
        ("granian", f"{_APPS}:wsgi", "--interface", "wsgi", "--port", "{port}"),
        "nothing, unless `--workers-kill-timeout` is given",
        None,
    ),
    Limit("daphne", ("daphne", "-p", "{port}", "-b", "127.0.0.1", f"{_APPS}:wrapped"), "nothing", None),
    Limit("uWSGI `--die-on-term`", uwsgi("--die-on-term"), "`worker-reload-mercy`", 60),
    Limit("uWSGI, SIGTERM made graceful", uwsgi(*_GRACEFUL), "nothing", None),
)


def patience_of_all(limits: Sequence[Limit], folder: Path) -> list[Patience]:
    """Run servers side by side, for they mostly wait, each to its end."""
    found: dict[str, Patience] = {}

    def run(limit: Limit, log: Path) -> None:
        found[limit.server] = _patience_of(limit, log)

    threads = [
        threading.Thread(target=run, args=(limit, folder / f"{number}.log")) for number, limit in enumerate(limits)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[limit.server] for limit in limits]


def _patience_of(limit: Limit, log: Path) -> Patience:
    with FakeCluster(topics={"orders": 1}) as cluster, log.open("wb") as output:
        cluster.on(ApiKey.PRODUCE).never_answer(times=None)
        (port,) = free_ports(1)
        process = start_server(limit.command, port, output, _options(cluster.bootstrap_servers))
        try:
            _ask(port)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(2 * CLOSE_SECONDS)
            seconds = time.monotonic() - begun
        except subprocess.TimeoutExpired:
            seconds = float("inf")
        finally:
            kill_group(process)
    text = log.read_text(encoding="utf-8", errors="replace")
    return Patience(limit, seconds, "undelivered" not in text, text)


def _options(servers: str) -> dict[str, str]:
    return {
        "DEKAF_BOOTSTRAP_SERVERS": servers,
        "DEKAF_CLOSE_TIMEOUT_MS": str(CLOSE_SECONDS * 1000),
        "DEKAF_REQUEST_TIMEOUT_MS": str(4 * CLOSE_SECONDS * 1000),
        "DEKAF_DELIVERY_TIMEOUT_MS": str(8 * CLOSE_SECONDS * 1000),
    }


def _ask(port: int) -> None:
    """Have one message under way, so that one worker cannot end, and others could."""
    is_answered = False
    deadline = time.monotonic() + START_SECONDS
    while not is_answered and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/42")
            is_answered = connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
        finally:
            connection.close()
