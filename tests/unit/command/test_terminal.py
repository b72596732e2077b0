"""Whether rich draws: where it is installed, and there is a terminal for it."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from dekaf.command.terminal import canvas_on, is_terminal, width_of, write_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_rich_draws_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    closed.close()

    assert canvas_on(Terminal()) is not None
    assert canvas_on(io.StringIO()) is None
    assert canvas_on(None) is None
    assert canvas_on(Terminal(), narrowest=100) is None  # as it does not say, it counts as 80
    monkeypatch.setattr(Terminal, "isatty", io.StringIO.isatty)
    assert canvas_on(closed) is None


@pytest.mark.parametrize("term", ["dumb", "unknown", "DUMB"])
def test_dumb_terminals_count_as_files(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)

    assert not is_terminal(Terminal())
    assert canvas_on(Terminal()) is None


def test_without_rich_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "dekaf.command.drawing", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)

    assert canvas_on(Terminal()) is None


def test_a_width_that_is_not_known_is_the_usual_one() -> None:
    assert width_of(Terminal()) == 80


def test_a_line_nobody_can_read_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as gone:
        write_line(gone, "paid")
        with pytest.raises(BrokenPipeError):
            gone.close()
    write_line(None, "paid")
    read = io.StringIO()
    write_line(read, "paid")
    assert read.getvalue() == "paid\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["partition-for", "--key", "42", "--partitions", "12"],
        ["config", "-b", "a:1"],
        ["--version"],
    ],
)
def test_rich_is_imported_by_those_who_draw_alone(arguments: list[str]) -> None:
    program = """
import sys
from dekaf.command.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.exit(len([name for name in sys.modules if name.partition(".")[0] == "rich"]))
"""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, timeout=60, check=False)

    assert done.returncode == 0
    assert done.stdout
