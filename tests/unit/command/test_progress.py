"""The line that shows how far a command has come."""

from __future__ import annotations

import io
import threading

from dekaf.command.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_it_and_is_left_clean() -> None:
    shown = threading.Event()

    def tell() -> str:
        shown.set()
        return "7 read"

    terminal = Terminal()
    with Progress(tell, stream=terminal):
        assert shown.wait(10)

    assert "\r\033[K7 read, " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")


def test_anything_else_gets_nothing_and_no_thread() -> None:
    before = threading.active_count()
    for stream, is_on in ((io.StringIO(), True), (Terminal(), False)):
        with Progress(lambda: "7 read", is_on=is_on, stream=stream):
            assert threading.active_count() == before
        assert stream.getvalue() == ""
