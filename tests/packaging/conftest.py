"""What users install, built once per run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.build_wheel import Build, NoCompilerError, build_wheel, prepare_wheel

ROOT = Path(__file__).parents[2]

# A test may be the first to build something: the compiled wheel takes minutes, unless the step before has made it.
BUILDING_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give this folder's tests time."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILDING_SECONDS))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "build", "--sdist", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="session")
def interpreted_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel for every platform."""
    return build_wheel(Build.INTERPRETED, tmp_path_factory.mktemp("interpreted"), say=print)


@pytest.fixture(scope="session")
def compiled_wheel() -> Path:
    """The wheel for this Python; without a C compiler its tests skip, or in CI fail, with the reason."""
    try:
        return prepare_wheel(Build.COMPILED, say=print)
    except NoCompilerError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"CI has to build the compiled wheel: {error}", pytrace=False)
        pytest.skip(str(error))
