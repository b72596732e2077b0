"""Installing into a fresh environment, as users do."""

from __future__ import annotations

from pathlib import Path

from tests.packaging.environment import FIRST_STEPS, UserEnvironment

CHECK_HELP = Path(__file__).parents[2] / "tools" / "check_help.py"

BOUND_SIGNATURES = """
import dekaf, inspect

for face in (dekaf.Producer, dekaf.AsyncProducer):
    producer = face(bootstrap_servers="localhost:9092")
    print(*inspect.signature(producer.produce).parameters)
    print(producer.produce.__name__)
"""


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


def test_compiled_wheel_shows_help_as_the_interpreted_one_does(compiled_wheel: Path, tmp_path: Path) -> None:
    environment = UserEnvironment(tmp_path / "venv")

    environment.install(str(compiled_wheel), "jedi")

    assert ", 0 problems" in environment.run(str(CHECK_HELP), "--with-jedi")
    parameters = "topic key value headers partition timestamp timeout deadline"
    assert environment.run("-c", BOUND_SIGNATURES).splitlines() == [parameters, "produce"] * 2
