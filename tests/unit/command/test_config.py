"""`dekaf config`: what a configuration comes to."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from dekaf.command.main import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["config", *arguments]) == 0
    return capsys.readouterr().out


def test_options_that_are_not_at_their_defaults_are_shown_as_toml(capsys: pytest.CaptureFixture[str]) -> None:
    output = shown(capsys, "-b", "a:1,b:1", "-X", "linger_ms=20", "-X", "acks=1", "-X", "start=eager")

    assert tomllib.loads(output) == {
        "bootstrap_servers": ["a:1", "b:1"],
        "acks": "leader",
        "linger_ms": 20,
        "start": "eager",
    }


def test_what_is_shown_can_be_read_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = shown(capsys, "-b", "a:1", "-X", "linger_ms=20", "-X", "acks=none")
    file = tmp_path / "kafka.toml"
    file.write_text(first)

    assert shown(capsys, "-c", str(file)) == first


def test_defaults_can_be_shown_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "-b", "a:1", "--all").splitlines()

    assert "# linger_ms: 5" in lines
    assert "# sasl_password: none" in lines
    assert 'bootstrap_servers = ["a:1"]' in lines


def test_secrets_are_not_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "kcat.conf"
    file.write_text(
        "bootstrap.servers=a:1\nsecurity.protocol=SASL_SSL\nsasl.mechanisms=PLAIN\nsasl.username=shop\n"
        "sasl.password=hunter2\n"
    )

    output = shown(capsys, "-c", str(file))

    assert "hunter2" not in output
    assert "# sasl_password: set, and not shown" in output
    assert 'sasl_username = "shop"' in output


@pytest.mark.parametrize(
    ("client", "given", "expected"),
    [
        ("confluent", {"bootstrap.servers": "a:1", "queue.buffering.max.ms": 30}, 30),
        ("aiokafka", {"bootstrap_servers": "a:1", "linger_ms": 30}, 30),
        ("kafka-python", {"bootstrap_servers": "a:1", "linger_ms": 30}, 30),
    ],
)
def test_configurations_of_other_clients_are_translated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, client: str, given: dict[str, object], expected: int
) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps(given))

    assert tomllib.loads(shown(capsys, "--from", client, str(file)))["linger_ms"] == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-X", "lingr_ms=3"], "linger_ms"),
        (["-X", "acks=2"], "acks"),
        (["--from", "confluent"], "needs the FILE to translate"),
        (["--from", "confluent", "/no/such"], "/no/such"),
    ],
)
def test_what_is_wrong_is_told_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", *arguments])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
