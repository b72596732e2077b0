"""The mock cluster as a child process: its address, what arrives there, and freezing it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from example_project.demo.failure import DemoError
from example_project.demo.servers import ROOT
from example_project.stand.arrival import Arrival

START_SECONDS: Final = 30
END_SECONDS: Final = 5


class MockProcess:
    """A mock cluster in a process of its own. Its log is the reader: it says what the brokers have, not the producer.

    Args:
        topics: partitions by topic.
        watched: the topic whose records are reported.
        on_arrivals: called with each, from a thread.
    """

    def __init__(
        self, topics: Mapping[str, int], watched: str, on_arrivals: Callable[[Sequence[Arrival]], None]
    ) -> None:
        self._on_arrivals = on_arrivals
        self._address: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "example_project.stand.mock_cluster", watched, json.dumps(dict(topics))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
        self._reading = threading.Thread(target=self._read, name="reads the mock cluster's log", daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for_address(self) -> str:
        """Return where the cluster listens.

        Raises:
            DemoError: the process ended, or took too long.
        """
        try:
            address = self._address.get(timeout=START_SECONDS)
        except queue.Empty:
            address = ""
        if not address:
            raise DemoError("the mock cluster did not start; what it printed is above")
        return address

    def pause(self) -> None:
        """Freeze it: its connections stay open, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)
        if hasattr(os, "waitid"):  # macOS has it since Python 3.13
            # A signal is under way for a moment, in which the cluster may still take an order.
            with suppress(ChildProcessError):  # it had ended
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End it, frozen or not; nothing happens if it is gone."""
        self.resume()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(END_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            if "bootstrap_servers" in said:
                self._address.put(said["bootstrap_servers"])
                continue
            arrival = Arrival.from_record(said["partition"], said["offset"], said["value"].encode())
            if arrival is not None:
                self._on_arrivals([arrival])
        self._address.put("")  # for whoever still waits for it
