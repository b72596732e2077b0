"""Run the demo as a person does, and see whether it leaves anything behind."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = (sys.executable, "-m", "example_project")
DEMO_SECONDS: Final = 60
DYING: Final = 10.0  # seconds
SERVERS: Final = 3


@dataclass(frozen=True, kw_only=True)
class FinishedDemo:
    """What a run of the demo printed and left."""

    exit_code: int
    output: str
    errors: str

    @property
    def orders_read_back(self) -> int:
        """How many records it shows as read back and checked."""
        return len(re.findall(r"partition \d+, offset \d+ +key \w+ +(?:✓|ok)", self.output))

    @property
    def drain_reports(self) -> int:
        return self.output.count("Producer closed")


def demo_environment(bootstrap_servers: str | None) -> dict[str, str]:
    """Return this process's environment with one cluster, or with none: then the demo brings its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEKAF_")}
    environment["DJANGO_SETTINGS_MODULE"] = "another.project.settings"  # in the shell of somebody who works on it
    if bootstrap_servers is not None:
        environment["DEKAF_BOOTSTRAP_SERVERS"] = bootstrap_servers
    return environment


def run_demo(
    *options: str, bootstrap_servers: str | None = None, variables: Mapping[str, str] = MappingProxyType({})
) -> FinishedDemo:
    """Run the demo; `variables` are what somebody sets beside."""
    finished = subprocess.run(
        [*COMMAND, *options],
        cwd=ROOT,
        env={**demo_environment(bootstrap_servers), **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEMO_SECONDS,
        check=False,
    )
    return FinishedDemo(exit_code=finished.returncode, output=finished.stdout, errors=finished.stderr)


def process_groups_in(output: str) -> list[int]:
    """Return the process ids of the servers, each the leader of a group with all it forked."""
    return [int(number) for number in re.findall(r"process (\d+)", output)]


def is_gone(process_group: int) -> bool:
    """Tell whether no process of a group runs; a dead one may stay listed until its new parent, init, has noticed.

    One that was killed dies when it gets its turn, which a busy machine may give it late.
    """
    deadline = time.monotonic() + DYING
    while any(group == process_group and not state.startswith("Z") for group, state in processes()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def processes() -> Iterator[tuple[int, str]]:
    """Yield each process's group and state."""
    if not Path("/proc/self/stat").exists():  # macOS, which always has ps; a small Linux may not
        listing = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        for group, state in (line.split() for line in listing.splitlines()):
            yield int(group), state
        return
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            after_name = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            yield int(after_name[2]), after_name[0]
