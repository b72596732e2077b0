"""Short, aligned lines for a terminal: coloured on one, plain in a pipe or where NO_COLOR asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum
from typing import Final, TextIO

LABEL_WIDTH: Final = 18


class Style(Enum):
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    CYAN = "36"


class Printer:
    """Prints the demo's sections and lines. A server's log may be printed from other threads."""

    def __init__(self, out: TextIO | None = None, *, subject: str = "The demo") -> None:
        self._out = out or sys.stdout
        self._subject = subject
        self._is_colourful = wants_colour(self._out)
        self._check_mark = "✓" if can_encode(self._out, "✓") else "ok"
        self._sections = 0

    def paint(self, text: str, style: Style) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._is_colourful else text

    def title(self, text: str) -> None:
        self._write(self.paint(text, Style.BOLD))

    def section(self, text: str) -> None:
        self._sections += 1
        self._write("")
        self._write(self.paint(f"{self._sections}. {text}", Style.BOLD))

    def row(self, label: str, *cells: tuple[str, int]) -> None:
        """Print a label and cells, each with the width it is given."""
        padded = "  ".join(f"{text:<{width}}" for text, width in cells)
        self._write(f"   {self.paint(f'{label:<{LABEL_WIDTH}}', Style.CYAN)}  {padded}".rstrip())

    def checked(self, label: str, *cells: tuple[str, int]) -> None:
        """Print what was just verified, with a check mark."""
        padded = "  ".join(f"{text:<{width}}" for text, width in cells)
        mark = self.paint(self._check_mark, Style.GREEN)
        self._write(f"   {self.paint(f'{label:<{LABEL_WIDTH}}', Style.CYAN)}  {padded}  {mark}")

    def note(self, text: str) -> None:
        self._write(f"   {' ' * LABEL_WIDTH}  {self.paint(text, Style.DIM)}")

    def log_line(self, source: str, text: str) -> None:
        self._write(self.paint(f"   {source} | {text}", Style.DIM))

    def success(self, text: str) -> None:
        self._write("")
        self._write(self.paint(text, Style.GREEN))

    def failure(self, text: str, details: Sequence[str] = ()) -> None:
        self._write("")
        self._write(self.paint(f"{self._subject} failed: {text}", Style.RED))
        for line in details:
            self._write(self.paint(f"   {line}", Style.DIM))

    def _write(self, line: str) -> None:
        # In one piece, for lines of other threads; flushed, for a pipe that somebody watches.
        self._out.write(f"{line}\n")
        self._out.flush()


def wants_colour(out: TextIO) -> bool:
    """Follow https://no-color.org: any value but an empty one switches colours off."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_encode(out: TextIO, text: str) -> bool:
    try:
        text.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
