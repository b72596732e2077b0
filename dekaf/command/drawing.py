"""Bars and tables, drawn by rich: the one module that imports it, itself imported where there is a terminal."""

from __future__ import annotations

from typing import Final, TextIO, final

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

__all__ = ("RichBar", "RichCanvas", "RichTable")

_BAR_WIDTH: Final = 20
_BARS_PART: Final = 6  # of a terminal's width, the bar is this part at the most
_BESIDES: Final = 8  # columns: of the percentage, and what is between
_GOOD: Final = ("✓", "ok")
_BAD: Final = ("✗", "FAILED")
_STYLES: Final = {**dict.fromkeys(_GOOD, "green"), **dict.fromkeys(_BAD, "bold red")}


@final
class _Console(Console):
    """One that leaves the process as it is when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@final
class RichCanvas:
    """A terminal.

    Args:
        stream: It.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console: Final = _Console(file=stream, highlight=False)

    def bar(self) -> RichBar:
        """Return a new bar, which is shown from now on."""
        return RichBar(self._console)

    def table(self, *columns: str) -> RichTable:
        """Return a new table of these columns, which is shown when it ends."""
        return RichTable(self._console, columns, is_live=False)

    def live_table(self, *columns: str) -> RichTable:
        """Return a new table of these columns, whose rows are shown as they come."""
        return RichTable(self._console, columns, is_live=True)

    def mark(self, *, is_good: bool) -> str:
        """Return a tick or a cross, in characters that the terminal has."""
        sign, word = _GOOD if is_good else _BAD
        return sign if self._console.encoding.startswith("utf") else word


@final
class RichBar:
    """How far something has come. One thread at a time calls it."""

    def __init__(self, console: Console) -> None:
        self._console: Final = console
        self._live: Final = _live(console, Text(), is_transient=True)

    def show(self, text: str, done: int | None, total: int | None) -> None:
        """Show a state: some text, and how much of how much is done, where that is known."""
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        shown = Text(text)
        if done is None or not total:
            shown.truncate(self._console.width - 1, overflow="ellipsis")
            row.add_row(shown)
        else:
            part = min(1.0, done / total)
            width = min(_BAR_WIDTH, self._console.width // _BARS_PART)
            shown.truncate(self._console.width - width - _BESIDES, overflow="ellipsis")
            row.add_row(ProgressBar(total=1.0, completed=part, width=width), Text(f"{part:4.0%}"), shown)
        self._live.update(row, refresh=True)

    def write(self, text: str) -> None:
        """Write a line that stays, above it."""
        self._console.print(Text(text), soft_wrap=True)

    def end(self) -> None:
        """Take it away."""
        self._live.stop()


@final
class RichTable:
    """Rows."""

    def __init__(self, console: Console, columns: tuple[str, ...], *, is_live: bool) -> None:
        self._console: Final = console
        self._table: Final = Table(*columns)
        self._live: Final = _live(console, self._table, is_transient=False) if is_live else None

    def add(self, *cells: str) -> None:
        """Add one more row; what is wrong in red."""
        self._table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in cells))
        if self._live is not None:
            self._live.refresh()

    def end(self) -> None:
        """Leave it as it is."""
        if self._live is None:
            self._console.print(self._table)
        else:
            self._live.stop()


def _live(console: Console, shown: Text | Table, *, is_transient: bool) -> Live:
    """Return what redraws itself when it is told to, and by no thread of its own."""
    live = Live(
        shown,
        console=console,
        auto_refresh=False,
        transient=is_transient,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    live.start()
    console.show_cursor()  # a process that is killed would leave it hidden
    return live
