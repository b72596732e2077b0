"""Keep the shops open as a person does, and see what they print and leave behind."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from example_project.tests.demo_run import ROOT, demo_environment

OPEN_SECONDS: Final = 120  # on a machine that does other things as well
CLOSE_SECONDS: Final = 60


class OpenShop:
    """`python -m example_project shop` at free ports, from the moment it says where it is until Ctrl-C.

    Args:
        log: where to keep what it prints.
        bootstrap_servers: a cluster that is not the stand's; None: it brings one.
        variables: of the environment, beside.
    """

    def __init__(
        self,
        log: Path,
        *,
        bootstrap_servers: str | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "example_project", "shop", "--port", "0"),
                cwd=ROOT,
                env={**demo_environment(bootstrap_servers), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def fastapi(self) -> str:
        return self._printed(r"FastAPI +(http://\S+)/")

    @property
    def django(self) -> str:
        return self._printed(r"Django +(http://\S+)/")

    @property
    def bootstrap_servers(self) -> str:
        return self._printed(r"Kafka +(\S+:\d+)")

    def wait_until_open(self) -> None:
        """Wait until it says that it is open.

        Raises:
            AssertionError: it ended, or took too long.
        """
        tick = threading.Event()
        for _ in range(OPEN_SECONDS * 10):
            if "Ctrl-C ends everything" in self.output:
                return
            assert self._process.poll() is None, self.output
            tick.wait(0.1)
        raise AssertionError(self.output)

    def close(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it what Ctrl-C sends, and return its exit code."""
        self._process.send_signal(number)
        return self._process.wait(CLOSE_SECONDS)

    def __enter__(self) -> Self:
        try:
            self.wait_until_open()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        """End it if the test has not; it gets the time to end what it has started."""
        if self._process.poll() is None:
            try:
                self.close()
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, self.output
        return found[1]
