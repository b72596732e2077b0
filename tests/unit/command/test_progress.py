"""The line that shows how far a command has come."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from dekaf.command.progress import Progress, Standing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def write(self, text: str) -> int:
        if self.tell() >= self.after:
            raise BrokenPipeError
        return super().write(text)


def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dekaf.command.drawing", None)


def test_a_terminal_without_rich_shows_it_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    shown = threading.Event()

    def tell() -> Standing:
        shown.set()
        return Standing("7 read")

    terminal = Terminal()
    with Progress(tell, stream=terminal):
        assert shown.wait(10)

    assert "\r7 read, 0 s " in terminal.getvalue()
    assert terminal.getvalue().endswith(f"\r{'':<79}\r")


def test_a_line_that_stays_does_not_run_into_the_one_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    terminal = Terminal()
    with Progress(lambda: Standing("7 read"), stream=terminal) as progress:
        progress.write("line 3: broken")

    assert f"\r{'':<79}\rline 3: broken\n" in terminal.getvalue()


def test_what_is_wider_than_the_terminal_is_cut_off_for_it_would_not_be_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_rich(monkeypatch)
    shown = threading.Event()

    def tell() -> Standing:
        shown.set()
        return Standing("7 read " * 30)

    terminal = Terminal()
    with Progress(tell, stream=terminal):
        assert shown.wait(10)

    assert max(map(len, terminal.getvalue().split("\r"))) == 79


def test_anything_else_gets_nothing_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    for stream, is_on in ((io.StringIO(), True), (Terminal(), False)):
        with Progress(lambda: Standing("7 read"), is_on=is_on, stream=stream):
            assert threading.active_count() == before
        assert stream.getvalue() == ""
    monkeypatch.setenv("TERM", "dumb")
    with Progress(lambda: Standing("7 read"), stream=Terminal()):
        assert threading.active_count() == before


@pytest.mark.parametrize("has_rich", [True, False])
@pytest.mark.parametrize("after", [0, 20])
def test_a_stream_that_goes_ends_neither_the_command_nor_its_complaints(
    monkeypatch: pytest.MonkeyPatch, has_rich: bool, after: int
) -> None:
    if not has_rich:
        without_rich(monkeypatch)
    asked = threading.Event()

    def tell() -> Standing:
        asked.set()
        return Standing("7 read", 7, 7, 10)

    with Progress(tell, stream=Gone(after)) as progress:
        assert asked.wait(1 if has_rich and after == 0 else 10) or (
            has_rich and after == 0
        )  # there, not even the bar can be begun
        progress.write("line 3: broken")


def test_what_is_written_without_a_terminal_may_be_lost_as_well() -> None:
    with Progress(lambda: Standing("7 read"), is_on=False, stream=Gone(0)) as progress:
        progress.write("line 3: broken")


def test_a_process_without_standard_error_has_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Progress(lambda: Standing("7 read")) as progress:
        progress.write("line 3: broken")
