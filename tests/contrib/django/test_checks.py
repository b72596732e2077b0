from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from dekaf.contrib.django.checks import check_asgi_application, check_setting

ROOT = Path(__file__).parents[3]
NOWHERE = "127.0.0.1:1"


def test_a_project_as_it_should_be_has_nothing_to_hear() -> None:
    assert run_checks() == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (None, "The setting DEKAF is missing"),
        ({"bootstrap_server": NOWHERE}, "did you mean bootstrap_servers"),
        ({"default": {"bootstrap_servers": NOWHERE}, "linger_ms": 5}, "looks like the alias"),
        ({"bootstrap_servers": NOWHERE, "linger_ms": 5, "LINGER_MS": 5}, "given twice, in different case"),
        ({"default": {"bootstrap_servers": NOWHERE}, "audit": {"linger": 5}}, r"DEKAF['audit']"),
        ("kafka:9092", "not str"),
    ],
)
def test_mistakes_in_the_setting_are_errors(setting: object, message: str) -> None:
    with override_settings(DEKAF=setting):
        faults = run_checks()

    assert [fault.id for fault in faults] == ["dekaf.E001"]
    assert message in faults[0].msg


def test_a_value_that_is_not_allowed_is_an_error() -> None:
    with override_settings(DEKAF={"bootstrap_servers": NOWHERE, "start": "now"}):
        assert [fault.id for fault in check_setting()] == ["dekaf.E001"]


def test_an_extra_that_is_not_installed_is_an_error() -> None:
    # In a fresh interpreter: compiled code remembers a module once it was imported.
    program = f"""
import sys
sys.modules.update(snappy=None, cramjam=None)  # importing them fails
import django
from django.test import override_settings
from dekaf.contrib.django.checks import check_setting
django.setup()
with override_settings(DEKAF={{"audit": {{"bootstrap_servers": "{NOWHERE}", "compression_type": "snappy"}}}}):
    print(*[fault.id + " " + fault.msg for fault in check_setting()], sep="\\n")
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.contrib.django.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    (fault,) = done.stdout.splitlines() or [done.stderr]
    assert fault.startswith("dekaf.E002 ")
    assert "pip install 'dekaf[snappy]'" in fault
    assert "'audit'" in fault


@pytest.mark.parametrize("name", ["application", "other", "wrapped_by_others"])
def test_an_asgi_application_that_drains_is_fine(name: str) -> None:
    with override_settings(ASGI_APPLICATION=f"tests.contrib.django.asgi.{name}"):
        assert check_asgi_application() == []


@pytest.mark.parametrize("name", ["plain", "plain_in_middleware"])
def test_an_asgi_application_that_loses_messages_is_warned_of(name: str) -> None:
    with override_settings(ASGI_APPLICATION=f"tests.contrib.django.asgi.{name}"):
        warnings = run_checks()

    assert [warning.id for warning in warnings] == ["dekaf.W001"]
    assert "from dekaf.contrib.django.asgi import get_asgi_application" in warnings[0].hint


@pytest.mark.parametrize("path", [None, "no.such.module.application", "tests.contrib.django.asgi.missing"])
def test_no_asgi_application_or_a_broken_one_is_none_of_our_business(path: str | None) -> None:
    with override_settings(ASGI_APPLICATION=path):
        assert check_asgi_application() == []
