"""What rich draws."""

from __future__ import annotations

import io

import pytest

from dekaf.command.drawing import RichCanvas


class Terminal(io.StringIO):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self.character_set = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.character_set

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_a_bar_shows_how_much_is_done_and_is_cut_to_the_terminal() -> None:
    terminal = Terminal()
    bar = RichCanvas(terminal).bar()
    bar.show("text " * 50, 5, 10)
    bar.show("without an end", None, None)
    bar.end()

    assert " 50% text text" in terminal.getvalue()
    assert "…" in terminal.getvalue()
    assert "without an end" in terminal.getvalue()


@pytest.mark.parametrize(("done", "total"), [(0, 0), (7, 0), (20, 10)])
def test_a_bar_of_a_file_that_is_empty_or_grew_is_no_error(done: int, total: int) -> None:
    terminal = Terminal()
    bar = RichCanvas(terminal).bar()
    bar.show("text", done, total)
    bar.end()

    assert ("100% text" in terminal.getvalue()) is (total > 0)


def test_a_line_stays_above_the_bar_as_it_is() -> None:
    terminal = Terminal()
    bar = RichCanvas(terminal).bar()
    bar.show("text", 5, 10)
    bar.write("[red]line 3[/red] " + "x" * 100)
    bar.end()

    assert "[red]line 3[/red] " + "x" * 100 + "\n" in terminal.getvalue()


def test_a_table_keeps_what_looks_like_markup() -> None:
    terminal = Terminal()
    canvas = RichCanvas(terminal)
    for table in (canvas.table("a", "b"), canvas.live_table("a", "b")):
        table.add("[bold]", "[::1]:9092")
        table.end()

    assert terminal.getvalue().count("│ [bold] │ [::1]:9092 │") >= 2


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", ("✓", "✗")), ("cp1252", ("ok", "FAILED"))])
def test_marks_are_of_characters_that_the_terminal_has(encoding: str, marks: tuple[str, str]) -> None:
    canvas = RichCanvas(Terminal(encoding))

    assert (canvas.mark(is_good=True), canvas.mark(is_good=False)) == marks


def test_a_terminal_that_has_gone_is_told_by_its_own_error() -> None:
    class Gone(Terminal):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        RichCanvas(Gone()).bar()
