"""The command's arguments: which sub-command they are for, and what a wrong one says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dekaf import __version__
from dekaf.command import config
from dekaf.command.main import main


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"dekaf {__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["fak"], ["fake", "--port", "x"], ["fake", "--port", "70000"]])
def test_wrong_arguments_end_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_help_lists_the_sub_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    assert "run a Kafka in memory" in shown
    assert "\nexamples:\n  dekaf check -b localhost:9092 orders\n" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_reader_that_has_gone_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-m", "dekaf", "config", "-b", "a:1", "--all"], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (141, b"")


def test_ctrl_c_ends_any_command_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(config, "run", interrupt)

    assert main(["config"]) == 130


def test_an_error_of_the_producers_is_told_in_a_line_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["produce", "orders", "-b", "127.0.0.1:1", "-X", "start=eager", "-X", "max_block_ms=100", os.devnull])

    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("dekaf: No broker of 127.0.0.1:1 answered")
