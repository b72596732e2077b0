"""What is in the distributions, and what they say about themselves on PyPI."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHES = {"__pycache__", ".mypy_cache", ".pytest_cache"}  # what tools leave behind
FOLDERS_OF_THE_SDIST = ("benchmarks", "dekaf", "docs", "example_project", "tests", "tools")
FILES_OF_THE_SDIST = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "mkdocs.yml",
    "noxfile.py",
    "pyproject.toml",
)

RELATIVE_LINK = re.compile(r"\]\((?!https?://)")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def described(wheel: Path) -> str:
    description = metadata_of(wheel).get_payload()
    assert isinstance(description, str)
    return description


def working_tree() -> set[str]:
    """Return the files that belong into an sdist, as they lie here."""
    found = [path for folder in FOLDERS_OF_THE_SDIST for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = {path.relative_to(ROOT).as_posix() for path in found if not CACHES.intersection(path.parts)}
    return {name for name in names if not name.startswith("benchmarks/results/")} | set(FILES_OF_THE_SDIST)


def test_sdist_holds_everything_that_building_testing_and_reading_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}

    assert working_tree() - packed == set()
    assert {name for name in packed if "__pycache__" in name or name.endswith((".so", ".pyc"))} == set()


def test_interpreted_wheel_is_for_every_platform(interpreted_wheel: Path) -> None:
    assert interpreted_wheel.name.endswith("-py3-none-any.whl")


def test_compiled_wheel_is_for_one_platform(compiled_wheel: Path) -> None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"

    assert f"-{tag}-{tag}-" in compiled_wheel.name


@pytest.mark.parametrize("build", ["interpreted_wheel", "compiled_wheel"])
def test_wheel_is_typed_and_leaves_other_packages_folders_alone(build: str, request: pytest.FixtureRequest) -> None:
    names = names_in(request.getfixturevalue(build))

    assert "dekaf/py.typed" in names
    assert "dekaf/testing/__init__.pyi" in names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"dekaf"}


def test_compiled_wheel_holds_machine_code_and_the_source_for_tracebacks(compiled_wheel: Path) -> None:
    names = names_in(compiled_wheel)
    modules = {name.partition(".")[0] for name in names if name.endswith(".so")}

    assert {"dekaf/_compiled__mypyc", "dekaf/producer/_core/core", "dekaf/producer/sync_producer"} <= modules
    assert {f"{module}.py" for module in modules} - names == {"dekaf/_compiled__mypyc.py"}


def test_only_the_compiled_wheel_holds_stubs_and_they_are_the_sources(
    compiled_wheel: Path, interpreted_wheel: Path
) -> None:
    with zipfile.ZipFile(compiled_wheel) as archive:
        stubs = {name for name in archive.namelist() if name.endswith(".pyi")} - {"dekaf/testing/__init__.pyi"}

        assert {"dekaf/message.pyi", "dekaf/types.pyi", "dekaf/producer/sync_producer.pyi"} <= stubs
        assert all(archive.read(stub) == archive.read(stub.removesuffix("i")) for stub in stubs)
    assert stubs & names_in(interpreted_wheel) == set()


def test_pypi_accepts_the_metadata(sdist: Path, interpreted_wheel: Path, compiled_wheel: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict"]

    files = [str(path) for path in (sdist, interpreted_wheel, compiled_wheel)]

    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_pypi_shows_the_readme_without_links_that_lead_nowhere_there(interpreted_wheel: Path) -> None:
    shown = described(interpreted_wheel)

    assert "## FastAPI" in shown
    assert RELATIVE_LINK.search(shown) is None
    assert "!Messages" not in shown
    assert RELATIVE_LINK.search((ROOT / "README.md").read_text(encoding="utf-8"))  # or there is nothing to replace


def test_extras_are_what_errors_tell_users_to_install(interpreted_wheel: Path) -> None:
    extras = metadata_of(interpreted_wheel).get_all("Provides-Extra", [])

    assert {"lz4", "zstd", "snappy", "uvloop", "di", "cli", "fastapi", "django", "oauth-assertion", "all"} | {
        "opentelemetry",
        "prometheus",
    } == set(extras)
