"""`dekaf config`: what a configuration comes to."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dekaf.command.main import main
from tests.unit.command.terminals import Shown, needs_pty, on_terminal


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
        (["kafka.toml"], "kafka.toml: whose configuration is it?"),
    ],
)
def test_what_is_wrong_is_told_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", *arguments])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@needs_pty
def test_a_terminal_with_rich_shows_a_table_that_says_where_options_come_from(tmp_path: Path) -> None:
    file = tmp_path / "kafka.toml"
    file.write_text(
        'linger_ms = 20\nsasl_password = "hunter2"\nsecurity_protocol = "SASL_SSL"\n'
        'sasl_mechanism = "PLAIN"\nsasl_username = "shop"\nbootstrap_servers = "of-file:1"\n'
    )
    shown = on_terminal("config", "-c", str(file), "-b", "a:1,b:1", "-X", "acks=1", columns=150)

    assert shown.status == 0
    assert rows(shown)[0] == ["option", "value", "comes from"]
    assert sorted(rows(shown)[1:]) == [
        ["acks", '"leader"', "-X acks"],
        ["bootstrap_servers", "a:1, b:1", "-b"],
        ["linger_ms", "20", str(file)],
        ["sasl_mechanism", '"PLAIN"', str(file)],
        ["sasl_password", "set, and not shown", str(file)],
        ["sasl_username", '"shop"', str(file)],
        ["security_protocol", '"SASL_SSL"', str(file)],
    ]
    assert "hunter2" not in shown.raw


@needs_pty
def test_a_table_names_variables_of_the_environment_and_defaults() -> None:
    environment = {"DEKAF_LINGER_MS": "7", "DEKAF_AUDIT__BOOTSTRAP_SERVERS": "a:1", "DEKAF_AUDIT__ACKS": "1"}
    shown = on_terminal("config", "--alias", "audit", "--all", environment=environment)

    table = {row[0]: row[1:] for row in rows(shown)}
    assert table["bootstrap_servers"] == ["a:1", "DEKAF_AUDIT__BOOTSTRAP_SERVERS"]
    assert table["acks"] == ['"leader"', "DEKAF_AUDIT__ACKS"]
    assert table["linger_ms"] == ["7", "DEKAF_LINGER_MS"]
    assert table["batch_size"] == ["65536", "default"]
    assert table["sasl_password"] == ["none", "default"]


def test_arguments_complete_what_is_translated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "theirs.properties"
    file.write_text("linger.ms=7\n")

    assert main(["config", "--from", "confluent", str(file), "-b", "broker:1", "-X", "batch_size=99"]) == 0

    assert {'bootstrap_servers = ["broker:1"]', "linger_ms = 7", "batch_size = 99"} <= set(
        capsys.readouterr().out.split("\n")
    )
    with pytest.raises(SystemExit):
        main(["config", "--from", "confluent", str(file), "-c", str(file)])
    assert "without -c" in capsys.readouterr().err


@needs_pty
def test_a_table_says_what_was_translated(tmp_path: Path) -> None:
    file = tmp_path / "theirs"
    file.write_text("bootstrap.servers=a:1\nqueue.buffering.max.ms=30\n")

    table = {row[0]: row[1:] for row in rows(on_terminal("config", "--from", "confluent", str(file), columns=150))}
    assert table["linger_ms"] == ["30", str(file)]


@needs_pty
@pytest.mark.parametrize("options", [{"has_rich": False}, {"columns": 50}, {"environment": {"TERM": "dumb"}}])
def test_other_terminals_show_toml(options: dict[str, Any]) -> None:
    shown = on_terminal("config", "-b", "a:1", "-X", "linger_ms=20", **options)

    assert tomllib.loads(shown.text) == {"bootstrap_servers": ["a:1"], "linger_ms": 20}


def rows(shown: Shown) -> list[list[str]]:
    """Return the cells of a table."""
    return [
        [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        for line in shown.text.splitlines()
        if line.startswith(("│", "┃"))
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('["a:1"]', "theirs: it is no object of names and values"),
        ("{", "theirs: "),
        ("[" * 100_000, "theirs: "),
        ("bootstrap.servers", "theirs: line 1 is not `name=value`"),
    ],
)
def test_a_file_that_cannot_be_translated_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "theirs"
    file.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["config", "--from", "confluent", str(file)])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_files_may_begin_with_a_byte_order_mark(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, content in (("a.toml", 'bootstrap_servers = "a:1"'), ("a.conf", "bootstrap.servers=a:1")):
        (tmp_path / name).write_text(content, encoding="utf-8-sig")
        assert 'bootstrap_servers = ["a:1"]' in shown(capsys, "-c", str(tmp_path / name))
    assert 'bootstrap_servers = ["a:1"]' in shown(capsys, "--from", "confluent", str(tmp_path / "a.conf"))


def test_a_backend_without_servers_can_be_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEKAF_BACKEND", "memory")

    assert 'backend = "memory"' in shown(capsys)
