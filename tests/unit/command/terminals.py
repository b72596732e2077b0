"""A terminal for the command to run on, and what it shows."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import NamedTuple

import pytest

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

_PATIENCE = 60.0

# The command, in a process where rich is not installed.
_WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from dekaf.command.main import main; sys.exit(main())"


class Shown(NamedTuple):
    """What a command left on its terminal."""

    status: int
    raw: str

    @property
    def text(self) -> str:
        """What it wrote, without escape sequences; what was overwritten is in it, too."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw).replace("\r\n", "\n")


def on_terminal(
    *arguments: str,
    columns: int = 100,
    has_rich: bool = True,
    content: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> Shown:
    """Run the command with its output, and what it tells, on a terminal.

    Args:
        arguments: Those after `dekaf`.
        columns: How wide the terminal is.
        has_rich: Whether rich is installed.
        content: What its standard input holds; None: that is nothing.
        environment: What is changed in this process's.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65_536):
                shown.append(piece)
        except OSError:  # as Linux tells that the other end was closed
            return

    reading = threading.Thread(target=read)
    command = [sys.executable, "-m", "dekaf"] if has_rich else [sys.executable, "-c", _WITHOUT_RICH]
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=its,
        stderr=its,
        env={**_environment(), **(environment or {})},
    )
    os.close(its)
    reading.start()
    process.communicate(content or b"", timeout=_PATIENCE)
    reading.join()
    os.close(ours)
    return Shown(process.returncode, b"".join(shown).decode())


def _environment() -> dict[str, str]:
    """Return this process's, without what says how to draw; a terminal as most are."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    }
    return {**kept, "TERM": "xterm-256color"}
