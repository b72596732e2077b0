"""The command's arguments: which sub-command they are for, and what a wrong one says."""

from __future__ import annotations

import pytest

from dekaf import __version__
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

    assert "run a Kafka in memory" in capsys.readouterr().out
