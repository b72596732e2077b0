"""`dekaf.compiled` tells the truth, here and in the processes that tests start."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dekaf

ROOT = Path(__file__).parents[1]

# Public modules that are compiled as well; all others with a public name can be patched and subclassed.
COMPILED_PUBLIC = {
    "dekaf.message",
    "dekaf.partitioning",
    "dekaf.producer.async_producer",
    "dekaf.producer.sync_producer",
    "dekaf.producer.topic_views",
    "dekaf.types",
}
PUBLIC_FOR_ALL = (
    "abc",
    "builder",
    "errors",
    "registry",
    "security",
    "serialization",
    "producer.config",
    "producer.options",
)


def is_machine_code(name: str) -> bool:
    return not str(importlib.import_module(name).__file__).endswith(".py")


def private_modules() -> list[str]:
    """Name the modules of the rooms with an underscore, and the producer's own."""
    names = [module.name for module in pkgutil.walk_packages(dekaf.__path__, "dekaf.") if not module.ispkg]
    private = [name for name in names if name.split(".")[1].startswith("_") or ".producer._" in name]
    return [name for name in private if name.count(".") > 1]


@pytest.mark.parametrize("name", [*private_modules(), *sorted(COMPILED_PUBLIC)])
def test_compiled_rooms_are_all_what_dekaf_says_they_are(name: str) -> None:
    assert is_machine_code(name) is dekaf.compiled


@pytest.mark.parametrize("name", PUBLIC_FOR_ALL)
def test_other_public_modules_are_never_compiled(name: str) -> None:
    assert not is_machine_code(f"dekaf.{name}")


def test_processes_started_by_tests_run_the_same_build() -> None:
    program = "import dekaf; print(dekaf.compiled, dekaf.__file__)"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(dekaf.compiled), dekaf.__file__]


@pytest.mark.parametrize("is_meant", [True, False])
def test_tests_for_another_build_are_refused(is_meant: bool) -> None:
    meant = "compiled" if dekaf.compiled is is_meant else "interpreted"
    pytest_collects = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]

    done = subprocess.run(
        [*pytest_collects, "tests/unit/test_types.py"],
        cwd=ROOT,
        env={**os.environ, "DEKAF_TEST_IMPLEMENTATION": meant},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode == 0) is is_meant
    assert ("These tests are for dekaf" in done.stdout + done.stderr) is not is_meant
