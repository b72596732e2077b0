"""`manage.py dekaf_produce`."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from dekaf.testing import FakeCluster


def test_lines_of_a_file_are_produced_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "orders"
    file.write_bytes(b"42:paid\n43:sent\n")
    with (
        FakeCluster(topics={"orders": 1}) as cluster,
        override_settings(DEKAF={"audit": {"bootstrap_servers": cluster.bootstrap_servers, "value": "json"}}),
    ):
        call_command("dekaf_produce", "orders", str(file), "--key-separator", ":", "--alias", "audit")
        records = [(record.key, record.value) for record in cluster.log("orders")]

    assert records == [(b"42", b"paid"), (b"43", b"sent")]
    assert "2 delivered to orders" in capsys.readouterr().err


def test_a_broken_line_is_the_commands_exit_status(tmp_path: Path) -> None:
    file = tmp_path / "orders"
    file.write_bytes(b"{")
    with (
        FakeCluster(topics={"orders": 1}) as cluster,
        override_settings(DEKAF={"bootstrap_servers": cluster.bootstrap_servers}),
        pytest.raises(SystemExit) as ended,
    ):
        call_command("dekaf_produce", "orders", str(file), "--format", "json")

    assert ended.value.code == 1


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(CommandError, match="/no/such: No such file"):
        call_command("dekaf_produce", "orders", "/no/such")
    with pytest.raises(CommandError, match="no alias 'x'"):
        call_command("dekaf_produce", "orders", "--alias", "x")
