"""The pytest plugin, run by a pytest of its own."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

from dekaf.testing import plugin

ROOT = Path(__file__).parents[3]

PLUGIN = ("-p", "dekaf.testing.plugin", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:django")

A_TEST = """
from dekaf.testing import KafkaFixture

def test_order_is_announced(kafka: KafkaFixture) -> None:
    kafka.producer(str, dict).produce("orders", "42", {"state": "paid"})
    kafka.assert_produced("orders", key="42", value={"state": "paid"})

def test_begins_with_nothing(kafka: KafkaFixture) -> None:
    kafka.assert_nothing_produced()

def test_fails(kafka: KafkaFixture) -> None:
    kafka.assert_produced("orders")
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a pytest without the plugins that happen to be installed here."""
    command = [sys.executable, "-m", "pytest", *PLUGIN, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_fixture_serves_tests_and_is_fresh_for_each(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(A_TEST)

    finished = run_pytest(tmp_path)

    assert "1 failed, 2 passed" in finished.stdout
    assert "AssertionError: expected at least 1 message to 'orders', but there are none." in finished.stdout
    assert "Nothing was produced." in finished.stdout


def test_fixture_is_documented(tmp_path: Path) -> None:
    finished = run_pytest(tmp_path, "--fixtures")

    assert "All producers in memory, with assertions about what was produced" in finished.stdout


def test_plugin_loads_no_double_before_the_fixture_is_used() -> None:
    program = (
        "import sys, dekaf.testing.plugin\nprint([name for name in sys.modules if name.startswith('dekaf.testing.')])\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert finished.stdout.strip() == "['dekaf.testing.plugin']"


def test_plugin_is_found_where_dekaf_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    (module,) = project["project"]["entry-points"]["pytest11"].values()

    assert importlib.import_module(module) is plugin
