"""End the brokers and remove their folder when the process that started them dies without doing so.

Run as a program: `python watchdog.py PARENT_PID FOLDER`. It leads a process group that all brokers of a cluster join.
When the parent is gone - SIGKILL leaves it no chance to clean up - the watchdog kills the group and removes the folder.
A parent that cleans up itself kills the group, watchdog included.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

__all__ = ("start_watchdog",)

POLL_SECONDS = 0.2
REMOVE_ATTEMPTS = 50


def start_watchdog(folder: Path) -> subprocess.Popen[bytes]:
    """Start a watchdog over this process; its pid is the process group for the brokers to join.

    The group is not the terminal's foreground group, so Ctrl-C reaches pytest alone, which then ends the brokers in
    its own time.
    """
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(folder)]
    # No inherited stream: `pytest | tail` would wait for the watchdog to let go of the pipe.
    null = subprocess.DEVNULL
    return subprocess.Popen(command, process_group=0, stdin=null, stdout=null, stderr=null)


def _watch(parent: int, folder: Path) -> None:
    # The pid is passed in: a parent that died before this line has already been replaced as our parent.
    # Polling works on every POSIX system and, unlike PR_SET_PDEATHSIG, follows the process, not the thread that
    # happened to start us.
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    _clean_up(folder)


def _clean_up(folder: Path) -> None:
    group = os.getpid()
    if os.fork() != 0:
        time.sleep(60)  # killed with the group by the child, which has to survive that to remove the folder
        return
    os.setpgid(0, 0)
    os.killpg(group, signal.SIGKILL)
    for _ in range(REMOVE_ATTEMPTS):  # a dying broker may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), Path(sys.argv[2]))
