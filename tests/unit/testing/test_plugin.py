"""The pytest plugin, run by a pytest of its own."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import FakeCluster, plugin

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


A_GUARDED_PROJECT = """
import asyncio

import pytest

from dekaf import ProducerRegistry
from dekaf.testing import RealKafkaInTestError, allow_real_kafka

registry = ProducerRegistry({"bootstrap_servers": "ADDRESS"})
in_memory = ProducerRegistry({"backend": "memory"})

def produce(value):
    registry.producer().produce("t", "k", value)

def test_forgets_the_fixture():
    produce("unmarked")

@pytest.mark.real_kafka
def test_marked():
    produce("marked")

def test_after_a_marked_one():
    with pytest.raises(RealKafkaInTestError):
        produce("after a marked one")

@allow_real_kafka()
def test_decorated():
    produce("decorated")

def test_fixture(kafka):
    produce("in memory")
    kafka.assert_produced("t", value="in memory")

@pytest.mark.parametrize("number", [1, 2])
def test_memory_of_settings_begins_empty(number):
    in_memory.producer().fire("t", "k", "v")
    assert [message.offset for message in in_memory.producer().produced.messages] == [0]

@pytest.fixture
def prepared():
    produce("in a fixture")

@pytest.mark.real_kafka
def test_marked_with_a_fixture(prepared):
    pass
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a pytest without the plugins that happen to be installed here."""
    command = [sys.executable, "-m", "pytest", *PLUGIN, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def kafka_elsewhere() -> Iterator[FakeCluster]:
    """A Kafka in another process than the tests that are run."""
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


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


# No real Kafka by accident.


def guarded_project(folder: Path, cluster: FakeCluster) -> None:
    (folder / "test_guarded.py").write_text(A_GUARDED_PROJECT.replace("ADDRESS", cluster.bootstrap_servers))


def test_only_what_is_marked_reaches_kafka(tmp_path: Path, kafka_elsewhere: FakeCluster) -> None:
    guarded_project(tmp_path, kafka_elsewhere)

    finished = run_pytest(tmp_path, "--strict-markers")

    assert "1 failed, 7 passed" in finished.stdout
    assert "RealKafkaInTestError: A test was about to reach a real Kafka" in finished.stdout
    assert [record.value for record in kafka_elsewhere.log("t")] == [b"marked", b"decorated", b"in a fixture"]


def test_an_option_allows_all_tests(tmp_path: Path, kafka_elsewhere: FakeCluster) -> None:
    guarded_project(tmp_path, kafka_elsewhere)
    (tmp_path / "pytest.ini").write_text("[pytest]\ndekaf_real_kafka = true\n")

    finished = run_pytest(tmp_path, "-k", "forgets or marked_one or marked")

    assert "1 failed, 3 passed" in finished.stdout  # it is the one that expects to be refused
    assert b"unmarked" in [record.value for record in kafka_elsewhere.log("t")]


def test_servers_that_tests_start_are_not_guarded(tmp_path: Path, kafka_elsewhere: FakeCluster) -> None:
    program = (
        "from dekaf import ProducerRegistry\n"
        f"with ProducerRegistry({{'bootstrap_servers': '{kafka_elsewhere.bootstrap_servers}'}}) as registry:\n"
        "    registry.producer().produce('t', 'k', 'from a server')\n"
    )
    (tmp_path / "test_server.py").write_text(
        f"import subprocess, sys\ndef test_it():\n    subprocess.run([sys.executable, '-c', {program!r}], check=True)\n"
    )

    finished = run_pytest(tmp_path)

    assert "1 passed" in finished.stdout
    assert [record.value for record in kafka_elsewhere.log("t")] == [b"from a server"]


def test_the_marker_is_listed(tmp_path: Path) -> None:
    finished = run_pytest(tmp_path, "--markers")

    assert "@pytest.mark.real_kafka: producers of settings and registries may reach a real Kafka" in finished.stdout
