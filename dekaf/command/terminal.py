"""Where the command prints: whether that is a terminal, how wide it is, and whether rich can draw on it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final, Protocol, TextIO

__all__ = ("Bar", "Canvas", "Table", "canvas_on", "is_terminal", "width_of", "write_line")

_USUAL_WIDTH: Final = 80
_NARROW: Final = 60  # columns: in fewer, a table breaks each of its words
_DUMB: Final = frozenset({"dumb", "unknown"})  # values of TERM: of terminals that only know the next line


class Bar(Protocol):
    """How far something has come, rewritten in place."""

    def show(self, text: str, done: int | None, total: int | None) -> None:
        """Show a state: some text, and how much of how much is done, where that is known."""

    def write(self, text: str) -> None:
        """Write a line that stays, above it."""

    def end(self) -> None:
        """Take it away."""


class Table(Protocol):
    """Rows."""

    def add(self, *cells: str) -> None:
        """Add one more row."""

    def end(self) -> None:
        """Leave it as it is."""


class Canvas(Protocol):
    """A terminal that rich draws on."""

    def bar(self) -> Bar:
        """Return a new bar, which is shown from now on."""

    def table(self, *columns: str) -> Table:
        """Return a new table of these columns, which is shown when it ends."""

    def live_table(self, *columns: str) -> Table:
        """Return a new table of these columns, whose rows are shown as they come."""

    def mark(self, *, is_good: bool) -> str:
        """Return a tick or a cross, in characters that the terminal has, for the first cell of a row."""


def canvas_on(stream: TextIO | None, *, narrowest: int = _NARROW) -> Canvas | None:
    """Return what draws on a stream.

    Args:
        stream: The standard output, or error; None: the process was started without it.
        narrowest: The columns that it takes at least.

    Returns:
        None where rich is not installed (the extra ``cli``), and for all that is no terminal, or a dumb or narrow one.
    """
    if stream is None or not is_terminal(stream) or width_of(stream) < narrowest:
        return None
    try:
        from dekaf.command.drawing import RichCanvas  # noqa: PLC0415 # rich is optional, and takes 50 ms
    except ImportError:
        return None
    return RichCanvas(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a line can be rewritten there."""
    if stream is None or os.environ.get("TERM", "").lower() in _DUMB:
        return False
    try:
        return stream.isatty()
    except ValueError:  # it was closed
        return False


def width_of(stream: TextIO) -> int:
    """Return the columns of a terminal; 80 of one that does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def write_line(stream: TextIO | None, text: str) -> None:
    """Write a line, if anyone is there to read it: what it tells of goes on without."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        stream.write(f"{text}\n")
        stream.flush()
