"""Every style of tests that users write, each run as they run it: in a process of its own, without our configuration.

The projects beside this file are theirs. Their Kafka does not exist, so whatever reached out would fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dekaf.testing import FakeCluster

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 120
OURS = ("DEKAF_", "DJANGO_", "PYTEST_")  # variables that another test set


def run(*command: str) -> str:
    """Run Python with these arguments; return what it printed."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", *command],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(OURS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    output = finished.stdout + finished.stderr
    assert finished.returncode == 0, output
    return output


def run_pytest(project: str, *arguments: str) -> str:
    folder = HERE / project
    return run("-m", "pytest", "-c", str(folder / "pytest.ini"), "--rootdir", str(ROOT), *arguments, str(folder))


@pytest.mark.timeout(SECONDS)
def test_pytest_with_asyncio_anyio_and_xdist() -> None:
    assert "6 passed" in run_pytest("fastapi_project", "-n", "2")


@pytest.mark.timeout(SECONDS)
def test_pytest_django_with_test_cases_live_server_async_client_and_channels() -> None:
    assert "16 passed" in run_pytest("django_project")


@pytest.mark.timeout(SECONDS)
def test_djangos_own_runner_with_processes_side_by_side() -> None:
    output = run(
        "-m",
        "django",
        "test",
        "tests.styles.django_project",
        "--settings=tests.styles.django_project.settings",
        "--pattern=check_with_unittest.py",
        "--parallel=2",
    )

    assert "Ran 9 tests" in output
    assert "OK" in output


def test_plain_unittest() -> None:
    output = run("-m", "unittest", "tests.styles.plain_project.check_service")

    assert "Ran 2 tests" in output


STARTED_BEFORE_TESTS = """
import sys, unittest
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["dekaf.contrib.django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEKAF={"bootstrap_servers": sys.argv[1]},
)
django.setup()

from django.test import TestCase
from django.test.runner import DiscoverRunner
from dekaf.contrib.django import get_producer
from dekaf.testing import RealKafkaInTestError, allow_real_kafka

get_producer().produce("t", "k", "before tests, as AppConfig.ready() may")

class Orders(TestCase):
    def test_guard(self):
        with self.assertRaises(RealKafkaInTestError):
            get_producer().produce("t", "k", "forgotten")
        with allow_real_kafka():
            get_producer().produce("t", "k", "allowed")

class Runner(DiscoverRunner):
    def build_suite(self, *arguments, **keywords):
        return unittest.defaultTestLoader.loadTestsFromTestCase(Orders)

failures = Runner(verbosity=0).run_tests(["orders"])
get_producer().produce("t", "k", "after tests")
sys.exit(failures)
"""


def test_what_djangos_start_has_connected_ends_when_its_tests_begin() -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        run("-c", STARTED_BEFORE_TESTS, cluster.bootstrap_servers)

        values = [record.value for record in cluster.log("t")]

    assert values == [b"before tests, as AppConfig.ready() may", b"allowed", b"after tests"]
