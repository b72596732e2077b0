"""Colours appear where somebody sees them, and nowhere else."""

from __future__ import annotations

import io

import pytest

from example_project.demo.printing import Printer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def printed_on(out: io.StringIO) -> str:
    Printer(out).checked("label", ("cell", 10), ("cell", 0))
    return out.getvalue()


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[" in printed_on(Terminal())


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    assert "\x1b[" not in printed_on(Terminal())


def test_a_file_gets_plain_ascii_if_that_is_all_it_takes() -> None:
    buffer = io.BytesIO()
    out = io.TextIOWrapper(buffer, encoding="ascii")

    Printer(out).checked("label", ("cell", 0))

    assert buffer.getvalue().split() == [b"label", b"cell", b"ok"]
