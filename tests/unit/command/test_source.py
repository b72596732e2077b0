"""What is read, and how much of it was."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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
