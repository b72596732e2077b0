"""Every style of tests that users write, each run as they run it: in a process of its own, without our configuration.

The projects beside this file are theirs. Their Kafka does not exist, so whatever reached out would fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
