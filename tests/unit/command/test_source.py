"""What is read, and how much of it was."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from dekaf.command.source import Extent, opened
from dekaf.errors import ConfigurationError


def test_a_file_tells_how_much_of_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    path.write_bytes(b"x" * 100_000)
    with opened(str(path)) as file:
        os.lseek(file.fileno(), 10, os.SEEK_SET)  # as a shell does that has read the first lines by itself
        extent = Extent(file)
        assert (extent.size, extent.read()) == (99_990, 0)
        file.read()
        assert extent.read() == 99_990


def test_how_much_a_pipe_holds_is_not_known() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        extent = Extent(file)
        assert (extent.size, extent.read()) == (None, None)


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file"), (".", "Is a directory"), ("a\0b", "null")])
def test_what_cannot_be_read_is_wrong_use(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason), opened(str(tmp_path / name)):
        pass


def test_an_error_of_the_one_who_reads_is_not_taken_for_one_of_opening(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    path.touch()
    with pytest.raises(BrokenPipeError), opened(str(path)):
        raise BrokenPipeError


def test_a_standard_input_that_is_closed_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ConfigurationError, match="the standard input is closed"), opened("-"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows waits for no pipe together with a bell")
def test_a_signal_that_comes_before_the_wait_for_more_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    wakes: list[int] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    real = select.select

    def select_late(*arguments: Any) -> Any:
        if not wakes:  # what Python cannot see any more before the system call
            wakes.append(signal.set_wakeup_fd(-1))
            signal.set_wakeup_fd(wakes[0])
            os.write(wakes[0], b"\0")
            signal.raise_signal(signal.SIGUSR1)
        return real(*arguments)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with os.fdopen(reader, "rb") as stdin:
            monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stdin}))
            monkeypatch.setattr(select, "select", select_late)
            with pytest.raises(KeyboardInterrupt), opened("-") as file:
                file.readline()
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(writer)

    assert signal.set_wakeup_fd(-1) == -1
    assert len(wakes) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
def test_a_pipe_is_read_to_its_end_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stdin}))
        with opened("-") as file:
            os.write(writer, b"a\nb")
            assert file.readline() == b"a\n"
            os.close(writer)
            assert file.read() == b"b"
