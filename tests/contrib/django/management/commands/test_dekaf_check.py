"""`manage.py dekaf_check`."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from dekaf.testing import FakeCluster


def test_each_step_is_told() -> None:
    output = io.StringIO()
    with (
        FakeCluster(topics={"orders": 1}) as cluster,
        override_settings(DEKAF={"bootstrap_servers": cluster.bootstrap_servers}),
    ):
        call_command("dekaf_check", topics=["orders"], stdout=output)

    assert "topic orders: 1 partition(s)" in output.getvalue()


def test_a_step_that_failed_fails_the_command() -> None:
    output = io.StringIO()
    with pytest.raises(CommandError, match="see the step that failed"):
        call_command("dekaf_check", "audit", timeout=1.0, stdout=output)

    assert "FAILED bootstrap 127.0.0.1:1: TCP" in output.getvalue()


@pytest.mark.parametrize(
    ("alias", "said"), [("audti", "Did you mean 'audit'"), ("memory", "backend='memory' of 'memory' is no Kafka")]
)
def test_what_cannot_be_checked_is_told(alias: str, said: str) -> None:
    with (
        override_settings(DEKAF={"audit": {"bootstrap_servers": "a:1"}, "memory": {"backend": "memory"}}),
        pytest.raises(CommandError, match=said),
    ):
        call_command("dekaf_check", alias)
