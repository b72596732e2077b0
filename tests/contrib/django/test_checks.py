from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from dekaf.contrib.django.checks import check_asgi_application, check_deployment, check_setting

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
import threading
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


@pytest.mark.parametrize("path", ["no.such.module.application", "tests.contrib.django.asgi.missing"])
def test_a_broken_asgi_application_is_none_of_our_business(path: str) -> None:
    with override_settings(ASGI_APPLICATION=path):
        assert check_asgi_application() == []


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, asgi: str | None) -> None:
    """Make a project as `startproject` does, without ASGI_APPLICATION in its settings."""
    package = folder / "startedproject"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    if asgi is not None:
        (package / "asgi.py").write_text(asgi, encoding="utf-8")
    path = package / "__init__.py"
    spec = importlib.util.spec_from_file_location("startedproject", path, submodule_search_locations=[str(package)])
    assert spec is not None
    monkeypatch.setitem(sys.modules, "startedproject", importlib.util.module_from_spec(spec))


PLAIN_ASGI = "from django.core.asgi import get_asgi_application\nraise RuntimeError('imported')\n"


@pytest.mark.parametrize(
    ("asgi", "ids"),
    [
        (PLAIN_ASGI, ["dekaf.W001"]),
        ("from dekaf.contrib.django.asgi import get_asgi_application\n", []),
        (None, []),
    ],
)
def test_without_the_setting_the_asgi_file_beside_the_urls_is_read_and_not_imported(
    asgi: str | None, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, asgi)

    with override_settings(ASGI_APPLICATION=None, ROOT_URLCONF="startedproject.urls"):
        warnings = check_asgi_application()

    assert [warning.id for warning in warnings] == ids


@pytest.mark.parametrize("start", ["eager", "background"])
def test_checking_starts_and_connects_nothing(start: str) -> None:
    before = threading.active_count()

    with override_settings(DEKAF={"bootstrap_servers": NOWHERE, "start": start, "max_block_ms": 60_000}):
        assert check_setting() == []

    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"bootstrap_servers": "kafka-1:9092"}, []),
        ({"backend": "memory"}, ["dekaf.W002"]),
        ({"backend": "disabled", "acks": "none"}, ["dekaf.W002"]),
        ({"bootstrap_servers": "kafka-1:9092", "acks": "leader"}, ["dekaf.W004"]),
        ({"bootstrap_servers": "kafka-1:9092,localhost:9092"}, ["dekaf.W005"]),
        ({"bootstrap_servers": "[::1]:9092"}, ["dekaf.W005"]),
        (
            {
                "bootstrap_servers": "kafka-1:9092",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "sasl_username": "alice",
                "sasl_password": "wonder-7431",
            },
            ["dekaf.W003"],
        ),
    ],
)
def test_a_deployment_is_warned_of_what_suits_a_developers_machine_alone(
    options: dict[str, object], ids: list[str]
) -> None:
    with override_settings(DEKAF=options):
        warnings = check_deployment()
        without_deploy = run_checks(tags=["dekaf"])

    assert [warning.id for warning in warnings] == ids
    assert "wonder-7431" not in str(warnings)
    assert without_deploy == []


def test_a_deployment_with_wrong_settings_is_told_once() -> None:
    with override_settings(DEKAF={"linger": 5}):
        assert [fault.id for fault in run_checks(tags=["dekaf"], include_deployment_checks=True)] == ["dekaf.E001"]


@pytest.mark.parametrize(
    ("required", "message"), [(["tenants"], "names 'tenants', which is no alias"), ("default", "must be a list")]
)
def test_a_prefix_that_no_alias_can_require_is_an_error(required: object, message: str) -> None:
    with override_settings(DEKAF_TOPIC_PREFIX_REQUIRED=required):
        (fault,) = check_setting()

    assert fault.id == "dekaf.E003"
    assert message in fault.msg


def test_the_default_alias_in_upper_case_is_an_error() -> None:
    with override_settings(DEKAF={"DEFAULT": {"bootstrap_servers": NOWHERE}}):
        (fault,) = check_setting()

    assert "the alias 'DEFAULT' is written 'default'" in fault.msg
