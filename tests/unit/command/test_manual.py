"""What `--help` shows."""

from __future__ import annotations

import re

import pytest

from dekaf.command.main import main

COMMANDS = ("produce", "check", "perf", "config", "partition-for", "fake")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_its_arguments_and_shows_examples(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    shown = capsys.readouterr().out

    assert ended.value.code == 0
    assert max(map(len, shown.splitlines())) <= 80
    examples = shown.partition("\nexamples:\n")[2].splitlines()
    assert len(examples) >= 2
    assert all(line.startswith("  ") and f"dekaf {command} " in line for line in examples)
    arguments = re.split(r"\n(?=  [-A-Z])", shown.partition("\nexamples:")[0])[1:]
    assert arguments
    assert [one for one in arguments if len(re.split(r" {2,}|\n +", one.strip())) < 2] == []
