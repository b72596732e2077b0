"""Installing into a fresh environment, as users do."""

from __future__ import annotations

from pathlib import Path

from tests.packaging.environment import FIRST_STEPS, UserEnvironment


def test_sdist_installs_without_a_compiler_and_runs_interpreted(sdist: Path, tmp_path: Path) -> None:
    environment = UserEnvironment(tmp_path / "venv")

    environment.install(str(sdist))

    assert environment.run("-c", FIRST_STEPS).split() == ["0", "False"]
    assert "No broken requirements" in environment.run("-m", "pip", "check")


def test_compiled_wheel_installs_runs_and_leaves_nothing_when_uninstalled(compiled_wheel: Path, tmp_path: Path) -> None:
    environment = UserEnvironment(tmp_path / "venv")

    environment.install(str(compiled_wheel))

    assert environment.run("-c", FIRST_STEPS).split() == ["0", "True"]
    assert "No broken requirements" in environment.run("-m", "pip", "check")

    environment.run("-m", "pip", "uninstall", "--quiet", "--yes", "dekaf")
    assert [name for name in environment.site_packages() if "dekaf" in name or "mypyc" in name] == []
